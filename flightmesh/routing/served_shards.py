"""Asks the owners of all shards what is committed of them."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import grpc

from flightmesh.api.shard.v1 import shard_control_service_pb2 as pb
from flightmesh.api.shard.v1 import shard_control_service_pb2_grpc as services
from flightmesh.sharding.shard_map import ShardMap, ShardState

_TIMEOUT_S: Final = 1.0


async def last_sequences(
    shard_map: ShardMap, channel: Callable[[str], grpc.aio.Channel], timeout_s: float = _TIMEOUT_S
) -> dict[int, int]:
    """Shard → sequence of its newest committed event; 0 where there is none.

    A shard is left out while it is under way, while its owner does not answer, and while the owner
    serves it in another epoch than the map's.

    Args:
        shard_map: whom to ask.
        channel: gives the channel to an address.
        timeout_s: how long each owner has; all are asked at once.
    """
    rows = [row for row in shard_map.assignments if row.state is ShardState.ACTIVE and row.address]
    owners = {row.session: row.address for row in rows}
    answers = await asyncio.gather(
        *(_ask(channel(address), timeout_s) for address in owners.values())
    )
    served = {
        (answer.session, shard.shard, shard.epoch): int(shard.last_sequence)
        for answer in answers
        for shard in cast(Iterable[pb.ServedShard], answer.shards)
    }
    found = {row.shard: served.get((row.session, row.shard, row.epoch)) for row in rows}
    return {shard: last for shard, last in found.items() if last is not None}


async def _ask(channel: grpc.aio.Channel, timeout_s: float) -> pb.ListServedShardsResponse:
    stub = cast(Any, services.ShardControlServiceStub)(channel)
    try:
        answer = await stub.ListServedShards(pb.ListServedShardsRequest(), timeout=timeout_s)
    except grpc.aio.AioRpcError:
        return pb.ListServedShardsResponse()
    return cast(pb.ListServedShardsResponse, answer)
