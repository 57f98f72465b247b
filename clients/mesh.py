"""The mesh itself: shard map, nodes, health, and what operators do with them."""

from collections.abc import AsyncIterator
from typing import final

from grpc_health.v1 import health_pb2

from clients import methods
from clients.connection import Connection
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as service
from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate_service


@final
class Mesh:
    """Operators' view of the mesh."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def shard_map(self, *, with_last_sequences: bool = False) -> service.GetShardMapResponse:
        """The shard map as the asked server knows it.

        Args:
            with_last_sequences: have each owner asked for its shards' last sequences, too; a shard
                under way, or whose owner does not answer, has none.
        """
        request = service.GetShardMapRequest(with_last_sequences=with_last_sequences)
        return await self._connection.unary(methods.GET_SHARD_MAP, request)

    async def watch_shard_map(
        self, timeout_s: float = 3600.0
    ) -> AsyncIterator[service.WatchShardMapResponse]:
        """The map now, and again after each change, for timeout_s seconds."""
        request = service.WatchShardMapRequest()
        await self._connection.reach()
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

        It holds until `undrain_node`, or until the node's process is started again.

        Returns:
            Shards that are still to be moved.
        """
        request = service.DrainNodeRequest(node=node)
        return (await self._connection.unary(methods.DRAIN_NODE, request)).shards_left

    async def undrain_node(self, node: str) -> bool:
        """Lets a node take its share of the shards again; whether it was being drained."""
        request = service.UndrainNodeRequest(node=node)
        return (await self._connection.unary(methods.UNDRAIN_NODE, request)).was_draining

    async def rebalance(self, *, dry_run: bool = False) -> service.RebalanceResponse:
        """Begins to share the shards out evenly, or only tells what would be moved."""
        request = service.RebalanceRequest(dry_run=dry_run)
        return await self._connection.unary(methods.REBALANCE, request)

    async def aggregate_ids(
        self, address: str, shard: int, schedule: str, aggregate_type: str
    ) -> list[str]:
        """Ids of a schedule's aggregates in one shard, as its owner at that address knows them.

        Raises:
            FlightmeshError: the owner does not answer, or is not the owner.
        """
        request = aggregate_service.ListAggregatesRequest(
            schedule=schedule, shard=shard, aggregate_type=aggregate_type
        )
        return [key async for page in self._pages(address, request) for key in page.aggregate_ids]

    async def schedule_names(self, address: str, shard: int) -> list[str]:
        """The schedules that exist in one shard, as its owner knows them; as `aggregate_ids`."""
        request = aggregate_service.ListAggregatesRequest(shard=shard, aggregate_type="schedule")
        pages = self._pages(address, request)
        return [name async for page in pages for name in page.schedules if name]

    async def _pages(
        self, address: str, request: aggregate_service.ListAggregatesRequest
    ) -> AsyncIterator[aggregate_service.ListAggregatesResponse]:
        while True:
            page = await self._connection.call(
                address, methods.LIST_AGGREGATES, request, self._connection.config.timeout_s
            )
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

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
