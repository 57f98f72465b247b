"""The embedded read node starts from its own snapshot, and from no other."""

import re
from pathlib import Path

import httpx

from tests.e2e.conftest import StartMesh
from tests.e2e.mesh_process import MeshProcess


def snapshots(mesh: MeshProcess) -> list[Path]:
    return sorted((mesh.data_dir / "read-1").glob("*.snapshot"))


def loaded_events(mesh: MeshProcess) -> int:
    told = httpx.get(f"{mesh.http}/metrics").text
    found = re.search(
        r"^flightmesh_read_node_snapshot_loaded_events(?:\{.*\})? ([\d.]+)$", told, re.M
    )
    assert found, told
    return int(float(found[1]))


def test_a_restart_goes_on_from_the_snapshot_and_a_bad_one_does_no_harm(
    start_mesh: StartMesh,
) -> None:
    mesh = start_mesh(sample=True)
    legs = mesh.legs("sample")
    assert (loaded_events(mesh), snapshots(mesh)) == (0, [])
    assert mesh.stop() == 0, mesh.log()
    assert len(snapshots(mesh)) == 1
    assert mesh.cli("doctor", "--data-dir", mesh.data_dir).returncode == 0

    again = start_mesh(mesh.data_dir)
    in_first = loaded_events(again)
    assert in_first > len(legs)
    rotation = f"{again.http}/v1/schedules/sample/rotations/{legs[0]['rotation_id']}"
    removed = httpx.post(f"{rotation}:removeLeg", json={"leg_id": legs[0]["leg_id"]})
    assert removed.status_code == 200, removed.text
    assert again.stop() == 0, again.log()

    # With a flipped bit in the newest, the one before serves, and the ledgers tell the rest.
    newest = snapshots(mesh)[-1]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    third = start_mesh(mesh.data_dir)
    assert f"{newest.name} is passed over" in third.log()
    assert loaded_events(third) == in_first
    assert third.legs("sample") == legs[1:]
