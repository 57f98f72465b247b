"""What a load does to legs that move while planners edit the rotations that they move between."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from flightmesh import ids
from flightmesh.api.read.v1 import query_service_pb2 as query_pb
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.codec.commands import envelope_of
from flightmesh.domain import commands, rotation
from flightmesh.domain.refusal import Refusal
from flightmesh.domain.schedule import ScheduleState as DomainSchedule
from flightmesh.domain.values import Leg
from flightmesh.errors import Refused
from flightmesh.ids import AggregateId
from flightmesh.loading.difference import difference
from flightmesh.loading.plan import LoadPlan, planned_rotation
from flightmesh.loading.schedule_state import ScheduleState, StoredRotation
from flightmesh.loading.source_legs import DuplicateHandling
from flightmesh.rpc.errors import status_of
from gateway.loader import Loader, LoadResult, merged_issues
from gateway.loading_translate import report_message

A, B, C = (ids.rotation_id("s", name) for name in "ABC")


def leg(number: int, start: int) -> Leg:
    return Leg(
        leg_id=ids.leg_id("s", str(number), 0),
        carrier="XX",
        flight_number=number,
        suffix="",
        day_of_origin="1970-01-01",
        departure_airport="MRS",
        arrival_airport="CDG",
        departure=start,
        arrival=start + 60,
    )


class Mesh:
    """Rotations as the real aggregate decides them; a planner may act before any call."""

    def __init__(self, **legs: list[Leg]) -> None:
        self.rotations: dict[AggregateId, Any] = {}
        self.before: Callable[[commands.Command], None] = lambda command: None
        for name, held in legs.items():
            self.send(ids.rotation_id("s", name), commands.CreateRotation(name))
            self.send(ids.rotation_id("s", name), commands.AddLegs(tuple(held)))

    def send(self, aggregate: AggregateId, command: Any) -> None:
        state = self.rotations.get(aggregate, rotation.RotationState())
        verdict = rotation.decide(state, command, DomainSchedule("s", 1, exists=True))
        if isinstance(verdict, Refusal):
            raise Refused(verdict.reason, verdict.message, verdict.details)
        for event in verdict:
            state = rotation.evolve(state, event)
        self.rotations[aggregate] = state

    async def execute_many(self, requests: Any, _timeout_s: float) -> list[pb.ExecuteResult]:
        answers = []
        for request in requests:
            aggregate = AggregateId(request.aggregate_id)
            request.command_id = "01900000-0000-7000-8000-000000000000"
            command: Any = envelope_of(request, aggregate).command
            self.before(command)
            try:
                self.send(aggregate, command)
            except Refused as refused:
                answers.append(pb.ExecuteResult(error=status_of(refused)))
            else:
                answers.append(pb.ExecuteResult(response=pb.ExecuteResponse(position="1:1")))
        return answers

    async def query(self, _query: Any, _timeout_s: float) -> Any:
        return SimpleNamespace(reply=query_pb.GetScheduleResponse().SerializeToString())

    def numbers(self, aggregate: AggregateId) -> list[int]:
        return [held.flight_number for held in self.rotations[aggregate].order]

    async def load(self, **legs: list[Leg]) -> LoadResult:
        """Loads a file that names these rotations, on what is there now."""
        stored = {
            held.leg_id: (held, aggregate)
            for aggregate, state in self.rotations.items()
            for held in state.legs.values()
        }
        names = {each: StoredRotation(state.name) for each, state in self.rotations.items()}
        planned = tuple(planned_rotation("s", name, "", given) for name, given in legs.items())
        plan = LoadPlan("s", DuplicateHandling.REPLACE, rotations=planned)
        result = LoadResult(plan, difference(plan, ScheduleState(stored, names)))
        router: Any = self
        loader = Loader(router, router, SystemClock(), SystemRandomness())
        async for _ in loader.carry_out(result, "someone", "test"):
            pass
        return result


def once(
    mesh: Mesh, kind: type[commands.Command], edit: Callable[[], None]
) -> Callable[[commands.Command], None]:
    """Has a planner act just before the first command of a kind."""

    def before(command: commands.Command) -> None:
        if isinstance(command, kind):
            mesh.before = lambda command: None
            edit()

    return before


async def test_legs_move_and_whole_batches_are_sent() -> None:
    mesh = Mesh(A=[leg(1, 0), leg(2, 100)], B=[])
    result = await mesh.load(B=[leg(1, 0), leg(2, 100)])
    assert (mesh.numbers(A), mesh.numbers(B)) == ([], [1, 2])
    assert (result.failed_items, result.issues) == (0, [])


async def test_a_leg_whose_place_was_taken_meanwhile_goes_back_and_the_others_move() -> None:
    mesh = Mesh(A=[leg(1, 0), leg(2, 100)], B=[])
    mesh.before = once(
        mesh, commands.AddLegs, lambda: mesh.send(B, commands.AddLegs((leg(9, 110),)))
    )
    result = await mesh.load(B=[leg(1, 0), leg(2, 100), leg(3, 300)])
    assert mesh.numbers(A) == [2]
    assert mesh.numbers(B) == [1, 9, 3]
    assert result.failed_items == 1
    assert merged_issues(result)[0] == {"STORED_LEG_MOVED": 2, "LEG_OVERLAP": 1}
    report = report_message(result, dry_run=False, seconds=1.0)
    assert (report.added, report.changed, report.rejected) == (1, 1, 1)


async def test_a_leg_that_finds_no_place_at_all_is_told() -> None:
    mesh = Mesh(A=[leg(2, 100)], B=[])

    def edit() -> None:
        mesh.send(A, commands.AddLegs((leg(8, 120),)))
        mesh.send(B, commands.AddLegs((leg(9, 110),)))

    mesh.before = once(mesh, commands.AddLegs, edit)
    result = await mesh.load(B=[leg(2, 100)])
    assert (mesh.numbers(A), mesh.numbers(B)) == ([8], [9])
    assert result.failed_items == 1
    assert [issue.rule for issue in result.issues] == ["LEG_OVERLAP", "LEG_IN_NO_ROTATION"]
    assert "XX2" in result.issues[1].message


async def test_a_leg_that_a_planner_moved_meanwhile_is_not_stored_twice() -> None:
    mesh = Mesh(A=[leg(1, 0), leg(2, 100)], B=[], C=[])

    def edit() -> None:
        mesh.send(A, commands.RemoveLeg(leg(2, 100).leg_id))
        mesh.send(C, commands.AddLegs((leg(2, 100),)))

    mesh.before = once(mesh, commands.RemoveLeg, edit)
    result = await mesh.load(B=[leg(1, 0), leg(2, 100)])
    assert (mesh.numbers(A), mesh.numbers(B), mesh.numbers(C)) == ([], [1], [2])
    assert result.failed_items == 1
    assert [issue.rule for issue in result.issues] == ["LEG_MOVED_MEANWHILE"]


async def test_a_new_leg_whose_place_was_taken_meanwhile_goes_nowhere() -> None:
    mesh = Mesh(B=[])
    mesh.before = once(
        mesh, commands.AddLegs, lambda: mesh.send(B, commands.AddLegs((leg(9, 110),)))
    )
    result = await mesh.load(B=[leg(1, 0), leg(2, 100)])
    assert mesh.numbers(B) == [1, 9]
    assert (result.failed_items, len(result.issues)) == (1, 1)
