"""The coordinator's gRPC edges: the shard node's control service, and operators."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, final

import grpc
import pytest

from coordinator.bootstrap import grpc_client_factory
from coordinator.grpc_service import OperatorServicer
from coordinator.node_client import AssignAnswer
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as pb
from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as services
from flightmesh.api.shard.v1 import shard_control_service_pb2 as control_pb
from flightmesh.api.shard.v1 import shard_control_service_pb2_grpc as control_services
from flightmesh.errors import Refused, Unavailable
from flightmesh.registry import Put
from flightmesh.routing.channel_cache import ChannelCache
from flightmesh.rpc.errors import answers_errors, error_of_call
from flightmesh.rpc.server import GrpcServer
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import (
    LEADER_KEY,
    NodeRegistration,
    NodeRole,
    encode_registration,
)

Mesh = Any


@final
class ControlledNode(control_services.ShardControlServiceServicer):
    """Session 7: owns even shards, is blocked by session 3 at odd ones."""

    @answers_errors
    async def AssignShards(  # noqa: N802
        self, request: control_pb.AssignShardsRequest, context: Any
    ) -> Any:
        if request.session != 7:
            raise Refused("SESSION_MISMATCH", "another session")
        owned = [item for item in request.shards if item.shard % 2 == 0]
        blocked = [
            control_pb.BlockedShard(shard=item.shard, holder_session=3)
            for item in request.shards
            if item.shard % 2
        ]
        return control_pb.AssignShardsResponse(owned=owned, blocked=blocked)

    async def ReleaseShards(  # noqa: N802
        self, request: control_pb.ReleaseShardsRequest, context: Any
    ) -> Any:
        return control_pb.ReleaseShardsResponse(released=request.shards)

    async def WatchHeartbeat(  # noqa: N802
        self, request: control_pb.WatchHeartbeatRequest, context: Any
    ) -> AsyncIterator[Any]:
        for commands in range(2):
            owned = [control_pb.ShardEpoch(shard=2, epoch=9)]
            yield control_pb.WatchHeartbeatResponse(session=7, commands=commands, owned=owned)
        await asyncio.Event().wait()


@pytest.fixture
async def tasks() -> AsyncIterator[TaskOwner]:
    owner = TaskOwner("test")
    yield owner
    await owner.stop()


@pytest.fixture
async def channels(tasks: TaskOwner) -> AsyncIterator[ChannelCache]:
    cache = ChannelCache(tasks)
    yield cache
    await cache.close()


@pytest.fixture
async def server() -> AsyncIterator[GrpcServer]:
    server = GrpcServer("127.0.0.1:0")
    server.bind()
    yield server
    await server.stop(0)


async def test_a_shard_node_is_steered_over_grpc(
    server: GrpcServer, channels: ChannelCache
) -> None:
    server.add(control_services.add_ShardControlServiceServicer_to_server, ControlledNode())
    await server.start()
    client = grpc_client_factory(channels.get)(server.address)

    assert await client.assign(7, {1: 5, 2: 6}, 5.0) == AssignAnswer({2: 6}, {1: 3})
    assert await client.release(7, {2: 6}, 5.0) == {2: 6}
    with pytest.raises(Refused) as refused:
        await client.assign(8, {2: 6}, 5.0)
    assert refused.value.reason == "SESSION_MISMATCH"


async def test_signs_of_life_end_in_unavailable_when_the_connection_breaks(
    server: GrpcServer, channels: ChannelCache
) -> None:
    server.add(control_services.add_ShardControlServiceServicer_to_server, ControlledNode())
    await server.start()
    beats = grpc_client_factory(channels.get)(server.address).heartbeats()

    first, second = await anext(beats), await anext(beats)
    assert (first.session, first.commands, first.owned) == (7, 0, {2: 9})
    assert second.commands == 1
    await server.stop(0)
    with pytest.raises(Unavailable):
        await anext(beats)


async def test_operators_steer_through_any_coordinator(
    mesh: Mesh, server: GrpcServer, channels: ChannelCache
) -> None:
    await mesh.node("a")
    await mesh.node("b")
    leader = await mesh.coordinator("c1")
    await mesh.until_served(1.0)
    await mesh.clock.advance(1.0)
    standby = await mesh.coordinator("c2")
    server.add(
        services.add_OperatorServiceServicer_to_server, OperatorServicer(leader, channels.get)
    )
    await server.start()
    # What a coordinator of another process would have written: an address that can be reached.
    item = (await mesh.registry.list_prefix(LEADER_KEY)).items[0]
    here = NodeRegistration("c1", NodeRole.COORDINATOR, server.address)
    await mesh.registry.transact([], [Put(LEADER_KEY, encode_registration(here), item.lease)])
    other = GrpcServer("127.0.0.1:0")
    other.add(
        services.add_OperatorServiceServicer_to_server, OperatorServicer(standby, channels.get)
    )
    await other.start()
    stub: Any = services.OperatorServiceStub(channels.get(other.address))
    try:
        moved = await stub.MoveShard(pb.MoveShardRequest(shard=0), timeout=5.0)
        assert moved.epoch == 1
        drained = await stub.DrainNode(pb.DrainNodeRequest(node="a"), timeout=5.0)
        assert drained.shards_left in (7, 8, 9)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.DrainNode(pb.DrainNodeRequest(node="nobody"), timeout=5.0)
        error = error_of_call(refused.value)
        assert isinstance(error, Refused)
        assert error.reason == "NODE_NOT_FOUND"
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    finally:
        await other.stop(0)


async def test_without_a_leader_operators_are_told_to_come_back(
    mesh: Mesh, server: GrpcServer, channels: ChannelCache
) -> None:
    coordinator = await mesh.coordinator("c1")
    await mesh.clock.settle()
    await coordinator.stop()
    server.add(
        services.add_OperatorServiceServicer_to_server,
        OperatorServicer(coordinator, channels.get),
    )
    await server.start()
    stub: Any = services.OperatorServiceStub(channels.get(server.address))

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.DrainNode(pb.DrainNodeRequest(node="a"), timeout=5.0)

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
