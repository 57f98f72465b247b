"""Elections whose registry answers late, or not at all."""

from collections.abc import Sequence

import pytest

from flightmesh.clock.virtual import ManualClock
from flightmesh.election import LeaderElection
from flightmesh.errors import OutcomeUnknown, Unavailable
from flightmesh.registry import Compare, Delete, Put, Registry, TransactionResult
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.sharding.shard_map import LEADER_KEY, NodeRegistration, NodeRole

CANDIDATE = NodeRegistration("a", NodeRole.COORDINATOR, "a:1")


class LossyRegistry(InMemoryRegistry):  # type: ignore[misc] # final for users, not for this test
    """Loses answers of transactions, or takes time to answer."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.manual = clock
        self.lose_answer = False
        self.lose_request = False
        self.slow_s = 0.0
        self.down = False

    async def transact(
        self, compares: Sequence[Compare], writes: Sequence[Put | Delete]
    ) -> TransactionResult:
        if self.lose_request:
            raise OutcomeUnknown("lost on the way")
        result = await super().transact(compares, writes)
        if self.lose_answer:
            raise OutcomeUnknown("lost on the way back")
        return result

    async def keep_alive(self, lease: int) -> bool:
        if self.down:
            raise Unavailable("down")
        alive = await super().keep_alive(lease)
        self.manual.advance(self.slow_s)
        return alive


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def registry(clock: ManualClock) -> LossyRegistry:
    return LossyRegistry(clock)


def election(registry: Registry, clock: ManualClock) -> LeaderElection:
    return LeaderElection(registry, CANDIDATE, clock, ttl_s=10.0, margin_s=1.0)


async def test_a_candidacy_of_unknown_outcome_that_was_applied_is_a_leadership(
    registry: LossyRegistry, clock: ManualClock
) -> None:
    registry.lose_answer = True
    candidate = election(registry, clock)

    assert await candidate.try_to_lead()
    assert candidate.token == (await registry.list_prefix(LEADER_KEY)).items[0].create_revision


async def test_a_candidacy_of_unknown_outcome_that_was_lost_is_none(
    registry: LossyRegistry, clock: ManualClock
) -> None:
    registry.lose_request = True
    candidate = election(registry, clock)

    assert not await candidate.try_to_lead()
    assert not candidate.leads()


async def test_the_deadline_counts_from_before_the_renewal_was_sent(
    registry: LossyRegistry, clock: ManualClock
) -> None:
    leader = election(registry, clock)
    await leader.try_to_lead()
    registry.slow_s = 5.0

    assert await leader.renew()
    clock.advance(3.9)
    assert leader.leads()
    clock.advance(0.2)  # nine seconds after the renewal was sent, four after its answer
    assert not leader.leads()


async def test_a_leader_cut_off_from_the_registry_steps_down_by_its_own_clock(
    registry: LossyRegistry, clock: ManualClock
) -> None:
    leader = election(registry, clock)
    await leader.try_to_lead()
    registry.down = True

    clock.advance(5.0)
    with pytest.raises(Unavailable):
        await leader.renew()
    assert leader.leads()
    clock.advance(4.1)
    assert not leader.leads()
    with pytest.raises(Unavailable):
        await leader.write([], [Put("x", b"1")])
    assert not await leader.renew()
