"""The mesh itself: shard map, nodes, health, and what operators do with them."""

from collections.abc import AsyncIterator
from typing import final

from grpc_health.v1 import health_pb2

from clients import methods
from clients.connection import Connection
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as service


@final
class Mesh:
    """Operators' view of the mesh."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def shard_map(self) -> service.GetShardMapResponse:
        """The shard map as the asked server knows it."""
        return await self._connection.unary(methods.GET_SHARD_MAP, service.GetShardMapRequest())

    async def watch_shard_map(
        self, timeout_s: float = 3600.0
    ) -> AsyncIterator[service.WatchShardMapResponse]:
        """The map now, and again after each change, for timeout_s seconds."""
        request = service.WatchShardMapRequest()
        async for message in self._connection.follow(methods.WATCH_SHARD_MAP, request, timeout_s):
            yield message

    async def nodes(self) -> list[service.Node]:
        """The processes of the mesh, by role and name."""
        response = await self._connection.unary(methods.LIST_NODES, service.ListNodesRequest())
        return list(response.nodes)

    async def move_shard(self, shard: int, node: str = "") -> int:
        """Begins to move a shard to a node (the least loaded other one if none is named).

        Returns:
            Epoch of the assignment that is ending.
        """
        request = service.MoveShardRequest(shard=shard, node=node)
        return (await self._connection.unary(methods.MOVE_SHARD, request)).epoch

    async def drain_node(self, node: str) -> int:
        """Begins to move all shards off a node; may be repeated to see how far it is.

        Returns:
            Shards that are still to be moved.
        """
        request = service.DrainNodeRequest(node=node)
        return (await self._connection.unary(methods.DRAIN_NODE, request)).shards_left

    async def is_serving(self, address: str = "", timeout_s: float = 2.0) -> bool:
        """Whether the health service of an address says SERVING; the client's server if none.

        Raises:
            FlightmeshError: there is no answer.
        """
        response = await self._connection.call(
            address or self._connection.server,
            methods.CHECK_HEALTH,
            health_pb2.HealthCheckRequest(),
            timeout_s,
        )
        return response.status == health_pb2.HealthCheckResponse.SERVING
