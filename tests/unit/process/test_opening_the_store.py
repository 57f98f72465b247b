"""A process waits for its store, and keeps nothing of the tries that failed."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from flightmesh.clock.virtual import ManualClock
from flightmesh.errors import ConfigurationError, OutcomeUnknown
from flightmesh.process import ports
from flightmesh.process.config import ProcessConfig


class Store:
    """A store that was opened."""

    journal = None

    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


class World:
    """Stores that can be opened, of which the first cannot be agreed with."""

    def __init__(self, *failures: Exception) -> None:
        self.opened: list[Store] = []
        self._failures = list(failures)

    async def open(self, _options: Any) -> Store:
        self.opened.append(Store())
        return self.opened[-1]

    async def agree(self, _journal: Any, _shard_count: int) -> None:
        if self._failures:
            raise self._failures.pop(0)


def install(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports.CassandraStore, "open", world.open)
    monkeypatch.setattr(ports, "agreed_constants", world.agree)


async def test_stores_of_tries_that_failed_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(OutcomeUnknown("late"), OutcomeUnknown("late"))
    install(world, monkeypatch)
    async with AsyncExitStack() as stack:
        store = await ports.open_store(ProcessConfig(name="n"), ManualClock(), stack)
        assert store is world.opened[-1]
        assert [each.closed for each in world.opened] == [True, True, False]
    assert all(each.closed for each in world.opened)


async def test_a_store_that_was_made_otherwise_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(ConfigurationError("the store has 32 shards"))
    install(world, monkeypatch)
    with pytest.raises(ConfigurationError, match="32 shards"):
        await ports.open_store(ProcessConfig(name="n"), ManualClock(), AsyncExitStack())
    assert world.opened[0].closed
