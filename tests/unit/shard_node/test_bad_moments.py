"""Faults at the worst moment: between two steps that belong together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from flightmesh.codec.entries import encode_record
from flightmesh.errors import (
    FlightmeshError,
    InvalidInput,
    Overloaded,
    ProtocolViolation,
    SessionFenced,
    StoreError,
)
from flightmesh.eventsourcing.record import Record
from flightmesh.eventsourcing.window import FUTURE_MS
from flightmesh.ids import uuid7
from flightmesh.sharding.shard_map import NODES_PREFIX, decode_registration
from flightmesh.testing import faults
from flightmesh.testing.faults import Fault, Faults, ScriptedFaults
from shard_node import recovery
from shard_node.translate import wants_events
from tests.unit.shard_node.mesh import SHARDS, Gate, Mesh, idle, reply


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    made = Mesh()
    yield made
    await made.stop()


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.LOST])
async def test_rule_16_no_watermark_outruns_the_head_after_a_failed_flush(
    mesh: Mesh, fault: Fault
) -> None:
    troubles = Faults(ScriptedFaults())
    mesh.index = faults.FaultyAggregateIndex(mesh.store.index, troubles)
    first, second = await mesh.add_node(idle_watermark_entries=3), await mesh.add_node()
    await mesh.assign(first)
    rotations = await mesh.create(first, 8)
    quiet = rotations[0]
    busy = next(r for r in rotations if mesh.map.shard_of(r) != mesh.map.shard_of(quiet))
    following = mesh.slot_of(first, quiet).memory.next_sequence
    flusher = first.node.session.flusher
    troubles.policy = ScriptedFaults(flush=[fault])
    with pytest.raises(StoreError):
        await flusher.flush_slot(mesh.slot_of(first, quiet))
    # The shard is quiet from here on; others go on, and its watermark follows them.
    for hour in range(6):
        await mesh.send(first, mesh.add_leg(busy, hour))
    await flusher.flush()
    await mesh.seal(first.node.session.id)
    await mesh.assign(second)
    assert mesh.slot_of(second, quiet).memory.next_sequence == following


async def test_an_idle_session_learns_within_two_seconds_that_it_was_sealed(mesh: Mesh) -> None:
    """Rule 10: a node that slept through its fencing comes back without waiting for a command."""
    node = await mesh.add_node()
    await mesh.assign(node)
    first = node.node.session
    await mesh.clock.advance(3)
    assert node.node.session is first
    await mesh.seal(first.id)
    await mesh.clock.advance(2.5)
    assert node.node.session is not first
    registrations = (await mesh.registry.list_prefix(NODES_PREFIX)).items
    assert [decode_registration(r.value).session for r in registrations] == [node.node.session.id]


async def test_a_store_that_cannot_be_read_ends_no_session(mesh: Mesh) -> None:
    troubles = Faults(ScriptedFaults())
    mesh.journal = faults.FaultyJournal(mesh.store.journal, troubles)
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    await mesh.release(first)
    await mesh.assign(second)
    sessions = [first.node.session, second.node.session]
    troubles.policy = ScriptedFaults(read_segment=[Fault.REFUSED] * 200)
    await mesh.clock.advance(15)
    assert troubles.met
    assert [first.node.session, second.node.session] == sessions


async def test_an_append_that_comes_home_after_the_session_ended_does_nothing(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    gate.close()
    request = mesh.add_leg(rotation, 1)
    batch = node.submit([request], wants_events, 5)
    await idle()
    ended = node.node.session
    gate.open()
    node.node.fence()
    (result,) = await batch.wait()
    assert isinstance(result, SessionFenced)
    await idle()
    assert not [r for r in caplog.records if r.levelname == "ERROR"]
    await mesh.seal(ended.id)
    await mesh.assign(node)
    (again,) = await mesh.send(node, request)
    assert reply(again).sequence == 2
    assert await mesh.state_of(node, rotation) == (2, [2])


async def test_a_session_that_ends_during_a_release_harms_nothing_else(mesh: Mesh) -> None:
    gate = Gate(mesh.claims, "change_claims")
    mesh.claims = gate
    node = await mesh.add_node()
    await mesh.assign(node)
    ended = node.node.session
    gate.close()
    release = asyncio.ensure_future(mesh.release(node))
    await idle()
    assert gate.waiting
    node.node.fence()
    gate.open()
    assert await release == [(shard, 1) for shard in range(SHARDS)]
    await idle()
    assert node.node.session is not ended
    await mesh.assign(node)
    await mesh.create(node)


async def test_what_follows_a_command_that_is_to_be_repeated_is_not_decided_before_it(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands of one aggregate in one batch keep their order, also over a full queue."""
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    queue = node.node.session.queue
    mesh.slot_of(node, rotation).memory.cells.clear()
    real, full = queue.next_number, [True]

    def full_once() -> int:
        if full:
            full.clear()
            raise Overloaded("full just now")
        return real()

    monkeypatch.setattr(queue, "next_number", full_once)
    requests = [mesh.add_leg(rotation, hour) for hour in range(3)]
    results = await mesh.send(node, *requests)
    assert [type(result) for result in results] == [Overloaded] * 3
    assert await mesh.state_of(node, rotation) == (1, [])
    results = await mesh.send(node, *requests)
    assert [reply(result).sequence for result in results] == [2, 3, 4]


async def test_repeats_that_wait_for_an_entry_are_bounded(mesh: Mesh) -> None:
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate
    node = await mesh.add_node(queued_commands=5)
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    gate.close()
    request = mesh.add_leg(rotation, 1)
    batch = node.submit([request] * 8, wants_events, 5)
    await idle()
    assert [type(r) for r in batch.results] == [type(None)] * 5 + [Overloaded] * 3
    gate.open()
    results = await batch.wait()
    assert {reply(result).sequence for result in results[:5]} == {2}
    assert node.node.session.queue.queued == 0


async def test_a_node_that_fails_again_and_again_does_not_make_ledgers_without_end(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    await mesh.create(first)
    await mesh.seal(1)

    def violated(*_: Any) -> int:
        raise ProtocolViolation("shard 0: sequence 9 follows 7 (I4)")

    monkeypatch.setattr(recovery, "_next_sequence", violated)
    for _ in range(120):
        with suppress(FlightmeshError):
            await second.node.assign(second.node.session.id, [(0, 9), (1, 9), (2, 9), (3, 9)])
        await mesh.clock.advance(0.5)
    # Within a minute: at once, then after growing pauses.
    assert 4 <= len(await mesh.journal.list_directory()) <= 12


async def test_a_damaged_ledger_holds_up_its_own_shards_only_until_it_is_mended(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    rotations = await mesh.create(first, 8)
    hurt, well = first.node.session.id, second.node.session.id
    await mesh.release(first, 2, 3)
    await mesh.assign(second, 2, 3)
    await mesh.seal(hurt)
    real = mesh.journal.read_entries

    async def damaged(ledger: int, *args: Any) -> Any:
        entries = await real(ledger, *args)
        return [(number, b"\xff") for number, _ in entries] if ledger == hurt else entries

    monkeypatch.setattr(mesh.journal, "read_entries", damaged)
    await mesh.assign(second, 0, 1)
    await mesh.clock.advance(30.0)
    assert second.node.session.id == well
    assert [shard for shard, _, _ in second.node.session.ownership.served] == [2, 3]
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    told = {record.__dict__["fields"]["shard"] for record in errors}
    assert told
    assert told <= {0, 1}

    monkeypatch.setattr(mesh.journal, "read_entries", real)
    await mesh.clock.advance(60.0)
    results = await mesh.send(second, *(mesh.add_leg(each, 1) for each in rotations))
    assert [reply(result).sequence for result in results] == [2] * 8


async def test_a_command_id_from_the_far_future_is_refused_and_bars_nobody(mesh: Mesh) -> None:
    """Rule 20: once dropped, it would make every honest id of its aggregate too old."""
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    now_ms = mesh.clock.now_us() // 1000
    late, soon = [uuid7(now_ms + ahead, 1) for ahead in (2 * FUTURE_MS, FUTURE_MS // 2)]
    results = await mesh.send(
        node,
        mesh.add_leg(rotation, 1, command_id=late),
        mesh.add_leg(rotation, 2, command_id=soon),
    )
    assert isinstance(results[0], InvalidInput)
    assert results[0].field == "command_id"
    assert reply(results[1]).sequence == 2


async def test_a_record_that_cannot_be_written_leaves_no_hole_in_its_shard(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4: what was decided and cannot be stored is taken back, its shard sequence too."""
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    faults_left = [True]

    def failing_once(record: Record) -> bytes:
        if faults_left:
            faults_left.clear()
            raise TypeError("no such field")
        return encode_record(record)

    monkeypatch.setattr("shard_node.entry_queue.encode_record", failing_once)
    requests = [mesh.add_leg(rotation, hour) for hour in range(3)]
    results = await mesh.send(first, *requests)
    assert isinstance(results[0], TypeError)
    assert [reply(result).sequence for result in results[1:]] == [2, 3]
    await mesh.seal(first.node.session.id)
    await mesh.assign(second)
    assert await mesh.state_of(second, rotation) == (3, [2, 3])
    (again,) = await mesh.send(second, requests[0])
    assert reply(again).sequence == 4
