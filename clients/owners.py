"""The way straight to the owners of the shards, by the shard map.

The map is fetched when the first command or question needs it and followed from then on, so a
client that only asks queries costs no stream.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import final

from clients import methods
from clients.connection import Connection
from clients.methods import Method, Request, Response
from flightmesh.api.shard.v1 import command_service_pb2 as service
from flightmesh.clock import Clock, Randomness
from flightmesh.ids import schedule_aggregate_id
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.followers import follow_endpoints
from flightmesh.routing.node_client import GrpcNodeClient
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.routing.translate import map_from_proto
from flightmesh.runtime.tasks import TaskOwner


@final
class Owners:
    """Sends commands and questions about aggregates to the owners of their shards.

    Args:
        connection: servers to learn the map from; its channels are shared.
        clock: for deadlines.
        randomness: for jitter between attempts.
        tasks: owns what follows the map.
    """

    def __init__(
        self, connection: Connection, clock: Clock, randomness: Randomness, tasks: TaskOwner
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._tasks = tasks
        self._map = ShardMapCache()
        self._lock = asyncio.Lock()
        self._router = CommandRouter(
            self._map,
            lambda address: GrpcNodeClient(partial(connection.channel, address)),
            clock=clock,
            randomness=randomness,
            tasks=tasks,
        )

    async def execute(
        self, request: service.ExecuteRequest, timeout_s: float
    ) -> service.ExecuteResponse:
        """Executes one command, trying again with the same id within timeout_s."""
        if not self._map.shard_count:
            await self._fetch_map()
        return await self._router.execute(request, timeout_s)

    async def execute_many(
        self, requests: Sequence[service.ExecuteRequest], timeout_s: float
    ) -> list[service.ExecuteResult]:
        """Executes commands; results in their order, those of one aggregate in this order."""
        if not self._map.shard_count:
            await self._fetch_map()
        return await self._router.execute_many(requests, timeout_s)

    async def ask(
        self, schedule: str, aggregate_id: str, method: Method[Request, Response], request: Request
    ) -> Response:
        """Asks the owner of an aggregate, of the schedule itself if no aggregate is named."""
        if not self._map.shard_count:
            await self._fetch_map()
        target = aggregate_id or schedule_aggregate_id(schedule)
        timeout_s = self._connection.config.timeout_s
        answer: Response = await self._router.call(target, method.name, request, timeout_s)
        return answer

    async def _fetch_map(self) -> None:
        # A first answer by an ordinary call: a server that is down is then an error at once.
        async with self._lock:
            if self._map.shard_count:
                return
            method = methods.GET_SHARD_MAP
            answer = await self._connection.unary(method, method.request())
            self._map.replace(map_from_proto(answer))
            self._tasks.start(
                follow_endpoints(
                    self._map,
                    self._connection.config.servers,
                    self._connection.channel,
                    self._clock,
                ),
                "follow-shard-map",
            )
