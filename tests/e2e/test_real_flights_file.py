"""Ten thousand real flights with tail numbers; findings against an independent computation."""

from pathlib import Path

import httpx
import pytest

from tests.e2e import flights_oracle
from tests.e2e.conftest import StartMesh
from tests.e2e.mesh_process import MeshProcess

SCHEDULE = "flights"


def totals(mesh: MeshProcess) -> dict[str, int]:
    found = mesh.json("findings", "--schedule", SCHEDULE)["totals"]
    return {kind: int(count) for kind, count in found.items()}


def test_flights_load_with_their_tail_numbers_and_findings_equal_window_functions(
    start_mesh: StartMesh, flights_file: Path
) -> None:
    mesh = start_mesh()
    report = mesh.json("import", "flights", flights_file, "--schedule", SCHEDULE)
    kept = flights_oracle.kept_legs(flights_file)
    assert int(report["added"]) == len(kept)
    assert int(report["rejected"]) == int(report["items"]) - len(kept)
    legs = mesh.legs(SCHEDULE)
    assert len(legs) == len(kept)
    assert {leg["registration"] for leg in legs} == {leg[0] for leg in kept}
    expected = flights_oracle.totals(kept)
    assert totals(mesh) == {
        **expected, "airplane_overlap": 0, "aircraft_type": 0, "unknown_airplane": 0,
    }  # fmt: skip
    assert expected["continuity"], "the file should show broken lines"
    assert expected["ground_time"], "the file should show short turnarounds"
    a_changed_leg_changes_the_findings_as_a_rebuild_would(mesh, start_mesh, legs)


def a_changed_leg_changes_the_findings_as_a_rebuild_would(
    mesh: MeshProcess, start_mesh: StartMesh, legs: list[dict[str, str]]
) -> None:
    before = totals(mesh)
    by_rotation: dict[str, list[dict[str, str]]] = {}
    for leg in legs:
        by_rotation.setdefault(leg["rotation_id"], []).append(leg)
    chain = max(by_rotation.values(), key=len)
    # Without a leg in its middle the airplane's line is broken, where it was whole before.
    middle = next(
        i for i in range(1, len(chain) - 1)
        if chain[i - 1]["arrival_airport"] == chain[i]["departure_airport"]
        and chain[i]["arrival_airport"] == chain[i + 1]["departure_airport"]
        and chain[i]["departure_airport"] != chain[i]["arrival_airport"]
    )  # fmt: skip
    url = f"{mesh.http}/v1/schedules/{SCHEDULE}/rotations/{chain[middle]['rotation_id']}"
    removed = httpx.post(f"{url}:removeLeg", json={"leg_id": chain[middle]["leg_id"]})
    assert removed.status_code == 200, removed.text
    after = httpx.get(
        f"{mesh.http}/v1/schedules/{SCHEDULE}/findings",
        params={"page_size": 1, "min_position": removed.json()["position"]},
    ).json()
    now = {kind: int(count) for kind, count in after["totals"].items()}
    assert now["continuity"] == before["continuity"] + 1
    live = mesh.json("findings", "--schedule", SCHEDULE)["findings"]
    mesh.kill()
    rebuilt = start_mesh(mesh.data_dir)
    assert totals(rebuilt) == now
    assert rebuilt.json("findings", "--schedule", SCHEDULE)["findings"] == live


@pytest.mark.parametrize("limit", [1, 7])
def test_findings_on_the_command_line_stop_at_the_limit(
    shared_mesh: MeshProcess, flights_file: Path, limit: int
) -> None:
    shared_mesh.cli("import", "flights", flights_file, "--schedule", SCHEDULE)
    found = shared_mesh.json("findings", "--schedule", SCHEDULE, "--limit", str(limit))
    assert len(found["findings"]) == limit
