"""Fencing and hand-over: callers hear only what is so, and no shard has two owners."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flightmesh.errors import (
    NotOwner,
    Refused,
    SessionFenced,
    ShardMoving,
    Unavailable,
)
from flightmesh.sharding.shard_map import NodeRole, decode_registration, role_prefix
from flightmesh.testing import faults
from flightmesh.testing.faults import Fault, Faults, ScriptedFaults
from shard_node.batch import Result
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
    assert await mesh.state_of(second, rotation) == (4, [2, 4, 6])


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
    assert await mesh.state_of(node, rotation) == (2, [2])


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
    assert await mesh.state_of(second, rotation) == (2, [2])


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


async def test_a_node_serves_on_while_the_registry_is_away(mesh: Mesh) -> None:
    """SPEC C3."""

    class Away:
        def __getattr__(self, name: str) -> Any:
            async def call(*args: Any) -> Any:
                raise Unavailable("the registry is away")

            return call

    registry, mesh.registry = mesh.registry, Away()  # type: ignore[assignment]
    node = await mesh.add_node()
    mesh.registry = registry
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    await mesh.clock.advance(10)
    (result,) = await mesh.send(node, mesh.add_leg(rotation, 1))
    assert reply(result).sequence == 2


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
    assert await mesh.state_of(first, rotation) == (4, [1, 2, 3])


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
    assert await mesh.state_of(second, rotation) == (3, [2, 4])


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
