"""The registry in memory keeps the contract."""

from contextlib import aclosing
from typing import Any, cast

from flightmesh.clock.virtual import ManualClock
from flightmesh.registry import Put, Registry
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.testing.registry_contract import RegistryContract


class TestInMemoryRegistry(RegistryContract):
    async def create_registry(self) -> Registry:
        self.clock = ManualClock()
        return InMemoryRegistry(self.clock)

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)


async def test_a_put_with_an_ended_lease_does_nothing() -> None:
    clock = ManualClock()
    registry = InMemoryRegistry(clock)
    lease = await registry.grant_lease(1.0)
    clock.advance(2.0)

    assert not (await registry.transact([], [Put("a", b"1", lease)])).succeeded
    assert not (await registry.list_prefix("")).items


async def test_a_closed_watch_ends() -> None:
    registry = InMemoryRegistry(ManualClock())
    watch = registry.watch_prefix("")
    async with aclosing(cast(Any, watch)):
        await registry.transact([], [Put("a", b"1")])
        await anext(watch)
    assert [revision async for revision in watch] == []
