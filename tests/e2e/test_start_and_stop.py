"""`flightmesh run` from start to stop, with its sample schedule."""

import socket
import subprocess
from importlib.metadata import version as version_of
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import StartMesh
from tests.e2e.mesh_process import BIN, MeshProcess

KINDS = {
    "continuity", "ground_time", "designator", "airplane_overlap", "aircraft_type",
    "unknown_airplane",
}  # fmt: skip


def test_the_first_start_loads_a_sample_with_findings_of_each_kind_and_a_restart_keeps_it(
    start_mesh: StartMesh,
) -> None:
    mesh = start_mesh(sample=True)
    assert any(str(mesh.http_port) in line for line in mesh.output)
    legs, findings = mesh.legs("sample"), mesh.json("findings", "--schedule", "sample")
    assert len(legs) > 1_000
    assert findings["totals"].keys() == KINDS
    assert all(findings["totals"].values())
    assert len(findings["findings"]) == sum(findings["totals"].values())
    assert mesh.stop() == 0, mesh.log()
    again = start_mesh(mesh.data_dir, sample=True)
    assert again.legs("sample") == legs
    assert again.json("findings", "--schedule", "sample")["findings"] == findings["findings"]
    again.kill()
    third = start_mesh(mesh.data_dir, sample=True)
    assert third.legs("sample") == legs


def test_a_sample_that_was_cut_off_is_finished_by_the_next_start(start_mesh: StartMesh) -> None:
    mesh = start_mesh()
    mesh.json("schedules", "create", "sample")
    assert mesh.stop() == 0, mesh.log()
    # What a first start that is killed leaves; this one got no further than the schedule.
    note = mesh.data_dir / "sample.unfinished"
    note.write_text("2026-11-30")
    again = start_mesh(mesh.data_dir, sample=True)
    legs = again.legs("sample")
    assert len(legs) > 1_000
    assert min(leg["day_of_origin"] for leg in legs) == "2026-11-30"
    assert not note.exists()


def test_a_second_process_on_the_same_data_is_refused(start_mesh: StartMesh) -> None:
    mesh = start_mesh()
    second = mesh.cli("run", check=False)
    assert second.returncode == 1
    assert second.stderr.splitlines() == [
        f"flightmesh run: another process uses the directory {mesh.data_dir}; stop it, or set"
        " FLIGHTMESH_DATA_DIR to another one"
    ]
    assert httpx.get(f"{mesh.http}/healthz").status_code == 200


@pytest.mark.parametrize("taken", ["FLIGHTMESH_HTTP_PORT", "FLIGHTMESH_GRPC_PORT"])
def test_a_port_in_use_is_told_in_one_line_with_the_name_of_its_setting(
    taken: str, tmp_path: Path
) -> None:
    mesh = MeshProcess(tmp_path / "data")
    with socket.socket() as other:
        port = mesh.http_port if taken == "FLIGHTMESH_HTTP_PORT" else mesh.grpc_port
        other.bind(("127.0.0.1", port))
        other.listen()
        refused = mesh.cli("run", check=False)
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        f"flightmesh run: cannot listen on 127.0.0.1:{port}: Address already in use;"
        f" set {taken} to another port"
    ]


def test_an_unknown_log_level_is_told_in_one_line(tmp_path: Path) -> None:
    mesh = MeshProcess(tmp_path / "data")
    environment = {**mesh.environment, "FLIGHTMESH_LOG_LEVEL": "loud"}
    refused = subprocess.run(
        [BIN, "run"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "FLIGHTMESH_LOG_LEVEL='loud'" in refused.stderr


def test_health_and_readiness_are_told_over_http_and_by_the_command_line(
    start_mesh: StartMesh,
) -> None:
    mesh = start_mesh()
    assert httpx.get(f"{mesh.http}/readyz").status_code == 200
    assert mesh.cli("doctor").returncode == 0
    nodes = mesh.json("nodes")["nodes"]
    roles = [node["role"] for node in nodes]
    assert roles.count("NODE_ROLE_SHARD_NODE") == 2
    assert {node["version"] for node in nodes} == {version_of("flightmesh")}
    shards = mesh.json("shards")["assignments"]
    owners = {shard["node"] for shard in shards}
    assert len(shards) == 64
    assert len(owners) == 2
