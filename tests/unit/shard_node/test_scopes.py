"""A command to a schedule that is not there is refused everywhere, soon enough."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flightmesh.domain.schedule import ScheduleState
from flightmesh.errors import (
    FlightmeshError,
    Refused,
    SessionFenced,
    ShardMoving,
    Unavailable,
)
from flightmesh.ids import AggregateId, schedule_aggregate_id
from flightmesh.runtime.tasks import TaskOwner
from shard_node.aggregates import AggregateQuestions, When
from shard_node.handlers import Handlers
from shard_node.scope_directory import CONFIRMED_S, REOPEN_AFTER_S, ScopeDirectory
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


async def state_of(mesh: Mesh, aggregate_id: AggregateId) -> Any:
    """An aggregate's committed state, from its owner."""
    owner = mesh.owner_of(aggregate_id)
    slot = mesh.slot_of(owner, aggregate_id)
    return (await owner.node.session.committed_state(slot, aggregate_id)).state


async def schedule_state(mesh: Mesh) -> Any:
    return await state_of(mesh, schedule_aggregate_id("s05"))


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
    await create_again(mesh, other)
    (result,) = await mesh.send(other, mesh.add_leg(rotation, 3))
    assert reason(result) == "ROTATION_REMOVED"
    create = mesh.request(aggregate_id=rotation, create_rotation={})
    again, added = await mesh.send(other, create, mesh.add_leg(rotation, 1))
    assert (reply(again).sequence, reply(added).sequence) == (3, 4)


async def create_again(mesh: Mesh, node: Handlers) -> float:
    """Creates the deleted schedule once more; the seconds that it took."""
    began_s = mesh.clock.now_s
    (created,) = await mesh.send_patiently(node, mesh.request(create_schedule={}))
    assert reply(created).sequence
    return mesh.clock.now_s - began_s


async def test_what_follows_an_acknowledged_creation_belongs_to_it_and_not_to_the_life_before(
    mesh: Mesh,
) -> None:
    owner, other, rotation = await two_nodes(mesh)
    for _ in range(3):
        await mesh.send(other, mesh.add_leg(rotation, 1))  # keeps what it knows of the schedule
        await mesh.send(owner, mesh.request(delete_schedule={}))
        await create_again(mesh, owner)
        create = mesh.request(aggregate_id=rotation, create_rotation={})
        (created,) = await mesh.send(other, create)
        assert isinstance(created, bytes), created
        state = await state_of(mesh, rotation)
        assert state.incarnation == (await schedule_state(mesh)).incarnation


async def test_no_node_that_is_cut_off_from_the_owner_begins_anything_in_an_ended_life(
    mesh: Mesh,
) -> None:
    owner, other, rotation = await two_nodes(mesh)
    await mesh.send(other, mesh.add_leg(rotation, 1))
    mesh.unreachable = True
    await mesh.send(owner, mesh.request(delete_schedule={}))
    await create_again(mesh, owner)
    # What it knew is kept for commands to what there is (ADR 6), and begins nothing.
    (added,) = await mesh.send(other, mesh.add_leg(rotation, 3))
    assert isinstance(added, bytes), added
    create = mesh.request(aggregate_id=rotation, create_rotation={})
    (result,) = await mesh.send(other, create)
    assert isinstance(result, Unavailable)
    mesh.unreachable = False
    (result,) = await mesh.send(other, create)
    assert isinstance(result, bytes), result
    assert (await state_of(mesh, rotation)).incarnation == 2


async def test_an_answer_older_than_the_aggregate_is_asked_for_again(mesh: Mesh) -> None:
    owner, other, rotation = await two_nodes(mesh)
    await mesh.send(other, mesh.add_leg(rotation, 1))
    await mesh.send(owner, mesh.request(delete_schedule={}))
    known = other.node.session._scopes._answers["s05"]
    outdated = (known.state, mesh.clock.now_s)
    await create_again(mesh, owner)
    await mesh.send(other, mesh.request(aggregate_id=rotation, create_rotation={}))
    known.state, known.asked_at_s, known.unreachable = *outdated, True
    questions = AggregateQuestions(other.node.session, mesh.slot_of(other, rotation), rotation)
    assert (await questions.existing("rotation", "s05", When())).sequence == 3
    (added,) = await mesh.send(other, mesh.add_leg(rotation, 1))
    assert reply(added).sequence == 4


async def test_only_a_name_that_was_deleted_just_now_waits_to_be_created_again(mesh: Mesh) -> None:
    owner, _, _ = await two_nodes(mesh)
    await mesh.send(owner, mesh.request(delete_schedule={}))
    assert await create_again(mesh, owner) == pytest.approx(REOPEN_AFTER_S, abs=0.11)
    again = mesh.request(create_schedule={})
    (refused,) = await mesh.send(owner, again)
    assert reason(refused) == "SCHEDULE_EXISTS"
    await mesh.send(owner, mesh.request(delete_schedule={}))
    # A repeat has its answer already.
    (refused,) = await mesh.send(owner, again)
    assert reason(refused) == "SCHEDULE_EXISTS"
    await mesh.clock.advance(REOPEN_AFTER_S + 0.1)
    assert await create_again(mesh, owner) == 0


async def test_questions_do_not_wait_for_a_creation_that_is_held_back(mesh: Mesh) -> None:
    owner, other, rotation = await two_nodes(mesh)
    await mesh.send(owner, mesh.request(delete_schedule={}))
    held = asyncio.ensure_future(mesh.send(owner, mesh.request(create_schedule={})))
    await mesh.clock.advance(1.1)
    (result,) = await mesh.send(other, mesh.add_leg(rotation, 1))
    assert reason(result) == "SCHEDULE_DELETED"
    assert not held.done()
    await mesh.clock.advance(REOPEN_AFTER_S + 0.3)
    assert reply((await held)[0]).sequence == 3


async def test_a_creation_that_is_held_back_goes_with_its_shard(mesh: Mesh) -> None:
    owner, other, _ = await two_nodes(mesh)
    home = mesh.map.shard_of(schedule_aggregate_id("s05"))
    await mesh.send(owner, mesh.request(delete_schedule={}))
    held = asyncio.ensure_future(mesh.send(owner, mesh.request(create_schedule={})))
    await idle()
    await mesh.release(owner, home)
    await mesh.clock.advance(0.3)
    assert isinstance((await held)[0], ShardMoving)
    # Who takes the shard over does not know when the last answer was given.
    await mesh.assign(other, home)
    assert await create_again(mesh, other) == pytest.approx(REOPEN_AFTER_S, abs=0.11)


async def test_an_owner_that_was_deposed_without_knowing_it_gives_no_outdated_answer(
    mesh: Mesh,
) -> None:
    owner, _, _ = await two_nodes(mesh)
    session = owner.node.session
    home = mesh.map.shard_of(schedule_aggregate_id("s05"))
    slot = session.slot(home)
    assert slot is not None
    # Paused, as far as it goes: nothing of its own finds out.
    await session._tasks.stop()
    await mesh.seal(session.id)
    assert (await session.scope_cell(slot, schedule_aggregate_id("s05"))).state.exists
    mesh.clock.now_s += CONFIRMED_S + 0.1
    with pytest.raises(SessionFenced):
        await session.scope_cell(slot, schedule_aggregate_id("s05"))


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
    assert directory.now("s", clock.now_s, firm=False) is None
    assert await directory.find("s", clock.now_s, firm=False) == owner.state
    for _ in range(50):
        await clock.advance(0.1)
        assert directory.now("s", clock.now_s, firm=False) == owner.state
    assert 5 <= owner.asked <= 12


async def test_without_an_owner_the_last_answer_is_kept_for_ten_seconds(tasks: TaskOwner) -> None:
    owner, clock = Owner(), StepClock()
    directory = directory_of(owner, clock, tasks)
    await directory.find("s", clock.now_s, firm=False)
    owner.error = Unavailable("gone")
    for _ in range(98):
        await clock.advance(0.1)
        assert directory.now("s", clock.now_s, firm=False) == owner.state
        await idle()
    await clock.advance(0.5)
    assert directory.now("s", clock.now_s, firm=False) is None
    with pytest.raises(Unavailable):
        await directory.find("s", clock.now_s, firm=False)


async def test_nobody_waits_while_a_known_scope_moves_to_another_owner(tasks: TaskOwner) -> None:
    clock = StepClock()
    gone = False

    async def ask(scope: str, timeout_s: float) -> ScheduleState:
        if gone:
            await clock.sleep(timeout_s)
            raise Unavailable("no owner in time")
        return ScheduleState("s", 1, True)

    directory = ScopeDirectory(ask, lambda state: state.exists, clock, tasks)
    await directory.find("s", clock.now_s, firm=False)
    gone = True
    for _ in range(80):
        await clock.advance(0.1)
        assert directory.now("s", clock.now_s, firm=False) is not None


async def test_an_unused_answer_is_not_trusted_after_a_second(tasks: TaskOwner) -> None:
    owner, clock = Owner(), StepClock()
    directory = directory_of(owner, clock, tasks)
    await directory.find("s", clock.now_s, firm=False)
    await clock.advance(1.2)
    assert directory.now("s", clock.now_s, firm=False) is None


async def test_the_age_counts_from_when_the_question_was_sent(tasks: TaskOwner) -> None:
    clock = StepClock()

    async def slow(scope: str, timeout_s: float) -> ScheduleState:
        await clock.sleep(0.9)
        return ScheduleState("s", 1, True)

    directory = ScopeDirectory(slow, lambda state: state.exists, clock, tasks)
    found = tasks.start(directory.find("s", clock.now_s, firm=False), "find")
    await idle()
    await clock.advance(1.0)
    assert (await found).exists
    assert directory.now("s", clock.now_s, firm=False) is not None
    await clock.advance(0.2)
    assert directory.now("s", clock.now_s, firm=False) is None


async def test_a_negative_answer_counts_only_for_those_who_came_before_the_question(
    tasks: TaskOwner,
) -> None:
    owner, clock = Owner(), StepClock()
    owner.state = ScheduleState()
    directory = directory_of(owner, clock, tasks)
    early = tasks.start(directory.find("s", clock.now_s, firm=False), "early")
    for _ in range(5):
        await asyncio.sleep(0)
    assert owner.asked == 1
    owner.state = ScheduleState("s", 1, True)
    clock.now_s += 0.1
    late = tasks.start(directory.find("s", clock.now_s, firm=False), "late")
    assert not (await early).exists
    assert (await late).exists
    assert owner.asked == 2
