"""The contract suites of the registry and of elections, held against etcd."""

import asyncio
from typing import Any, cast

import pytest

from flightmesh.registry import Put, Registry
from flightmesh.testing.election_contract import ElectionContract
from flightmesh.testing.registry_contract import RegistryContract


class TestEtcdRegistry(RegistryContract):
    @pytest.fixture(autouse=True)
    def _server(self, etcd_server: Any, make_registry: Any) -> None:
        self.make = lambda: make_registry(etcd_server)

    async def create_registry(self) -> Registry:
        return cast(Registry, self.make())

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def test_a_put_with_an_ended_lease_does_nothing(self) -> None:
        registry = await self.create_registry()
        lease = await registry.grant_lease(60.0)
        await registry.revoke_lease(lease)
        put = [Put("a", b"1", lease), Put("b", b"1")]
        assert not (await registry.transact([], put)).succeeded
        assert not (await registry.list_prefix("")).items

    async def test_keys_of_other_namespaces_are_not_seen(self) -> None:
        mine, other = await self.create_registry(), await self.create_registry()
        await mine.transact([], [Put("a", b"mine")])
        await other.transact([], [Put("a", b"other")])
        assert [item.value for item in (await mine.list_prefix("")).items] == [b"mine"]

    async def test_a_lease_that_never_was_cannot_be_renewed(self) -> None:
        assert not await (await self.create_registry()).keep_alive(12345)

    async def test_a_closed_watch_ends(self) -> None:
        watch: Any = (await self.create_registry()).watch_prefix("a/")
        waiting = asyncio.gather(anext(watch, None))
        await asyncio.sleep(0)
        await watch.aclose()
        await watch.aclose()
        assert await waiting == [None]

    async def test_a_quiet_watch_tells_of_nothing(self) -> None:
        """A candidate that looks again after each news must not spin."""
        registry = await self.create_registry()
        await registry.transact([], [Put("a/1", b"1")])
        watch: Any = registry.watch_prefix("a/")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await anext(watch)
        await watch.aclose()

    async def test_many_changes_are_merged_and_the_last_is_told(self) -> None:
        registry = await self.create_registry()
        watch: Any = registry.watch_prefix("a/")
        for n in range(50):
            last = await registry.transact([], [Put(f"a/{n}", b"1")])
        async with asyncio.timeout(10):
            while await anext(watch) < last.revision:
                pass
        await watch.aclose()


class TestElectionInEtcd(ElectionContract):
    @pytest.fixture(autouse=True)
    def _server(self, etcd_server: Any, make_registry: Any) -> None:
        self.make = lambda: make_registry(etcd_server)

    async def create_registry(self) -> Registry:
        return cast(Registry, self.make())

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.clock.advance(seconds)

    async def test_of_two_that_begin_at_once_one_leads_each_time(self) -> None:
        """drivers-and-faults 3: a hundred elections, one token each, strictly rising."""
        registry = await self.create_registry()
        tokens = []
        for turn in range(100):
            rivals = [self.candidate(registry, f"c{turn}-{n}") for n in range(2)]
            won = await asyncio.gather(*(rival.try_to_lead() for rival in rivals))
            assert sum(won) == 1
            leader = rivals[won.index(True)]
            tokens.append(leader.token)
            await leader.resign()
        assert tokens == sorted(set(tokens))
