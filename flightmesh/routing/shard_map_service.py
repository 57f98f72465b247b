"""ShardMapService, as every process answers it from its own copy of the map."""

from collections.abc import AsyncIterator, Callable
from typing import Any, final

import grpc

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as pb
from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as services
from flightmesh.errors import Unavailable
from flightmesh.registry import Listing, Registry
from flightmesh.routing.served_shards import last_sequences
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.routing.translate import (
    map_to_get_response,
    map_to_watch_response,
    registration_to_proto,
)
from flightmesh.rpc.errors import answers_errors, streams_errors
from flightmesh.rpc.streams import OpenStreams
from flightmesh.sharding.shard_map import (
    DRAIN_PREFIX,
    LEADER_KEY,
    NODES_PREFIX,
    NodeRegistration,
    NodeRole,
    decode_registration,
    drain_key,
)

# The whole map is told again at this interval, so that followers see that the stream lives.
_REPEAT_S = 10.0


@final
class ShardMapServicer(services.ShardMapServiceServicer):
    """Answers from a cache of the map and from the registry's list of processes.

    Args:
        shard_map: this process's copy of the map.
        registry: where the processes are listed; while it is down the last list is told.
        channel: gives the channel to an owner that is to be asked; without it nobody is.
        streams: the server's, which end with it.
    """

    def __init__(
        self,
        shard_map: ShardMapCache,
        registry: Registry,
        channel: Callable[[str], grpc.aio.Channel] | None = None,
        streams: OpenStreams | None = None,
    ) -> None:
        self._map = shard_map
        self._registry = registry
        self._channel = channel
        self._streams = streams or OpenStreams()
        self._nodes = self._drains = self._leader = Listing(0, ())

    @answers_errors
    async def GetShardMap(  # noqa: N802 - named by the proto
        self, request: pb.GetShardMapRequest, _context: Any
    ) -> pb.GetShardMapResponse:
        """The map as this process knows it."""
        shard_map = self._map.map
        if not shard_map.shard_count:
            raise Unavailable("the shard map is not known yet")
        answer = map_to_get_response(shard_map)
        if request.with_last_sequences and self._channel is not None:
            for shard, last in (await last_sequences(shard_map, self._channel)).items():
                answer.assignments[shard].last_sequence = last
        return answer

    @streams_errors
    async def WatchShardMap(  # noqa: N802 - named by the proto
        self, _request: pb.WatchShardMapRequest, _context: Any
    ) -> AsyncIterator[pb.WatchShardMapResponse]:
        """The map now, after each change, and again every ten seconds."""
        while True:
            version = self._map.version
            if self._map.shard_count:
                yield map_to_watch_response(self._map.map)
            await self._streams.wait(self._map.wait_change(version, _REPEAT_S))

    @answers_errors
    async def ListNodes(  # noqa: N802 - named by the proto
        self, _request: pb.ListNodesRequest, _context: Any
    ) -> pb.ListNodesResponse:
        """The processes that are registered, by role and name."""
        try:
            self._nodes = await self._registry.list_prefix(NODES_PREFIX)
            self._drains = await self._registry.list_prefix(DRAIN_PREFIX)
            self._leader = await self._registry.list_prefix(LEADER_KEY)
        except Unavailable:
            if not self._nodes.items:
                raise
        return self._describe()

    def _describe(self) -> pb.ListNodesResponse:
        nodes = [decode_registration(item.value) for item in self._nodes.items]
        counts = self._map.map.counts()
        drains = {(item.key, item.value.decode()) for item in self._drains.items}
        leaders = {decode_registration(item.value).name for item in self._leader.items}
        nodes.sort(key=_order)
        return pb.ListNodesResponse(
            nodes=[
                registration_to_proto(
                    node,
                    shards_owned=counts.get(node.session, 0) if node.session else 0,
                    leader=node.role is NodeRole.COORDINATOR and node.name in leaders,
                    draining=node.role is NodeRole.SHARD_NODE
                    and (drain_key(node.name), str(node.first_session)) in drains,
                )
                for node in nodes
            ]
        )


def _order(node: NodeRegistration) -> tuple[str, str, int]:
    return (node.role.value, node.name, node.session)
