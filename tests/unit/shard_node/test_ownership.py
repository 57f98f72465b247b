"""Fencing, hand-over and recovery: nothing acknowledged is lost, nothing takes effect twice."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from flightmesh.clock.virtual import SeededRandomness
from flightmesh.errors import (
    NotOwner,
    Refused,
    RetryableError,
    SessionFenced,
    ShardMoving,
    StoreUnavailable,
)
from flightmesh.ids import AggregateId, id_bytes
from flightmesh.sharding.shard_map import NodeRole, decode_registration, role_prefix
from flightmesh.testing import faults
from flightmesh.testing.faults import Fault, Faults, ScriptedFaults
from shard_node.batch import Result
from shard_node.handlers import Handlers
from shard_node.slot import ShardSlot, SlotStatus
from shard_node.translate import wants_events
from tests.unit.shard_node.mesh import SHARDS, Gate, Mesh, idle, reply

ALL = set(range(SHARDS))


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    made = Mesh()
    yield made
    await made.stop()


def refusal(result: object) -> Refused:
    assert isinstance(result, Refused), result
    return result


def slot_of(mesh: Mesh, node: Handlers, aggregate_id: str) -> ShardSlot:
    slot = node.node.session.slot(mesh.map.shard_of(aggregate_id))
    assert slot is not None
    return slot


async def state_of(mesh: Mesh, node: Handlers, aggregate_id: AggregateId) -> Any:
    slot = slot_of(mesh, node, aggregate_id)
    cell = await node.node.session.committed_state(slot, aggregate_id)
    return cell.sequence, sorted(leg.flight_number for leg in cell.state.order)


# --- fencing ----------------------------------------------------------------------------------


async def test_callers_of_a_fenced_session_are_told_to_retry_and_the_retry_gives_the_first_result(
    mesh: Mesh,
) -> None:
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    acknowledged = mesh.add_leg(rotation, 1)
    (told,) = await mesh.send(first, acknowledged)
    old = first.node.session.id
    await mesh.seal(old)
    lost = [mesh.add_leg(rotation, hour) for hour in (3, 5)]
    results = await mesh.send(first, *lost)
    assert all(isinstance(result, SessionFenced) for result in results)
    await idle()
    assert first.node.session.id > old
    await mesh.assign(second)
    assert await mesh.send(second, acknowledged) == [told]
    assert [reply(r).sequence for r in await mesh.send(second, *lost)] == [3, 4]
    assert await state_of(mesh, second, rotation) == (4, [2, 4, 6])


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.LOST, Fault.REFUSED])
async def test_an_append_of_unknown_outcome_has_one_effect_and_one_answer(
    mesh: Mesh, fault: Fault
) -> None:
    troubles = Faults(ScriptedFaults())
    mesh.journal = faults.FaultyJournal(mesh.store.journal, troubles)
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    troubles.policy = ScriptedFaults(append=[fault, fault])
    batch = node.submit([mesh.add_leg(rotation, 1)], wants_events, 5)
    await idle()
    assert batch.results == [None]
    await mesh.clock.advance(3)
    assert reply((await batch.wait())[0]).sequence == 2
    assert await state_of(mesh, node, rotation) == (2, [2])


@pytest.mark.parametrize("is_in", [True, False])
async def test_sealed_while_the_outcome_is_unknown_the_caller_hears_only_what_is_so(
    mesh: Mesh, is_in: bool
) -> None:
    troubles = Faults(ScriptedFaults())
    mesh.journal = faults.FaultyJournal(mesh.store.journal, troubles)
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    troubles.policy = ScriptedFaults(append=[Fault.ANSWER_LOST if is_in else Fault.LOST])
    request = mesh.add_leg(rotation, 1)
    batch = first.submit([request], wants_events, 5)
    await idle()
    await mesh.seal(first.node.session.id)
    await mesh.clock.advance(1)
    (result,) = await batch.wait()
    await mesh.assign(second)
    (again,) = await mesh.send(second, request)
    if is_in:
        assert result == again
    else:
        assert isinstance(result, SessionFenced)
    assert await state_of(mesh, second, rotation) == (2, [2])


async def test_a_fenced_node_gives_up_its_registration_and_registers_its_new_session(
    mesh: Mesh,
) -> None:
    async def registered() -> list[int]:
        listing = await mesh.registry.list_prefix(role_prefix(NodeRole.SHARD_NODE))
        return [decode_registration(item.value).session for item in listing.items]

    node = await mesh.add_node()
    assert await registered() == [1]
    node.node.fence()
    await idle()
    assert await registered() == [2]
    # A lost lease alone changes nothing: it registers again under the same id.
    (item,) = (await mesh.registry.list_prefix(role_prefix(NodeRole.SHARD_NODE))).items
    await mesh.registry.revoke_lease(item.lease)
    assert await registered() == []
    await mesh.clock.advance(3)
    assert await registered() == [2]


async def test_parked_commands_of_a_fenced_session_are_told_to_retry(mesh: Mesh) -> None:
    gate = Gate(mesh.index, "read_chunks")
    mesh.index = gate  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    await mesh.create(node)
    gate.close()
    batch = node.submit([mesh.request(create_rotation={})], wants_events, 5)
    await idle()
    node.node.fence()
    await idle()
    assert isinstance((await batch.wait())[0], SessionFenced | ShardMoving)


# --- hand-over --------------------------------------------------------------------------------


async def test_a_shard_is_handed_over_and_back(mesh: Mesh) -> None:
    """Rule 7: what was in memory is dropped; on return the shard is recovered again."""
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    requests = [mesh.add_leg(rotation, hour) for hour in range(3)]
    told: list[Result] = []
    owners = [first, second, first]
    for n, (owner, request) in enumerate(zip(owners, requests, strict=True)):
        if n:
            assert len(await mesh.release(owners[n - 1])) == SHARDS
            await mesh.assign(owner)
        told += await mesh.send(owner, request)
    assert [reply(result).sequence for result in told] == [2, 3, 4]
    assert await mesh.send(first, *requests) == told
    assert await state_of(mesh, first, rotation) == (4, [1, 2, 3])


async def test_a_release_waits_for_the_entries_in_flight_and_gathering(mesh: Mesh) -> None:
    """Rule 6."""
    gate = Gate(mesh.journal, "append")
    mesh.journal = gate  # type: ignore[assignment]
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    gate.close()
    in_flight = first.submit([mesh.add_leg(rotation, 1)], wants_events, 5)
    await idle()
    gathering = first.submit([mesh.add_leg(rotation, 3)], wants_events, 5)
    release = asyncio.ensure_future(mesh.release(first))
    await idle()
    (moving,) = await mesh.send(first, mesh.add_leg(rotation, 5))
    assert isinstance(moving, ShardMoving)
    assert not release.done()
    claims = await mesh.claims.read_claims()
    assert not any(claim.released for claim in claims.values())
    gate.open()
    assert {shard for shard, _ in await release} == ALL
    answers = [*await in_flight.wait(), *await gathering.wait()]
    assert [reply(result).sequence for result in answers] == [2, 3]
    claims = await mesh.claims.read_claims()
    assert all(claim.released for claim in claims.values())
    await mesh.assign(second)
    assert await state_of(mesh, second, rotation) == (3, [2, 4])


async def test_a_release_may_be_asked_again_and_before_its_assignment(mesh: Mesh) -> None:
    """Rule 5: a node ignores assignments at or below an epoch it has released."""
    node = await mesh.add_node()
    session = node.node.session.id
    assert await node.node.release(session, [(0, 3)]) == [(0, 3)]
    assert await node.node.release(session, [(0, 3)]) == [(0, 3)]
    for epoch in (1, 3):
        assert await node.node.assign(session, [(0, epoch)]) == ([], [])
    assert await node.node.assign(session, [(0, 4)]) == ([(0, 4)], [])
    assert await node.node.assign(session, [(0, 4)]) == ([(0, 4)], [])
    # A release of an epoch that has passed says nothing about the shard now.
    assert await node.node.release(session, [(0, 3)]) == []
    assert node.node.session.ownership.owned == [(0, 4)]


async def test_another_session_is_meant(mesh: Mesh) -> None:
    """Rule 10: completions and questions carry the session."""
    node = await mesh.add_node()
    for ask in (node.node.assign, node.node.release):
        with pytest.raises(Refused) as caught:
            await ask(node.node.session.id + 1, [(0, 1)])
        assert caught.value.reason == "SESSION_MISMATCH"


async def test_a_shard_of_a_live_session_is_blocked_until_its_ledger_is_sealed(mesh: Mesh) -> None:
    """Rule 1: a claim moves only after the seal or the release."""
    first, second = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(first)
    holder, taker = first.node.session.id, second.node.session.id
    assert await second.node.assign(taker, [(0, 9), (1, 9)]) == ([], [(0, holder), (1, holder)])
    await mesh.release(first, 1)
    assert await second.node.assign(taker, [(0, 9), (1, 9)]) == ([(1, 9)], [(0, holder)])
    await mesh.seal(holder)
    assert await second.node.assign(taker, [(0, 9)]) == ([(0, 9)], [])


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.LOST, Fault.REFUSED])
async def test_a_claim_of_unknown_outcome_is_found_out(mesh: Mesh, fault: Fault) -> None:
    troubles = Faults(ScriptedFaults(change_claims=[fault, fault]))
    mesh.claims = faults.FaultyClaims(mesh.store.claims, troubles)
    node = await mesh.add_node()
    asked = asyncio.ensure_future(node.node.assign(1, [(0, 1)]))
    await idle()
    await mesh.clock.advance(1)
    assert await asked == ([(0, 1)], [])
    assert (await mesh.store.claims.read_claims())[0].holder == 1
    troubles.policy = ScriptedFaults(change_claims=[fault, fault])
    asked_back = asyncio.ensure_future(node.node.release(1, [(0, 1)]))
    await mesh.clock.advance(1)
    assert await asked_back == [(0, 1)]
    assert (await mesh.store.claims.read_claims())[0].released


async def test_a_released_shard_is_not_owned_here(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    await mesh.release(node)
    (result,) = await mesh.send(node, mesh.add_leg(rotation, 1, hops=1))
    assert isinstance(result, NotOwner)


async def test_a_drained_node_waits_until_its_shards_are_gone(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    draining = asyncio.ensure_future(node.node.drain(5))
    await idle()
    (item,) = (await mesh.registry.list_prefix(role_prefix(NodeRole.SHARD_NODE))).items
    assert decode_registration(item.value).draining
    await mesh.release(node)
    await mesh.clock.advance(0.2)
    assert await draining is True


# --- recovery ---------------------------------------------------------------------------------


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
        assert await state_of(mesh, second, rotation) == (2, [2])


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
        assert await state_of(mesh, third, rotation) == (4, [1, 2, 3])


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
    assert await state_of(mesh, nodes[2], rotation) == (4, [1, 2, 3])


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
    late = asyncio.ensure_future(zombie.flusher.flush_slot(slot_of(mesh, first, rotation)))
    await idle()
    await mesh.send(first, mesh.add_leg(rotation, 1))
    await mesh.seal(zombie.id)
    await mesh.assign(second)
    await mesh.send(second, mesh.add_leg(rotation, 2))
    slot = slot_of(mesh, second, rotation)
    # Whatever a store does with a key written twice: no two owners use the same one.
    assert slot.drafts[rotation].ledger == second.node.session.id
    gate.open()
    await second.node.session.flusher.flush_slot(slot)
    await late
    assert await mesh.store.index.read_watermarks(slot.shard) == {1: 4, 2: 1}
    await mesh.seal(second.node.session.id)
    await mesh.assign(third)
    assert await state_of(mesh, third, rotation) == (4, [1, 2, 3])


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
    assert await state_of(mesh, second, rotation) == (1, [])


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
    following = slot_of(mesh, nodes[0], rotation).memory.next_sequence
    for before, after in pairwise(nodes):
        await before.node.session.flusher.flush()
        await mesh.seal(before.node.session.id)
        await mesh.assign(after)
        await after.node.session.flusher.flush()
        await after.node.session.ownership.trim()
    assert slot_of(mesh, nodes[2], rotation).memory.next_sequence == following


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
        assert await state_of(second, node, rotation) == (4, [1, 2, 3])
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
        sequence, legs = await state_of(mesh, owner, rotation)
        assert sequence == 1 + accepted.get(rotation, 0)
        assert len(set(legs)) == len(legs) == sequence - 1
    await mesh.stop()
