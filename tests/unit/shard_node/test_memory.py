"""Passivation, snapshots, and questions about aggregates."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from flightmesh.errors import InvalidInput, Overloaded, Refused, ShardMoving
from flightmesh.ids import AggregateId, id_bytes, schedule_aggregate_id
from flightmesh.journal import StoredSnapshot
from flightmesh.testing.faults import Fault, Faults, FaultyAggregateIndex, ScriptedFaults
from shard_node.aggregates import AggregateQuestions, When
from shard_node.handlers import Handlers
from shard_node.translate import wants_events
from tests.unit.shard_node.mesh import Gate, Mesh, idle, reply

NOW = When()


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    made = Mesh(snapshot_every=5)
    yield made
    await made.stop()


def cells(node: Handlers) -> set[str]:
    slots = node.node.session.ownership.slots.values()
    return {aggregate_id for slot in slots for aggregate_id in slot.memory.cells}


def ask(mesh: Mesh, node: Handlers, aggregate_id: AggregateId) -> AggregateQuestions:
    session = node.node.session
    slot = session.slot(mesh.map.shard_of(aggregate_id))
    assert slot is not None
    return AggregateQuestions(session, slot, aggregate_id)


def forget(node: Handlers) -> None:
    for slot in node.node.session.ownership.slots.values():
        slot.memory.cells.clear()


# --- passivation ------------------------------------------------------------------------------


async def test_an_idle_aggregate_leaves_the_memory_and_comes_back(mesh: Mesh) -> None:
    node = await mesh.add_node(passivate_after_s=5.0)
    await mesh.assign(node)
    idle_one, busy = await mesh.create(node, 2)
    request = mesh.add_leg(idle_one, 0)
    told = await mesh.send(node, request)
    for hour in range(8):
        await mesh.clock.advance(1)
        await mesh.send(node, mesh.add_leg(busy, hour))
    assert idle_one not in cells(node)
    assert busy in cells(node)
    assert await mesh.send(node, request) == told
    (result,) = await mesh.send(node, mesh.add_leg(idle_one, 1))
    assert reply(result).sequence == 3


async def test_beyond_the_limit_the_least_recently_used_leave(mesh: Mesh) -> None:
    node = await mesh.add_node(max_aggregates=3)
    await mesh.assign(node)
    rotations = await mesh.create(node, 6)
    for rotation in rotations:
        await mesh.clock.advance(0.1)
        await mesh.send(node, mesh.add_leg(rotation, 1))
    await mesh.clock.advance(1)
    assert cells(node) == set(rotations[3:])


async def test_beyond_the_size_the_least_recently_used_leave(mesh: Mesh) -> None:
    node = await mesh.add_node(max_aggregate_bytes=1)
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    await mesh.clock.advance(1.1)
    assert not cells(node)
    (result,) = await mesh.send(node, mesh.add_leg(rotation, 1))
    assert reply(result).sequence == 2


async def test_an_aggregate_with_uncommitted_records_stays(mesh: Mesh) -> None:
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate  # type: ignore[assignment]
    node = await mesh.add_node(max_aggregates=1)
    await mesh.assign(node)
    rotations = await mesh.create(node, 3)
    gate.close()
    batch = node.submit([mesh.add_leg(r, 1) for r in rotations], wants_events, 5)
    await mesh.clock.advance(2)
    assert set(rotations) <= cells(node)
    gate.open()
    await batch.wait()


async def test_while_the_index_lags_too_far_behind_commands_are_refused(mesh: Mesh) -> None:
    troubles = Faults(ScriptedFaults(flush=[Fault.REFUSED] * 5))
    mesh.index = FaultyAggregateIndex(mesh.store.index, troubles)
    node = await mesh.add_node(unindexed_records=40)
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    await mesh.send(node, *(mesh.add_leg(rotation, hour) for hour in range(50)))
    await mesh.clock.advance(1.1)
    refused = mesh.add_leg(rotation, 50)
    (result,) = await mesh.send(node, refused)
    assert isinstance(result, Overloaded)
    await mesh.clock.advance(5)
    (result,) = await mesh.send(node, refused)
    assert reply(result).sequence == 52


async def test_what_a_failed_flush_left_is_in_the_index_after_the_next(mesh: Mesh) -> None:
    troubles = Faults(ScriptedFaults(flush=[Fault.ANSWER_LOST, Fault.LOST, Fault.REFUSED]))
    mesh.index = FaultyAggregateIndex(mesh.store.index, troubles)
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    for hour in range(6):
        await mesh.send(node, mesh.add_leg(rotation, hour))
        await mesh.clock.advance(1)
    assert len(troubles.met) == 3
    assert node.node.session.flusher.backlog == 0
    await mesh.seal(node.node.session.id)
    other = await mesh.add_node()
    await mesh.assign(other)
    assert not mesh.slot_of(other, rotation).drafts
    assert await mesh.state_of(other, rotation) == (7, [1, 2, 3, 4, 5, 6])


# --- snapshots --------------------------------------------------------------------------------


async def snapshots_of(mesh: Mesh, aggregate_id: str) -> Sequence[StoredSnapshot]:
    return await mesh.snapshots.load(id_bytes(aggregate_id))


async def with_snapshots(mesh: Mesh) -> tuple[Handlers, AggregateId, list[Any]]:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    requests = [mesh.add_leg(rotation, hour) for hour in range(20)]
    for request in requests:
        await mesh.send(node, request)
        await node.node.session.flusher.flush()
    return node, rotation, requests


async def test_snapshots_are_saved_now_and_then_and_two_are_kept(mesh: Mesh) -> None:
    _, rotation, _ = await with_snapshots(mesh)
    assert [snapshot.sequence for snapshot in await snapshots_of(mesh, rotation)] == [19, 10]


async def test_a_snapshot_and_the_events_after_it_give_the_aggregate(mesh: Mesh) -> None:
    node, rotation, requests = await with_snapshots(mesh)
    before = await ask(mesh, node, rotation).state(NOW)
    forget(node)
    after = await ask(mesh, node, rotation).state(NOW)
    assert after is not before
    assert (after.sequence, after.state) == (before.sequence, before.state)
    assert after.snapshot_sequence == 19
    assert dict(after.window) == dict(before.window)
    for result in await mesh.send(node, *requests):
        assert reply(result).events


@pytest.mark.parametrize("broken", [1, 2])
async def test_a_broken_snapshot_falls_back_to_an_older_one_and_then_to_events(
    mesh: Mesh, broken: int
) -> None:
    """Peer case N: broken newest → older one → events."""
    node, rotation, _ = await with_snapshots(mesh)
    for snapshot in (await snapshots_of(mesh, rotation))[:broken]:
        torn = dataclasses.replace(snapshot, data=snapshot.data[:-1])
        await mesh.snapshots.save(id_bytes(rotation), torn)
    forget(node)
    cell = await ask(mesh, node, rotation).state(NOW)
    assert (cell.sequence, len(cell.state.order)) == (21, 20)
    assert cell.snapshot_sequence == (10 if broken == 1 else 0)


# --- questions --------------------------------------------------------------------------------


async def test_state_is_told_now_and_at_any_past_sequence_or_instant(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    instants = []
    for hour in range(3):
        await mesh.clock.advance(1)
        await mesh.send(node, mesh.add_leg(rotation, hour))
        instants.append(mesh.clock.now_us())
    questions = ask(mesh, node, rotation)
    for sequence in range(1, 5):
        cell = await questions.existing("rotation", "s05", When(sequence=sequence))
        assert (cell.sequence, len(cell.state.order)) == (sequence, sequence - 1)
    for hour, instant in enumerate(instants):
        assert (await questions.state(When(time_us=instant))).sequence == hour + 2
    assert (await questions.existing("rotation", "s05", NOW)).sequence == 4
    with pytest.raises(InvalidInput):
        await questions.state(When(sequence=5))
    with pytest.raises(InvalidInput):
        When(1, 1)
    with pytest.raises(Refused):
        await questions.existing("rotation", "s05", When(time_us=1))


async def test_what_is_not_there_or_was_removed_is_a_typed_answer(mesh: Mesh) -> None:
    async def reason(aggregate_id: AggregateId, kind: str, schedule: str = "s05") -> str:
        with pytest.raises(Refused) as caught:
            await ask(mesh, node, aggregate_id).existing(kind, schedule, NOW)
        return caught.value.reason

    node = await mesh.add_node()
    await mesh.assign(node)
    kept, removed = await mesh.create(node, 2)
    await mesh.send(node, mesh.request(aggregate_id=removed, remove_rotation={}))
    await mesh.send(node, mesh.request(schedule="s06", create_schedule={}))
    assert await reason(removed, "rotation") == "ROTATION_REMOVED"
    assert await reason(AggregateId(mesh.command_id()), "rotation") == "ROTATION_NOT_FOUND"
    assert await reason(kept, "airplane") == "AIRPLANE_NOT_FOUND"
    assert await reason(kept, "rotation", "s06") == "ROTATION_NOT_FOUND"
    assert await reason(kept, "rotation", "nowhere") == "SCHEDULE_NOT_FOUND"
    await mesh.send(node, mesh.request(delete_schedule={}))
    assert await reason(kept, "rotation") == "SCHEDULE_DELETED"
    await mesh.send_patiently(node, mesh.request(create_schedule={}))
    assert await reason(kept, "rotation") == "ROTATION_REMOVED"
    # The past stays as it was.
    then = await ask(mesh, node, kept).existing("rotation", "s05", When(sequence=1))
    assert then.sequence == 1


async def test_questions_are_answered_from_committed_events_only(mesh: Mesh) -> None:
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    gate.close()
    batch = node.submit([mesh.add_leg(rotation, 1)], wants_events, 5)
    await idle()
    questions = ask(mesh, node, rotation)
    records, _ = await questions.history("s05", 0, "", include_refusals=True)
    assert [placed.record.aggregate_sequence for placed in records] == [1]
    assert (await questions.state(When(sequence=1))).state.order == []
    gate.open()
    assert (await questions.state(NOW)).sequence == 2
    await batch.wait()


async def test_history_is_paged_with_who_when_and_why(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    who = {"actor": "kim", "source": "test"}
    requests = [mesh.add_leg(rotation, hour // 2, metadata=who) for hour in range(6)]
    await mesh.send(node, *requests)
    await node.node.session.flusher.flush()
    await mesh.send(node, mesh.add_leg(rotation, 7))
    questions = ask(mesh, node, rotation)
    told, token = await questions.history("s05", 3, "", include_refusals=False)
    rest, end = await questions.history("s05", 3, token, include_refusals=False)
    assert [p.record.aggregate_sequence for p in (*told, *rest)] == [1, 2, 3, 4, 5]
    assert end == ""
    assert told[1].record.origin.actor == "kim"
    assert told[1].committed_at_us
    everything, _ = await questions.history("s05", 0, "", include_refusals=True)
    refused = [p.record.command_id for p in everything if p.record.rejection]
    assert refused == [request.command_id for request in requests[1::2]]
    for bad in ("x", "-1", "9" * 5_000):
        with pytest.raises(InvalidInput):
            await questions.history("s05", 3, bad, include_refusals=False)
    assert (await questions.history("s05", 4_000_000_000, "", include_refusals=True))[1] == ""
    assert (await questions.history("s06", 0, "", include_refusals=True))[0] == []


async def test_questions_to_a_shard_that_was_released_are_a_typed_answer(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    questions = ask(mesh, node, rotation)
    await mesh.release(node)
    for question in (questions.state(NOW), questions.state(When(sequence=1))):
        with pytest.raises(ShardMoving):
            await question


async def test_a_schedule_that_never_was_has_a_state_too(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    cell = await ask(mesh, node, schedule_aggregate_id("none")).state(NOW)
    assert (cell.sequence, cell.state) == (0, None)
