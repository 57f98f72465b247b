"""A command to a schedule that is not there is refused everywhere, soon enough."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flightmesh.domain.schedule import ScheduleState
from flightmesh.errors import FlightmeshError, Refused, Unavailable
from flightmesh.ids import AggregateId, schedule_aggregate_id
from flightmesh.runtime.tasks import TaskOwner
from shard_node.handlers import Handlers
from shard_node.scope_directory import ScopeDirectory
from tests.unit.shard_node.mesh import SHARDS, Gate, Mesh, StepClock, idle, reply


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    made = Mesh()
    yield made
    await made.stop()


async def two_nodes(mesh: Mesh) -> tuple[Handlers, Handlers, AggregateId]:
    """The schedule's owner, another node, and a rotation that the other one owns."""
    home = mesh.map.shard_of(schedule_aggregate_id("s05"))
    owner, other = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(owner, home)
    await mesh.assign(other, *(set(range(SHARDS)) - {home}))
    rotations = await mesh.create(owner, 12)
    return owner, other, next(r for r in rotations if mesh.map.shard_of(r) != home)


def reason(result: Any) -> str:
    assert isinstance(result, Refused), result
    return result.reason


async def test_a_schedule_that_never_was_is_not_found(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (result,) = await mesh.send(node, mesh.request(create_rotation={}))
    assert reason(result) == "SCHEDULE_NOT_FOUND"


async def test_what_comes_after_an_acknowledged_create_is_never_refused(mesh: Mesh) -> None:
    _, other, _ = await two_nodes(mesh)
    for n in range(20):
        name = f"plan-{n}"
        (refused,) = await mesh.send(other, mesh.request(schedule=name, create_rotation={}))
        assert reason(refused) == "SCHEDULE_NOT_FOUND"
        (created,) = await mesh.send(other, mesh.request(schedule=name, create_schedule={}))
        (result,) = await mesh.send(other, mesh.request(schedule=name, create_rotation={}))
        assert reply(created).sequence == reply(result).sequence == 1


async def test_a_deleted_schedule_is_refused_on_every_node_within_a_second(mesh: Mesh) -> None:
    owner, other, rotation = await two_nodes(mesh)
    await mesh.send(other, mesh.add_leg(rotation, 0))
    await mesh.clock.advance(0.4)
    await mesh.send(other, mesh.add_leg(rotation, 1))
    await mesh.send(owner, mesh.request(delete_schedule={}))
    for hour in range(2, 12):
        await mesh.clock.advance(0.1)
        (result,) = await mesh.send(other, mesh.add_leg(rotation, hour))
    assert reason(result) == "SCHEDULE_DELETED"


async def test_the_owner_itself_refuses_at_once(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    await mesh.send(node, mesh.add_leg(rotation, 1), mesh.request(delete_schedule={}))
    (result,) = await mesh.send(node, mesh.add_leg(rotation, 3))
    assert reason(result) == "SCHEDULE_DELETED"


async def test_a_schedule_created_again_is_empty(mesh: Mesh) -> None:
    _, other, rotation = await two_nodes(mesh)
    await mesh.send(other, mesh.add_leg(rotation, 1))
    await mesh.send(other, mesh.request(delete_schedule={}))
    await mesh.send(other, mesh.request(create_schedule={}))
    await mesh.clock.advance(1.1)
    (result,) = await mesh.send(other, mesh.add_leg(rotation, 3))
    assert reason(result) == "ROTATION_REMOVED"
    create = mesh.request(aggregate_id=rotation, create_rotation={})
    again, added = await mesh.send(other, create, mesh.add_leg(rotation, 1))
    assert (reply(again).sequence, reply(added).sequence) == (3, 4)


async def test_the_decision_reads_committed_state_of_the_schedule_only(mesh: Mesh) -> None:
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    gate.close()
    requests = [mesh.request(create_schedule={}), mesh.request(create_rotation={})]
    batch = node.submit(requests, lambda _: True, 5)
    await idle()
    gate.open()
    created, rotation = await batch.wait()
    # The second waited for the entry of the first: it is in a later one.
    assert reply(rotation).position.split(":")[1] > reply(created).position.split(":")[1]


class Owner:
    """Answers questions as the test says."""

    def __init__(self) -> None:
        self.state = ScheduleState("s", 1, True)
        self.asked = 0
        self.error: FlightmeshError | None = None

    async def ask(self, scope: str, timeout_s: float) -> ScheduleState:
        self.asked += 1
        state, error = self.state, self.error
        await idle()
        if error is not None:
            raise error
        return state


@pytest.fixture
async def tasks() -> AsyncIterator[TaskOwner]:
    owner = TaskOwner("test")
    yield owner
    await owner.stop()


def directory_of(owner: Owner, clock: StepClock, tasks: TaskOwner) -> ScopeDirectory:
    return ScopeDirectory(owner.ask, lambda state: state.exists, clock, tasks)


async def test_a_busy_scope_is_refreshed_in_the_background(tasks: TaskOwner) -> None:
    owner, clock = Owner(), StepClock()
    directory = directory_of(owner, clock, tasks)
    assert directory.now("s", clock.now_s) is None
    assert await directory.find("s", clock.now_s) == owner.state
    for _ in range(50):
        await clock.advance(0.1)
        assert directory.now("s", clock.now_s) == owner.state
    assert 5 <= owner.asked <= 12


async def test_without_an_owner_the_last_answer_is_kept_for_ten_seconds(tasks: TaskOwner) -> None:
    owner, clock = Owner(), StepClock()
    directory = directory_of(owner, clock, tasks)
    await directory.find("s", clock.now_s)
    owner.error = Unavailable("gone")
    for _ in range(98):
        await clock.advance(0.1)
        assert directory.now("s", clock.now_s) == owner.state
        await idle()
    await clock.advance(0.5)
    assert directory.now("s", clock.now_s) is None
    with pytest.raises(Unavailable):
        await directory.find("s", clock.now_s)


async def test_nobody_waits_while_a_known_scope_moves_to_another_owner(tasks: TaskOwner) -> None:
    clock = StepClock()
    gone = False

    async def ask(scope: str, timeout_s: float) -> ScheduleState:
        if gone:
            await clock.sleep(timeout_s)
            raise Unavailable("no owner in time")
        return ScheduleState("s", 1, True)

    directory = ScopeDirectory(ask, lambda state: state.exists, clock, tasks)
    await directory.find("s", clock.now_s)
    gone = True
    for _ in range(80):
        await clock.advance(0.1)
        assert directory.now("s", clock.now_s) is not None


async def test_an_unused_answer_is_not_trusted_after_a_second(tasks: TaskOwner) -> None:
    owner, clock = Owner(), StepClock()
    directory = directory_of(owner, clock, tasks)
    await directory.find("s", clock.now_s)
    await clock.advance(1.2)
    assert directory.now("s", clock.now_s) is None


async def test_the_age_counts_from_when_the_question_was_sent(tasks: TaskOwner) -> None:
    clock = StepClock()

    async def slow(scope: str, timeout_s: float) -> ScheduleState:
        await clock.sleep(0.9)
        return ScheduleState("s", 1, True)

    directory = ScopeDirectory(slow, lambda state: state.exists, clock, tasks)
    found = tasks.start(directory.find("s", clock.now_s), "find")
    await idle()
    await clock.advance(1.0)
    assert (await found).exists
    assert directory.now("s", clock.now_s) is not None
    await clock.advance(0.2)
    assert directory.now("s", clock.now_s) is None


async def test_a_negative_answer_counts_only_for_those_who_came_before_the_question(
    tasks: TaskOwner,
) -> None:
    owner, clock = Owner(), StepClock()
    owner.state = ScheduleState()
    directory = directory_of(owner, clock, tasks)
    early = tasks.start(directory.find("s", clock.now_s), "early")
    for _ in range(5):
        await asyncio.sleep(0)
    assert owner.asked == 1
    owner.state = ScheduleState("s", 1, True)
    clock.now_s += 0.1
    late = tasks.start(directory.find("s", clock.now_s), "late")
    assert not (await early).exists
    assert (await late).exists
    assert owner.asked == 2
