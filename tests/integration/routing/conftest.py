"""Routers against real gRPC servers whose nodes answer by a script."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, final

import pytest

from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as map_services
from flightmesh.api.read.v1 import query_service_pb2 as read_pb
from flightmesh.api.read.v1 import query_service_pb2_grpc as read_services
from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate_pb
from flightmesh.api.shard.v1 import aggregate_service_pb2_grpc as aggregate_services
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.api.shard.v1 import command_service_pb2_grpc as command_services
from flightmesh.api.shard.v1 import shard_control_service_pb2 as control_pb
from flightmesh.api.shard.v1 import shard_control_service_pb2_grpc as control_services
from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.errors import FlightmeshError
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.routing.backoff import Backoff
from flightmesh.routing.channel_cache import ChannelCache
from flightmesh.routing.command_router import CommandRouter, RouterLimits
from flightmesh.routing.node_client import GrpcNodeClient
from flightmesh.routing.query_router import PositionTracker, QueryRouter
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.routing.shard_map_service import ShardMapServicer
from flightmesh.rpc.errors import answers_errors, status_of
from flightmesh.rpc.server import GrpcServer
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import ShardAssignment, ShardMap, ShardState

Script = Callable[[pb.ExecuteRequest], FlightmeshError | None]


@final
class ScriptedNode(
    command_services.CommandServiceServicer,
    aggregate_services.AggregateServiceServicer,
    read_services.QueryServiceServicer,
    control_services.ShardControlServiceServicer,
):
    """Answers each command as `script` says, which may raise by returning an error."""

    def __init__(self) -> None:
        self.server = GrpcServer("127.0.0.1:0")
        self.server.add(command_services.add_CommandServiceServicer_to_server, self)
        self.server.add(aggregate_services.add_AggregateServiceServicer_to_server, self)
        self.server.add(read_services.add_QueryServiceServicer_to_server, self)
        self.server.add(control_services.add_ShardControlServiceServicer_to_server, self)
        self.address = self.server.bind()
        self.served = control_pb.ListServedShardsResponse()
        self.script: Script = lambda _: None
        self.seen: list[pb.ExecuteRequest] = []
        self.batches: list[int] = []
        self.queries: list[read_pb.Query] = []
        self.query_error: FlightmeshError | None = None
        self.position = "7:1"
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def ExecuteBatch(  # noqa: N802
        self, request: pb.ExecuteBatchRequest, context: Any
    ) -> Any:
        self.batches.append(len(request.requests))
        self.asked.set()
        await self.gate.wait()
        return pb.ExecuteBatchResponse(results=[self._result(r) for r in request.requests])

    def _result(self, request: pb.ExecuteRequest) -> pb.ExecuteResult:
        self.seen.append(request)
        error = self.script(request)
        if error is not None:
            return pb.ExecuteResult(error=status_of(error))
        response = pb.ExecuteResponse(
            aggregate_id=request.aggregate_id,
            sequence=len(self.seen),
            command_id=request.command_id,
        )
        return pb.ExecuteResult(response=response)

    @answers_errors
    async def GetRotation(  # noqa: N802
        self, request: aggregate_pb.GetRotationRequest, context: Any
    ) -> Any:
        error = self.script(pb.ExecuteRequest(aggregate_id=request.aggregate_id))
        if error is not None:
            raise error
        return aggregate_pb.GetRotationResponse(aggregate_id=request.aggregate_id, sequence=3)

    async def ListServedShards(  # noqa: N802
        self, request: control_pb.ListServedShardsRequest, context: Any
    ) -> Any:
        await self.gate.wait()
        return self.served

    async def QueryBatch(  # noqa: N802
        self, request: read_pb.QueryBatchRequest, context: Any
    ) -> Any:
        self.batches.append(len(request.queries))
        self.queries.extend(request.queries)
        self.asked.set()
        if any(query.list_legs.min_position for query in request.queries):
            await self.gate.wait()
        if self.query_error is not None:
            error = read_pb.QueryResult(error=status_of(self.query_error))
            return read_pb.QueryBatchResponse(results=[error] * len(request.queries))
        as_json = request.reply_format == read_pb.REPLY_FORMAT_JSON
        results = [
            read_pb.QueryResult(
                reply=b"{}" if as_json else query.list_legs.schedule.encode(),
                position=self.position,
            )
            for query in request.queries
        ]
        return read_pb.QueryBatchResponse(results=results)


@final
class RoutingMesh:
    """Nodes, a map and routers."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.registry = InMemoryRegistry(self.clock)
        self.tasks = TaskOwner("routing")
        self.channels = ChannelCache(self.tasks)
        self.shard_map = ShardMapCache()
        self.nodes: list[ScriptedNode] = []
        self.epoch = 1

    async def node(self) -> ScriptedNode:
        node = ScriptedNode()
        servicer = ShardMapServicer(
            self.shard_map, self.registry, self.channels.get, node.server.streams
        )
        node.server.add(map_services.add_ShardMapServiceServicer_to_server, servicer)
        await node.server.start()
        self.nodes.append(node)
        return node

    def give(self, *owners: ScriptedNode | None) -> None:
        """A map of as many shards as owners; None owns nothing."""
        rows = [
            ShardAssignment(
                shard,
                self.epoch,
                self.nodes.index(owner) + 1,
                "n",
                owner.address,
                ShardState.ACTIVE,
            )
            if owner
            else ShardAssignment(shard, self.epoch)
            for shard, owner in enumerate(owners)
        ]
        self.epoch += 1
        self.shard_map.replace(ShardMap.of(len(rows), self.epoch, rows))

    def client(self, address: str) -> GrpcNodeClient:
        return GrpcNodeClient(partial(self.channels.get, address))

    def commands(
        self, limits: RouterLimits | None = None, backoff: Backoff | None = None
    ) -> CommandRouter:
        return CommandRouter(
            self.shard_map,
            self.client,
            clock=self.clock,
            randomness=SystemRandomness(),
            tasks=self.tasks,
            limits=limits or RouterLimits(),
            backoff=backoff or Backoff(),
        )

    def queries(self, positions: PositionTracker | None = None) -> QueryRouter:
        return QueryRouter(
            lambda: [node.address for node in self.nodes],
            self.client,
            clock=self.clock,
            randomness=SystemRandomness(),
            tasks=self.tasks,
            positions=positions,
        )

    async def stop(self) -> None:
        await self.tasks.stop()
        await self.channels.close()
        for node in self.nodes:
            await node.server.stop(0)


@pytest.fixture
async def mesh() -> AsyncIterator[RoutingMesh]:
    mesh = RoutingMesh()
    yield mesh
    await mesh.stop()
