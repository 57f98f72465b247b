"""Keeps a ShardMapCache up to date, from the registry or from another process's stream.

Both followers run until they are cancelled: they list, then follow, and list again whenever the
stream breaks and at intervals, since watches lose events.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any, cast

import grpc

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as pb
from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as services
from flightmesh.clock import Clock
from flightmesh.errors import FlightmeshError
from flightmesh.registry import Listing, Registry
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.routing.translate import map_from_proto
from flightmesh.sharding.shard_map import (
    CONSTANTS_KEY,
    MAP_PREFIX,
    ShardMap,
    decode_assignment,
    decode_constants,
)

_log = logging.getLogger(__name__)


def map_of_listing(shard_count: int, listing: Listing) -> ShardMap:
    """The map that a listing of the map's keys holds.

    Raises:
        CorruptData: a row is malformed.
    """
    rows = [decode_assignment(item.value) for item in listing.items]
    return ShardMap.of(shard_count, listing.revision, rows)


async def read_map(registry: Registry) -> ShardMap | None:
    """The map as the registry has it; None before the constants are there."""
    constants = await registry.list_prefix(CONSTANTS_KEY)
    if not constants.items:
        return None
    shard_count = decode_constants(constants.items[0].value).shard_count
    return map_of_listing(shard_count, await registry.list_prefix(MAP_PREFIX))


async def follow_registry(
    cache: ShardMapCache, registry: Registry, clock: Clock, relist_s: float = 10.0
) -> None:
    """Follows the map's keys in the registry, for ever."""
    while True:
        try:
            await _follow_registry_once(cache, registry, relist_s)
        except FlightmeshError as error:
            _log.warning("shard map: registry cannot be followed: %s", error)
            await clock.sleep(0.5)


async def _follow_registry_once(cache: ShardMapCache, registry: Registry, relist_s: float) -> None:
    # "" watches everything: the map's rows and, before the first start, the constants.
    watch = registry.watch_prefix("" if cache.shard_count == 0 else MAP_PREFIX)
    async with aclosing(cast(Any, watch)):
        while True:
            had_map = cache.shard_count > 0
            shard_map = await read_map(registry)
            if shard_map is not None:
                # Reads of the registry are linearizable: what it says now is the newest map.
                cache.replace(shard_map, is_newest=True)
                if not had_map:
                    return  # narrow the watch
            # A new list at intervals, since a watch may lose events without breaking.
            with suppress(TimeoutError):
                async with asyncio.timeout(relist_s):
                    await anext(watch)


async def follow_endpoints(
    cache: ShardMapCache,
    endpoints: Sequence[str] | Callable[[], Sequence[str]],
    channel: Callable[[str], grpc.aio.Channel],
    clock: Clock,
    silence_s: float = 30.0,
) -> None:
    """Follows WatchShardMap of one endpoint after another, for ever.

    Args:
        cache: what is kept up to date.
        endpoints: addresses (host:port), or what gives them.
        channel: gives the channel to an address.
        clock: time for pauses between attempts.
        silence_s: a stream silent for this long is opened anew; the whole map comes first again.
    """
    turn = 0
    while True:
        addresses = endpoints() if callable(endpoints) else endpoints
        address = addresses[turn % len(addresses)]
        turn += 1
        try:
            await _follow_stream(cache, channel(address), silence_s)
        except grpc.aio.AioRpcError as error:
            _log.info("shard map: %s cannot be followed: %s", address, error.code().name)
        await clock.sleep(0.05 if turn % len(addresses) else 0.5)


async def _follow_stream(cache: ShardMapCache, channel: grpc.aio.Channel, silence_s: float) -> None:
    call = services.ShardMapServiceStub(channel).WatchShardMap(  # type: ignore[no-untyped-call]
        pb.WatchShardMapRequest()
    )
    try:
        before = 0
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(silence_s):
                    message = await call.read()
                if message is grpc.aio.EOF:
                    return
                shard_map = map_from_proto(message)
                # Another process may lag behind; one whose revision falls has seen a wiped
                # registry begin again.
                cache.replace(shard_map, is_newest=shard_map.revision < before)
                before = shard_map.revision
    finally:
        call.cancel()
