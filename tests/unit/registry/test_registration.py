"""A registration is in force, or the keeper knows that it is not."""

import asyncio
from collections.abc import Sequence

import pytest

from flightmesh.clock.virtual import ManualClock
from flightmesh.errors import OutcomeUnknown
from flightmesh.registry import Compare, Delete, Put, TransactionResult
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.registry.registration import RegistrationKeeper
from flightmesh.sharding.shard_map import (
    NODES_PREFIX,
    NodeRegistration,
    NodeRole,
    decode_registration,
)

TTL_S = 5.0


class Slow(InMemoryRegistry):  # type: ignore[misc] # final for users, not here
    """A registry whose transactions arrive when the test says so, or whose answers are lost."""

    loses_answers = False
    lease_ends_first = False

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.clock = clock
        self.gate = asyncio.Event()
        self.gate.set()

    async def transact(
        self, compares: Sequence[Compare], writes: Sequence[Put | Delete]
    ) -> TransactionResult:
        await self.gate.wait()
        if self.lease_ends_first:
            self.lease_ends_first = False
            self.clock.advance(TTL_S + 1)
        result = await super().transact(compares, writes)
        if self.loses_answers:
            raise OutcomeUnknown("the answer is lost")
        return result


class Node:
    def __init__(self) -> None:
        self.registry = Slow(ManualClock())
        self.draining = False
        self.keeper = RegistrationKeeper(self.registry, self.describe, TTL_S, self.registry.clock)

    def describe(self) -> NodeRegistration:
        return NodeRegistration("n", NodeRole.SHARD_NODE, "n:1", 1, 7, self.draining)

    async def registered(self) -> list[bool]:
        """Whether each registration says that the node drains."""
        items = (await self.registry.list_prefix(NODES_PREFIX)).items
        return [decode_registration(item.value).draining for item in items]


@pytest.fixture
def node() -> Node:
    return Node()


async def test_a_lease_that_ended_before_the_registration_came_is_noticed_at_once(
    node: Node,
) -> None:
    node.registry.lease_ends_first = True
    await node.keeper.renew()
    assert await node.registered() == [False]


async def test_a_registration_of_unknown_outcome_is_given_up_too(node: Node) -> None:
    node.registry.loses_answers = True
    with pytest.raises(OutcomeUnknown):
        await node.keeper.renew()
    assert await node.registered() == [False]
    node.registry.loses_answers = False
    await node.keeper.give_up()
    assert await node.registered() == []


async def test_a_renewal_under_way_does_not_undo_a_newer_registration(node: Node) -> None:
    node.registry.gate.clear()
    old = asyncio.ensure_future(node.keeper.renew())
    await asyncio.sleep(0)
    node.draining = True
    new = asyncio.ensure_future(node.keeper.renew())
    await asyncio.sleep(0)
    node.registry.gate.set()
    await asyncio.gather(old, new)
    assert await node.registered() == [True]
    assert len(node.registry._leases) == 1


async def test_a_key_lost_under_a_live_lease_is_written_again(node: Node) -> None:
    await node.keeper.renew()
    (key,) = [item.key for item in (await node.registry.list_prefix(NODES_PREFIX)).items]
    await node.registry.transact((), (Delete(key),))
    await node.keeper.renew()
    assert await node.registered() == [False]


async def test_an_older_value_under_a_live_lease_is_written_anew(node: Node) -> None:
    await node.keeper.renew()
    (older,) = (await node.registry.list_prefix(NODES_PREFIX)).items
    node.draining = True
    await node.keeper.renew()
    await node.registry.transact((), (Put(older.key, older.value, older.lease),))
    await node.keeper.renew()
    assert await node.registered() == [True]


async def test_what_another_has_registered_under_the_name_is_left_alone(node: Node) -> None:
    await node.keeper.renew()
    (ours,) = (await node.registry.list_prefix(NODES_PREFIX)).items
    lease = await node.registry.grant_lease(TTL_S)
    await node.registry.transact((), (Put(ours.key, b"another's", lease),))
    await node.keeper.renew()
    (kept,) = (await node.registry.list_prefix(NODES_PREFIX)).items
    assert kept.value == b"another's"
