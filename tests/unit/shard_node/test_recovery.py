"""Recovery of shards: a new owner has everything that was acknowledged, and nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from flightmesh.clock.virtual import SeededRandomness
from flightmesh.errors import (
    RetryableError,
    SessionFenced,
    StoreUnavailable,
)
from flightmesh.ids import AggregateId, id_bytes
from flightmesh.testing import faults
from flightmesh.testing.faults import Fault, Faults, ScriptedFaults
from shard_node.batch import Result
from shard_node.slot import SlotStatus
from shard_node.translate import wants_events
from tests.unit.shard_node.mesh import SHARDS, Gate, Mesh, idle, reply

ALL = set(range(SHARDS))


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    made = Mesh()
    yield made
    await made.stop()


async def test_a_new_owner_recovers_what_was_never_indexed(mesh: Mesh) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    rotations = await mesh.create(first, 6)
    requests = [mesh.add_leg(rotation, 1) for rotation in rotations]
    told = await mesh.send(first, *requests)
    await mesh.seal(first.node.session.id)
    await mesh.assign(second)
    assert await mesh.send(second, *requests) == told
    for rotation in rotations:
        assert await mesh.state_of(second, rotation) == (2, [2])


async def test_recovery_reads_watermarks_then_the_index_then_the_tails(mesh: Mesh) -> None:
    """Rule 14: a watermark that is newer than the index that was read would hide a tail."""
    watched = Faults(ScriptedFaults())
    first = await mesh.add_node()
    await mesh.assign(first)
    await mesh.create(first, 3)
    await mesh.seal(first.node.session.id)
    mesh.index = faults.FaultyAggregateIndex(mesh.store.index, watched)
    mesh.journal = faults.FaultyJournal(mesh.store.journal, watched)
    mesh.claims = faults.FaultyClaims(mesh.store.claims, watched)
    second = await mesh.add_node()
    await mesh.assign(second)
    wanted = ["change_claims", "read_watermarks", "read_head", "read_entries"]
    calls = [call for call in watched.calls if call in wanted]
    assert sorted(calls, key=wanted.index) == calls
    assert set(calls) == set(wanted)


async def test_a_crash_between_flush_and_watermark_is_harmless(mesh: Mesh) -> None:
    """Rule 13: a repeated flush is harmless."""
    troubles = Faults(ScriptedFaults())
    mesh.index = faults.FaultyAggregateIndex(mesh.store.index, troubles)
    first, second, third = [await mesh.add_node() for _ in range(3)]
    await mesh.assign(first)
    rotations = await mesh.create(first, 3)
    requests = [mesh.add_leg(r, hour) for hour in range(3) for r in rotations]
    told = await mesh.send(first, *requests)
    troubles.policy = ScriptedFaults(write_watermarks=[Fault.REFUSED] * 9)
    with pytest.raises(StoreUnavailable):
        await first.node.session.flusher.flush()
    troubles.policy = ScriptedFaults()
    await mesh.seal(first.node.session.id)
    await mesh.assign(second)
    assert await mesh.send(second, *requests) == told
    await second.node.session.flusher.flush()
    await mesh.seal(second.node.session.id)
    await mesh.assign(third)
    assert await mesh.send(third, *requests) == told
    for rotation in rotations:
        assert await mesh.state_of(third, rotation) == (4, [1, 2, 3])


async def test_a_crash_before_the_second_owner_flushed_loses_nothing(mesh: Mesh) -> None:
    """Rule 15: the tails of all ledgers in the claim are read, not the last one's."""
    nodes = [await mesh.add_node() for _ in range(3)]
    rotation: AggregateId | None = None
    requests = []
    for n, node in enumerate(nodes):
        if n:
            await mesh.seal(nodes[n - 1].node.session.id)
        await mesh.assign(node)
        if rotation is None:
            (rotation,) = await mesh.create(node)
        requests.append(mesh.add_leg(rotation, n))
        await mesh.send(node, requests[-1])
    assert rotation is not None
    claim = (await mesh.claims.read_claims())[mesh.map.shard_of(rotation)]
    assert claim.ledgers == (1, 2, 3)
    assert await mesh.state_of(nodes[2], rotation) == (4, [1, 2, 3])


async def test_the_late_flush_of_a_deposed_owner_replaces_nothing(mesh: Mesh) -> None:
    """Rules 12 and 13: a zombie's chunks and watermark cover no more than it knew."""
    gate = Gate(mesh.index, "flush")
    mesh.index = gate  # type: ignore[assignment]
    first, second, third = [await mesh.add_node() for _ in range(3)]
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    await mesh.send(first, mesh.add_leg(rotation, 0))
    gate.close()
    zombie = first.node.session
    late = asyncio.ensure_future(zombie.flusher.flush_slot(mesh.slot_of(first, rotation)))
    await idle()
    await mesh.send(first, mesh.add_leg(rotation, 1))
    await mesh.seal(zombie.id)
    await mesh.assign(second)
    await mesh.send(second, mesh.add_leg(rotation, 2))
    slot = mesh.slot_of(second, rotation)
    # Whatever a store does with a key written twice: no two owners use the same one.
    assert slot.drafts[rotation].ledger == second.node.session.id
    gate.open()
    await second.node.session.flusher.flush_slot(slot)
    await late
    assert await mesh.store.index.read_watermarks(slot.shard) == {1: 4, 2: 1}
    await mesh.seal(second.node.session.id)
    await mesh.assign(third)
    assert await mesh.state_of(third, rotation) == (4, [1, 2, 3])


async def test_wholly_indexed_sealed_ledgers_leave_the_claim(mesh: Mesh) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    await mesh.seal(first.node.session.id)
    await mesh.assign(second)
    assert {c.ledgers for c in (await mesh.claims.read_claims()).values()} == {(1, 2)}
    session = second.node.session
    assert await session.ownership.trim() == 0
    await session.flusher.flush()
    assert await session.ownership.trim() == SHARDS
    assert {c.ledgers for c in (await mesh.claims.read_claims()).values()} == {(2,)}
    assert await mesh.state_of(second, rotation) == (1, [])


async def test_a_ledger_sealed_after_its_shards_were_released_leaves_the_claim_later(
    mesh: Mesh,
) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    await mesh.create(first)
    await mesh.release(first)
    await mesh.assign(second)
    session = second.node.session
    await session.flusher.flush()
    await session.ownership.find_sealed()
    assert await session.ownership.trim() == 0
    await mesh.seal(first.node.session.id)
    await mesh.clock.advance(12)
    assert {c.ledgers for c in (await mesh.claims.read_claims()).values()} == {(2,)}


async def test_an_idle_shard_keeps_its_shard_sequence_over_owners(mesh: Mesh) -> None:
    """Rule 16: the head row tells an idle shard's last sequence."""
    nodes = [await mesh.add_node() for _ in range(3)]
    await mesh.assign(nodes[0])
    (rotation,) = await mesh.create(nodes[0])
    await mesh.send(nodes[0], mesh.add_leg(rotation, 1))
    following = mesh.slot_of(nodes[0], rotation).memory.next_sequence
    for before, after in pairwise(nodes):
        await before.node.session.flusher.flush()
        await mesh.seal(before.node.session.id)
        await mesh.assign(after)
        await after.node.session.flusher.flush()
        await after.node.session.ownership.trim()
    assert mesh.slot_of(nodes[2], rotation).memory.next_sequence == following


async def test_an_idle_shards_watermark_follows_the_ledger(mesh: Mesh) -> None:
    node = await mesh.add_node(idle_watermark_entries=3)
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    busy = {mesh.map.shard_of(rotation)}
    for hour in range(8):
        await mesh.send(node, mesh.add_leg(rotation, hour))
    await node.node.session.flusher.flush()
    head = node.node.session.queue.head
    for shard in ALL - busy:
        assert (await mesh.index.read_watermarks(shard))[1] == head + 1


async def test_the_store_failing_during_recovery_only_delays_it(mesh: Mesh) -> None:
    troubles = Faults(ScriptedFaults(read_watermarks=[Fault.REFUSED], read_head=[Fault.REFUSED]))
    mesh.index = faults.FaultyAggregateIndex(mesh.store.index, troubles)
    node = await mesh.add_node()
    await mesh.assign(node)
    slot = node.node.session.slot(0)
    assert slot is not None
    assert slot.status is SlotStatus.RECOVERING
    await mesh.clock.advance(2)
    assert slot.status is SlotStatus.ACTIVE
    await mesh.create(node)


async def test_everything_survives_a_restart_of_all_nodes(mesh: Mesh) -> None:
    first = await mesh.add_node()
    await mesh.assign(first)
    rotations = await mesh.create(first, 5)
    requests = [mesh.add_leg(r, hour) for hour in range(3) for r in rotations]
    told = await mesh.send(first, *requests)
    await first.node.stop()
    await mesh.seal(1)
    second = Mesh(mesh.store)
    node = await second.add_node()
    await second.assign(node)
    assert await second.send(node, *requests) == told
    for rotation in rotations:
        assert len(
            await second.index.read_chunks(second.map.shard_of(rotation), id_bytes(rotation))
        )
        assert await second.state_of(node, rotation) == (4, [1, 2, 3])
    await second.stop()


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_to_owners_every_command_has_one_effect(seed: int) -> None:
    """Random stories: commands, repeats, flushes, hand-overs, seals; then all ids once more."""
    mesh = Mesh()
    randomness = SeededRandomness(seed)
    nodes = [await mesh.add_node(snapshot_every=3) for _ in range(2)]
    owner = nodes[0]
    await mesh.assign(owner)
    rotations = await mesh.create(owner, 3)
    sent: list[Any] = []
    told: dict[str, Result] = {}
    for _ in range(120):
        choice = randomness.bits(4)
        if choice < 9:
            rotation = rotations[randomness.bits(8) % 3]
            request = mesh.add_leg(rotation, randomness.bits(6))
            if sent and randomness.bits(2) == 0:
                request = sent[randomness.bits(8) % len(sent)]
            sent.append(request)
            batch = owner.submit([request], wants_events, 5)
            if choice == 0:
                await mesh.seal(owner.node.session.id)
            (result,) = await batch.wait()
            if not isinstance(result, RetryableError):
                known = told.setdefault(request.command_id, result)
                assert str(known) == str(result)
            if choice == 0 or isinstance(result, SessionFenced):
                await idle()
                owner = nodes[randomness.bits(1)]
                await mesh.assign(owner)
        elif choice < 12:
            await owner.node.session.flusher.flush()
            await owner.node.session.ownership.trim()
        elif choice == 12:
            await mesh.release(owner)
            owner = nodes[randomness.bits(1)]
            await mesh.assign(owner)
        else:
            for slot in owner.node.session.ownership.slots.values():
                slot.memory.cells.clear()
    accepted: dict[str, int] = {}
    for request in {request.command_id: request for request in sent}.values():
        (result,) = await mesh.send(owner, request)
        assert str(told.setdefault(request.command_id, result)) == str(result)
        if isinstance(result, bytes) and reply(result).events:
            accepted[request.aggregate_id] = accepted.get(request.aggregate_id, 0) + 1
    for rotation in rotations:
        sequence, legs = await mesh.state_of(owner, rotation)
        assert sequence == 1 + accepted.get(rotation, 0)
        assert len(set(legs)) == len(legs) == sequence - 1
    await mesh.stop()
