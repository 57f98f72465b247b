"""`flightmesh doctor` against a scripted mesh: what is ill is named."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from clients.cli.app import app
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as mesh
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.errors import Refused


def run(scripted: Any, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--server", scripted.address])


def healthy(scripted: Any) -> None:
    roles = (
        mesh.NODE_ROLE_SHARD_NODE,
        mesh.NODE_ROLE_READ_NODE,
        mesh.NODE_ROLE_COORDINATOR,
    )
    scripted.nodes = [
        mesh.Node(name=f"n{role}", role=role, leader=role == mesh.NODE_ROLE_COORDINATOR)
        for role in roles
    ]
    scripted.summaries = [query.ScheduleSummary(schedule="s05", legs=len(scripted.legs))]
    scripted.summaries[0].findings.SetInParent()
    scripted.rotations = ["00000000-0000-4000-8000-00000000000a"]
    # Owners list removed rotations too; those count for nothing.
    scripted.removed_rotations = ["00000000-0000-4000-8000-00000000000b"]
    scripted.owned_schedules = [each.schedule for each in scripted.summaries]
    scripted.owned_rotations = [*scripted.rotations, *scripted.removed_rotations]
    for placed, ends in zip(scripted.legs, ("ORY", "MRS", "ORY"), strict=True):
        placed.rotation_id = scripted.rotations[0]
        placed.leg.arrival_airport = ends
    scripted.legs[1].leg.departure_airport = "ORY"
    for number, placed in enumerate(scripted.legs):
        placed.leg.departure_time.seconds += number * 7200
        placed.leg.arrival_time.seconds += number * 7200
    scripted.rotation_legs = [placed.leg for placed in scripted.legs]


def test_the_doctor_finds_a_healthy_mesh_well(scripted: Any) -> None:
    healthy(scripted)
    result = run(scripted, "doctor", "--json")
    told = json.loads(result.stdout)
    assert [check for check in told["checks"] if check["verdict"] != "ok"] == []
    assert (result.exit_code, told["ok"], len(told["checks"])) == (0, True, 10)
    assert {tuple(check) for check in told["checks"]} == {("invariant", "verdict", "evidence")}


def ill(scripted: Any, kind: str) -> None:
    match kind:
        case "servers reachable":
            scripted.serving = False
        case "shard map complete":
            scripted.assignments = scripted.shard_map().assignments[:-1]
        case "every shard owned":
            scripted.assignments = list(scripted.shard_map().assignments)
            scripted.assignments[5].state = mesh.SHARD_STATE_TAKING_OVER
        case "nodes present":
            scripted.nodes.pop()
        case "read side caught up":
            scripted.failures["ListNodes"] = [Refused("X", "x")] * 2
        case "schedule counts agree":
            scripted.summaries[0].legs += 1
        case "schedules equal the write side's":
            scripted.owned_schedules = ["another"]
        case "read model equals the write side":
            scripted.rotation_legs = scripted.rotation_legs[1:]
        case "read model equals the write side, of what it lacks":
            scripted.removed_rotations = []  # so the read side lacks one altogether
        case "findings follow from the legs":
            # It now departs from elsewhere, and nobody says so.
            scripted.legs[1].leg.departure_airport = "CDG"


@pytest.mark.parametrize(
    "kind",
    [
        "servers reachable",
        "shard map complete",
        "every shard owned",
        "nodes present",
        "read side caught up",
        "schedule counts agree",
        "schedules equal the write side's",
        "read model equals the write side",
        "read model equals the write side, of what it lacks",
        "findings follow from the legs",
    ],
)
def test_the_doctor_names_what_is_ill_and_exits_with_1(scripted: Any, kind: str) -> None:
    healthy(scripted)
    ill(scripted, kind)
    result = run(scripted, "doctor", "--json")
    assert result.exit_code == 1
    assert kind.partition(",")[0] in [
        check["invariant"]
        for check in json.loads(result.stdout)["checks"]
        if check["verdict"] == "violated"
    ]


@pytest.mark.parametrize("asked", ["GetSchedule", "ListRotations", "ListFindings"])
def test_a_schedule_that_is_deleted_meanwhile_is_passed_over(scripted: Any, asked: str) -> None:
    healthy(scripted)
    summaries = scripted.summaries

    class Deleted(list[Any]):
        """The first answer says that it is gone; from then on it is not listed either."""

        def pop(self, _at: Any = 0) -> Any:
            scripted.summaries, scripted.owned_schedules = summaries[1:], []
            return super().pop()

    scripted.failures[asked] = Deleted([Refused("SCHEDULE_DELETED", "schedule s05 was deleted")])
    result = run(scripted, "doctor", "--json")
    told = json.loads(result.stdout)
    assert [check for check in told["checks"] if check["verdict"] != "ok"] == []
    assert result.exit_code == 0


def test_a_schedule_that_is_listed_and_cannot_be_asked_for_is_told(scripted: Any) -> None:
    healthy(scripted)
    error = Refused("SCHEDULE_NOT_FOUND", "there is no schedule s05")
    scripted.failures["ListRotations"] = [error] * 4
    result = run(scripted, "doctor", "--json")
    ill = [check for check in json.loads(result.stdout)["checks"] if check["verdict"] != "ok"]
    assert [check["invariant"] for check in ill] == ["read model equals the write side"]
    assert result.exit_code == 1
