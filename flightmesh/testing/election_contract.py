# ruff: noqa: D102 - the names of the tests are sentences that say what is promised
"""What an election keeps over any Registry adapter, as a pytest class to inherit from."""

import asyncio

from flightmesh.clock.virtual import ManualClock
from flightmesh.election import LeaderElection
from flightmesh.registry import Compare, Put, Registry
from flightmesh.sharding.shard_map import LEADER_KEY, NodeRegistration, NodeRole


class ElectionContract:
    """Subclass it, say how to create an empty registry and how its time passes.

    The candidates' own clock is `self.clock`; it is passed on together with the registry's.
    """

    def setup_method(self) -> None:
        self.clock = ManualClock()

    async def create_registry(self) -> Registry:
        """An empty registry."""
        raise NotImplementedError

    async def pass_time(self, seconds: float) -> None:
        """Lets that much time pass, the registry's and that of `self.clock`."""
        raise NotImplementedError

    def candidate(self, registry: Registry, name: str, ttl_s: float = 3.0) -> LeaderElection:
        """A candidate with a step-down margin of one second."""
        registration = NodeRegistration(name, NodeRole.COORDINATOR, f"{name}:1")
        return LeaderElection(registry, registration, self.clock, ttl_s, margin_s=1.0)

    async def test_one_of_many_candidates_leads(self) -> None:
        registry = await self.create_registry()
        candidates = [self.candidate(registry, f"c{n}") for n in range(5)]

        won = await asyncio.gather(*(candidate.try_to_lead() for candidate in candidates))

        assert sum(won) == 1
        assert [candidate.leads() for candidate in candidates] == list(won)

    async def test_tokens_rise_with_each_leadership(self) -> None:
        registry = await self.create_registry()
        tokens = []
        for n in range(4):
            candidate = self.candidate(registry, f"c{n}")
            assert await candidate.try_to_lead()
            tokens.append(candidate.token)
            await candidate.resign()
        assert tokens == sorted(set(tokens))

    async def test_the_token_is_the_leader_keys_create_revision(self) -> None:
        registry = await self.create_registry()
        candidate = self.candidate(registry, "a")
        await candidate.try_to_lead()

        item = (await registry.list_prefix(LEADER_KEY)).items[0]

        assert candidate.token == item.create_revision
        assert candidate.fence() == Compare(LEADER_KEY, create_revision=item.create_revision)

    async def test_a_silent_leader_steps_down_before_another_can_lead(self) -> None:
        registry = await self.create_registry()
        silent, other = self.candidate(registry, "a"), self.candidate(registry, "b")
        assert await silent.try_to_lead()

        await self.pass_time(2.1)
        assert not silent.leads()
        assert not await other.try_to_lead()

        await self.pass_time(2.0)
        assert await other.try_to_lead()

    async def test_a_leader_that_renews_stays(self) -> None:
        registry = await self.create_registry()
        leader, other = self.candidate(registry, "a"), self.candidate(registry, "b")
        await leader.try_to_lead()

        for _ in range(5):
            await self.pass_time(1.0)
            assert await leader.renew()

        assert leader.leads()
        assert not await other.try_to_lead()

    async def test_a_resigned_leader_is_followed_at_once(self) -> None:
        registry = await self.create_registry()
        leader, other = self.candidate(registry, "a"), self.candidate(registry, "b")
        await leader.try_to_lead()
        waiting = asyncio.gather(other.campaign())
        await asyncio.sleep(0)

        await leader.resign()
        await leader.resign()

        async with asyncio.timeout(5):
            await waiting
        assert other.leads()
        assert not leader.leads()

    async def test_a_lease_that_ended_is_noticed_by_the_next_renewal(self) -> None:
        registry = await self.create_registry()
        leader = self.candidate(registry, "a", ttl_s=60.0)
        await leader.try_to_lead()
        await registry.revoke_lease((await registry.list_prefix(LEADER_KEY)).items[0].lease)

        assert not await leader.renew()
        assert not leader.leads()

    async def test_a_deposed_leaders_write_is_not_applied(self) -> None:
        registry = await self.create_registry()
        deposed = self.candidate(registry, "a", ttl_s=60.0)
        await deposed.try_to_lead()
        await registry.revoke_lease((await registry.list_prefix(LEADER_KEY)).items[0].lease)
        assert await self.candidate(registry, "b").try_to_lead()
        assert deposed.leads(), "it has not noticed yet: the guard must do"

        assert not await deposed.write([], [Put("map/00001", b"late")])
        assert not (await registry.list_prefix("map/")).items

    async def test_a_leaders_write_keeps_its_own_conditions_too(self) -> None:
        registry = await self.create_registry()
        leader = self.candidate(registry, "a")
        await leader.try_to_lead()

        assert await leader.write([Compare("x", mod_revision=0)], [Put("x", b"1")])
        assert not await leader.write([Compare("x", mod_revision=0)], [Put("x", b"2")])
