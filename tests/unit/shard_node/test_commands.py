"""The path of a command: answered after its entry is committed, once and for ever the same."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from flightmesh.errors import InvalidInput, NotOwner, Overloaded, Refused, ShardMoving, Unavailable
from flightmesh.event_bus import LedgerHeartbeat, PublishedEntry
from shard_node.translate import wants_events
from tests.unit.shard_node.mesh import Gate, Mesh, idle, reply


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    made = Mesh()
    yield made
    await made.stop()


def refusal(result: object) -> Refused:
    assert isinstance(result, Refused), result
    return result


async def test_commands_are_answered_with_sequence_events_and_position(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    results = await mesh.send(node, mesh.add_leg(rotation, 1), mesh.add_leg(rotation, 3))
    first, second = map(reply, results)
    assert (first.sequence, second.sequence) == (2, 3)
    assert first.events[0].event.leg_added.leg.flight_number == 2
    ledger, entry = first.position.split(":")
    assert int(ledger) == node.node.session.id
    assert int(entry) == node.node.session.queue.head


async def test_one_leg_of_a_batch_may_be_refused_and_the_others_not(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    results = await mesh.send(
        node,
        mesh.add_leg(rotation, 1),
        mesh.add_leg(rotation, 1),
        mesh.add_leg("nonsense", 2),
        mesh.add_leg(rotation, 3, schedule="nowhere"),
        mesh.add_leg(rotation, 2),
    )
    assert reply(results[0]).sequence == 2
    assert refusal(results[1]).reason == "LEG_OVERLAP"
    assert isinstance(results[2], InvalidInput)
    assert refusal(results[3]).reason in ("WRONG_AGGREGATE", "SCHEDULE_NOT_FOUND")
    assert reply(results[4]).sequence == 3


async def test_nothing_is_answered_before_its_entry_is_committed(mesh: Mesh) -> None:
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    gate.close()
    first = node.submit([mesh.add_leg(rotation, 1)], wants_events, 5)
    await idle()
    overlapping = mesh.add_leg(rotation, 1)
    second = node.submit([overlapping], wants_events, 5)
    await idle()
    assert (first.results, second.results) == ([None], [None])
    gate.open()
    # The refusal was decided on a state that was not committed: it waited all the same.
    assert reply((await first.wait())[0]).sequence == 2
    assert refusal((await second.wait())[0]).reason == "LEG_OVERLAP"


async def test_while_an_entry_is_written_the_next_one_gathers(mesh: Mesh) -> None:
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate  # type: ignore[assignment]
    node = await mesh.add_node(entry_commands=3)
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    head = node.node.session.queue.head
    gate.close()
    batches = [node.submit([mesh.add_leg(rotation, h)], wants_events, 5) for h in range(5)]
    await idle()
    batches += [node.submit([mesh.add_leg(rotation, h)], wants_events, 5) for h in range(5, 10)]
    await idle()
    gate.open()
    positions = [reply((await batch.wait())[0]).position.partition(":")[2] for batch in batches]
    # The first three fill an entry; while it is written, the others gather three by three.
    assert [int(p) - head for p in positions] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]


async def test_a_repeated_id_whose_first_try_is_not_committed_waits_for_it(mesh: Mesh) -> None:
    """Rule 18."""
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    gate.close()
    request = mesh.add_leg(rotation, 1)
    first = node.submit([request], wants_events, 5)
    await idle()
    second = node.submit([request], wants_events, 5)
    await idle()
    assert second.results == [None]
    gate.open()
    assert (await second.wait()) == (await first.wait())


async def test_a_repeated_id_gives_the_first_reply_whatever_happened_since(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    request = mesh.add_leg(rotation, 1)
    refused = mesh.add_leg(rotation, 1)
    first, no = await mesh.send(node, request, refused)
    assert isinstance(await_removed := (await mesh.send(node, mesh.request(
        aggregate_id=rotation, remove_rotation={})))[0], bytes), await_removed  # fmt: skip
    await node.node.session.flusher.flush()
    again, still_no = await mesh.send(node, request, refused)
    assert again == first
    assert refusal(still_no).reason == refusal(no).reason == "LEG_OVERLAP"
    assert refusal(still_no).details == refusal(no).details
    (late,) = await mesh.send(node, mesh.add_leg(rotation, 5))
    assert refusal(late).reason == "ROTATION_REMOVED"


async def test_a_create_may_be_repeated_without_an_aggregate_id(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    await mesh.create(node)
    request = mesh.request(create_rotation={})
    assert await mesh.send(node, request) == await mesh.send(node, request)


async def test_an_id_with_another_body_is_refused(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    first = mesh.add_leg(rotation, 1)
    other = mesh.add_leg(rotation, 5, command_id=first.command_id)
    results = await mesh.send(node, first, other)
    assert refusal(results[1]).reason == "COMMAND_ID_REUSED"


async def test_a_stale_expected_sequence_is_refused(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    right = mesh.add_leg(rotation, 1, expected_sequence=1)
    stale = mesh.add_leg(rotation, 3, expected_sequence=1)
    good, bad = await mesh.send(node, right, stale)
    assert reply(good).sequence == 2
    assert refusal(bad).reason == "SEQUENCE_MISMATCH"
    assert refusal(bad).details["sequence"] == "2"


async def test_the_reply_leaves_out_events_on_request(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    request = mesh.add_leg(rotation, 1, event_view=2)
    for _ in range(2):
        (result,) = await mesh.send(node, request)
        assert not reply(result).events
        assert reply(result).sequence == 2


async def test_an_unknown_airport_is_warned_of_and_the_repeat_too(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    request = mesh.add_leg(rotation, 1)
    request.add_leg.leg.arrival_airport = "XXQ"
    for _ in range(2):
        (result,) = await mesh.send(node, request)
        assert [w.partition(":")[0] for w in reply(result).warnings] == ["UNKNOWN_AIRPORT"]


async def test_a_caller_that_gives_up_does_not_stop_its_command(mesh: Mesh) -> None:
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    gate.close()
    request = mesh.add_leg(rotation, 1)
    caller = asyncio.ensure_future(mesh.send(node, request))
    await idle()
    caller.cancel()
    await idle()
    gate.open()
    await idle()
    (result,) = await mesh.send(node, request)
    assert reply(result).sequence == 2


async def test_a_full_queue_is_a_typed_answer_and_nothing_is_done(mesh: Mesh) -> None:
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate  # type: ignore[assignment]
    node = await mesh.add_node(queued_commands=4)
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    gate.close()
    requests = [mesh.add_leg(rotation, hour) for hour in range(6)]
    batch = node.submit(requests, wants_events, 5)
    await idle()
    assert [isinstance(result, Overloaded) for result in batch.results] == [False] * 4 + [True] * 2
    gate.open()
    await batch.wait()
    again = await mesh.send(node, *requests[4:])
    assert [reply(result).sequence for result in again] == [6, 7]


async def test_commands_for_an_aggregate_being_loaded_wait_in_order(mesh: Mesh) -> None:
    """Peer case E: a command during recovery is held and runs after."""
    gate = Gate(mesh.index, "read_chunks")
    mesh.index = gate  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    for slot in node.node.session.ownership.slots.values():
        slot.memory.cells.clear()
    gate.close()
    batch = node.submit([mesh.add_leg(rotation, h) for h in (1, 1, 3)], wants_events, 5)
    await idle()
    assert gate.waiting == 1
    later = node.submit([mesh.add_leg(rotation, 5)], wants_events, 5)
    gate.open()
    results = [*await batch.wait(), *await later.wait()]
    assert [reply(r).sequence for r in (results[0], results[2], results[3])] == [2, 3, 4]
    assert refusal(results[1]).reason == "LEG_OVERLAP"


async def test_too_many_commands_waiting_for_an_aggregate_are_a_typed_answer(mesh: Mesh) -> None:
    """Peer case E: stash limit."""
    gate = Gate(mesh.index, "read_chunks")
    mesh.index = gate  # type: ignore[assignment]
    node = await mesh.add_node(queued_commands=3)
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    for slot in node.node.session.ownership.slots.values():
        slot.memory.cells.clear()
    gate.close()
    requests = [mesh.add_leg(rotation, hour) for hour in range(5)]
    batch = node.submit(requests, wants_events, 5)
    await idle()
    assert [isinstance(result, Overloaded) for result in batch.results] == [False] * 3 + [True] * 2
    gate.open()
    await batch.wait()
    again = await mesh.send(node, *requests[3:])
    assert [reply(result).sequence for result in again] == [5, 6]


async def test_a_store_that_cannot_be_read_fails_the_commands_that_need_it(mesh: Mesh) -> None:
    """Peer case E: recovery fails; the next command tries again."""
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    for slot in node.node.session.ownership.slots.values():
        slot.memory.cells.pop(rotation, None)
        for draft in slot.drafts.values():
            draft.frames.append(b"\x0a\xff")
    (result,) = await mesh.send(node, mesh.add_leg(rotation, 1))
    assert isinstance(result, Exception)
    for slot in node.node.session.ownership.slots.values():
        for draft in slot.drafts.values():
            draft.frames.remove(b"\x0a\xff")
    (result,) = await mesh.send(node, mesh.add_leg(rotation, 1))
    assert reply(result).sequence == 2


async def test_a_fault_of_the_domain_answers_one_command_and_harms_no_other(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    good = mesh.add_leg(rotation, 1)
    await mesh.send(node, good)
    session = node.node.session
    slot = session.slot(mesh.map.shard_of(rotation))
    assert slot is not None
    slot.memory.cells[rotation].state.departures.append("no minute")
    (result,) = await mesh.send(node, mesh.add_leg(rotation, 3))
    assert isinstance(result, TypeError)
    (result,) = await mesh.send(node, mesh.add_leg(rotation, 3))
    assert reply(result).sequence == 3


async def test_entries_are_published_after_their_commit_and_heads_each_second(mesh: Mesh) -> None:
    """Rule 22: nothing is published before its commit is known."""
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    gate.close()
    mesh.bus.messages.clear()
    batch = node.submit([mesh.add_leg(rotation, 1)], wants_events, 5)
    await idle()
    assert not mesh.bus.messages
    gate.open()
    await batch.wait()
    await idle()
    (message,) = mesh.bus.messages
    session = node.node.session
    assert isinstance(message, PublishedEntry)
    assert (message.ledger, message.number) == (session.id, session.queue.head)
    (stored,) = await mesh.store.journal.read_entries(session.id, 0, message.number, 1)
    assert stored == (message.number, message.data)
    await mesh.clock.advance(1.0)
    assert LedgerHeartbeat(session.id, session.queue.head) in mesh.bus.messages


async def test_any_node_takes_any_command(mesh: Mesh) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first, 0, 1)
    await mesh.assign(second, 2, 3)
    rotations = await mesh.create(first, 12)
    assert {mesh.map.shard_of(r) // 2 for r in rotations} == {0, 1}
    results = await mesh.send(second, *(mesh.add_leg(r, 1) for r in rotations))
    assert [reply(result).aggregate_id for result in results] == rotations


async def test_a_command_is_passed_on_once_and_then_answered_not_owner(mesh: Mesh) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    (result,) = await mesh.send(second, mesh.add_leg(rotation, 1, hops=1))
    assert isinstance(result, NotOwner)
    assert (result.owner_session, result.owner_address) == (first.node.session.id, "node-0")


async def test_an_owner_out_of_reach_is_a_typed_answer(mesh: Mesh) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    mesh.unreachable = True
    (result,) = await mesh.send(second, mesh.add_leg(rotation, 1))
    assert isinstance(result, Unavailable)


async def test_a_shard_that_is_recovering_is_a_typed_answer(mesh: Mesh) -> None:
    gate = Gate(mesh.index, "read_head")
    mesh.index = gate  # type: ignore[assignment]
    node = await mesh.add_node()
    gate.close()
    await mesh.assign(node)
    (result,) = await mesh.send(node, mesh.request(create_schedule={}))
    assert isinstance(result, ShardMoving)
    gate.open()
    await idle()
    await mesh.create(node)
