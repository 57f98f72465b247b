"""Channels are kept, and beyond the bound those that nobody needs are closed first."""

import asyncio
from typing import Any

import grpc

from flightmesh.routing.channel_cache import ChannelCache
from flightmesh.runtime.tasks import TaskOwner

READY, IDLE = grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.IDLE


class Channel:
    """A channel that only tells its state."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.state = READY
        self.closed = False

    def get_state(self) -> grpc.ChannelConnectivity:
        return self.state

    async def close(self, grace: float | None = None) -> None:
        self.closed = True


def cache_of(limit: int, tasks: TaskOwner) -> tuple[ChannelCache, dict[str, Channel]]:
    opened: dict[str, Channel] = {}

    def open_one(address: str) -> Any:
        opened[address] = Channel(address)
        return opened[address]

    return ChannelCache(tasks, open_one, limit), opened


def closed(opened: dict[str, Channel]) -> list[str]:
    return [address for address, channel in opened.items() if channel.closed]


async def settle(tasks: TaskOwner) -> None:
    for _ in range(10):
        await asyncio.sleep(0)
    assert not len(tasks)


async def test_an_address_has_one_channel() -> None:
    tasks = TaskOwner("test")
    cache, opened = cache_of(2, tasks)
    assert cache.get("a:1") is cache.get("a:1")
    assert list(opened) == ["a:1"]


async def test_beyond_the_bound_the_longest_unused_is_closed() -> None:
    tasks = TaskOwner("test")
    cache, opened = cache_of(2, tasks)
    for address in ("a:1", "b:1", "a:1", "c:1"):
        cache.get(address)
    await settle(tasks)
    assert closed(opened) == ["b:1"]


async def test_one_without_a_connection_is_closed_before_those_that_have_one() -> None:
    tasks = TaskOwner("test")
    cache, opened = cache_of(3, tasks)
    for address in ("a:1", "b:1", "c:1"):
        cache.get(address)
    opened["b:1"].state = IDLE
    opened["c:1"].state = IDLE
    cache.get("d:1")
    await settle(tasks)
    assert closed(opened) == ["b:1"]


async def test_close_closes_all() -> None:
    tasks = TaskOwner("test")
    cache, opened = cache_of(3, tasks)
    for address in ("a:1", "b:1"):
        cache.get(address)
    await cache.close()
    assert closed(opened) == ["a:1", "b:1"]
