"""The backend on the mesh's routers, over real gRPC."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as map_pb
from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as map_services
from flightmesh.api.read.v1 import query_service_pb2 as read_pb
from flightmesh.api.read.v1 import query_service_pb2_grpc as read_services
from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate_pb
from flightmesh.api.shard.v1 import aggregate_service_pb2_grpc as aggregate_services
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.api.shard.v1 import command_service_pb2_grpc as command_services
from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.errors import Refused
from flightmesh.routing.channel_cache import ChannelCache
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.node_client import GrpcNodeClient
from flightmesh.routing.query_router import QueryRouter
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.rpc.errors import answers_errors
from flightmesh.rpc.server import GrpcServer
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import ShardAssignment, ShardMap, ShardState
from gateway.mesh_backend import MeshBackend
from tests.unit.gateway.fake_backend import ROTATION

SERVICE = "/flightmesh.api.coordinator.v1"


class Node(
    command_services.CommandServiceServicer,
    aggregate_services.AggregateServiceServicer,
    read_services.QueryServiceServicer,
    map_services.ShardMapServiceServicer,
    map_services.OperatorServiceServicer,
):
    """Answers a little of everything, in a way that shows what it was asked."""

    async def ExecuteBatch(self, request: Any, context: Any) -> Any:  # noqa: N802
        results = [
            pb.ExecuteResult(response=pb.ExecuteResponse(aggregate_id=one.aggregate_id))
            for one in request.requests
        ]
        return pb.ExecuteBatchResponse(results=results)

    async def GetRotation(self, request: Any, context: Any) -> Any:  # noqa: N802
        return aggregate_pb.GetRotationResponse(schedule=request.schedule)

    async def QueryBatch(self, request: Any, context: Any) -> Any:  # noqa: N802
        assert request.reply_format == read_pb.REPLY_FORMAT_JSON
        results = [read_pb.QueryResult(reply=b"{}", position="7:1") for _ in request.queries]
        return read_pb.QueryBatchResponse(results=results)

    async def ListNodes(self, request: Any, context: Any) -> Any:  # noqa: N802
        return map_pb.ListNodesResponse(nodes=[map_pb.Node(name="n1")])

    @answers_errors
    async def MoveShard(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.node != "n2":
            raise Refused("NODE_NOT_FOUND", f"there is no node {request.node}")
        return map_pb.MoveShardResponse(epoch=request.shard)


@pytest.fixture
async def channels() -> AsyncIterator[ChannelCache]:
    tasks = TaskOwner("channels")
    channels = ChannelCache(tasks, limit=1)
    yield channels
    await channels.close()
    await tasks.stop()


@pytest.fixture
async def backend(channels: ChannelCache) -> AsyncIterator[MeshBackend]:
    node, server = Node(), GrpcServer("127.0.0.1:0")
    server.add(command_services.add_CommandServiceServicer_to_server, node)
    server.add(aggregate_services.add_AggregateServiceServicer_to_server, node)
    server.add(read_services.add_QueryServiceServicer_to_server, node)
    server.add(map_services.add_ShardMapServiceServicer_to_server, node)
    server.add(map_services.add_OperatorServiceServicer_to_server, node)
    address = server.bind()
    await server.start()
    tasks = TaskOwner("test")
    shard_map = ShardMapCache()
    row = ShardAssignment(0, 1, 1, "n1", address, ShardState.ACTIVE)
    shard_map.replace(ShardMap(1, 1, (row,)))
    parts: dict[str, Any] = {
        "clock": SystemClock(), "randomness": SystemRandomness(), "tasks": tasks,
    }  # fmt: skip

    def connect(at: str) -> GrpcNodeClient:
        return GrpcNodeClient(partial(channels.get, at))

    commands = CommandRouter(shard_map, connect, **parts)
    yield MeshBackend(
        commands,
        QueryRouter(lambda: [address], connect, **parts),
        partial(channels.get, address),
    )
    await tasks.stop()
    await server.stop(0)


async def test_commands_go_to_the_owner_with_an_id(backend: MeshBackend) -> None:
    request = pb.ExecuteRequest(aggregate_id=ROTATION, remove_rotation={})
    reply = await backend.execute(request, 5.0)
    assert reply.aggregate_id == ROTATION
    assert request.command_id


async def test_queries_are_asked_for_json(backend: MeshBackend) -> None:
    result = await backend.query(read_pb.Query(list_schedules={}), 5.0)
    assert (result.reply, result.position) == (b"{}", "7:1")


async def test_questions_about_an_aggregate_go_to_its_owner(backend: MeshBackend) -> None:
    request = aggregate_pb.GetRotationRequest(schedule="s1", aggregate_id=ROTATION)
    reply = await backend.ask_owner(ROTATION, "GetRotation", request, 5.0)
    assert reply.schedule == "s1"


async def test_other_questions_go_out_with_all_their_fields(backend: MeshBackend) -> None:
    nodes = await backend.ask_mesh(
        f"{SERVICE}.ShardMapService/ListNodes", map_pb.ListNodesRequest(), 5.0
    )
    assert nodes.nodes[0].name == "n1"
    move = f"{SERVICE}.OperatorService/MoveShard"
    moved = await backend.ask_mesh(move, map_pb.MoveShardRequest(shard=7, node="n2"), 5.0)
    assert moved.epoch == 7
    with pytest.raises(Refused, match="no node n3"):
        await backend.ask_mesh(move, map_pb.MoveShardRequest(shard=7, node="n3"), 5.0)


async def test_what_fell_out_of_the_channels_is_reached_again(
    backend: MeshBackend, channels: ChannelCache
) -> None:
    """A process that meets hundreds of addresses, each new after a restart."""
    read, list_nodes = read_pb.Query(list_schedules={}), f"{SERVICE}.ShardMapService/ListNodes"
    for number in range(3):
        await backend.execute(pb.ExecuteRequest(aggregate_id=ROTATION, remove_rotation={}), 5.0)
        await backend.query(read, 5.0)
        await backend.ask_mesh(list_nodes, map_pb.ListNodesRequest(), 5.0)
        channels.get(f"127.0.0.1:{number + 1}")
        # The closing of the one that fell out.
        await asyncio.sleep(0)
