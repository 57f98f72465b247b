"""The shard node's control service as the leader's port: messages in and out, nothing else."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, final

import grpc

from coordinator.node_client import AssignAnswer, Heartbeat, ShardNodeClient
from flightmesh.api.shard.v1 import shard_control_service_pb2 as pb
from flightmesh.api.shard.v1 import shard_control_service_pb2_grpc as services
from flightmesh.errors import FlightmeshError, Unavailable
from flightmesh.rpc.errors import error_of_call


def epochs_to_proto(shards: Mapping[int, int]) -> list[pb.ShardEpoch]:
    """Shard → epoch as messages."""
    return [pb.ShardEpoch(shard=shard, epoch=epoch) for shard, epoch in shards.items()]


def epochs_from_proto(shards: Iterable[pb.ShardEpoch]) -> dict[int, int]:
    """Shard → epoch of messages."""
    return {item.shard: item.epoch for item in shards}


@final
class GrpcShardNodeClient:
    """A shard node reached over a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        stub: Any = services.ShardControlServiceStub
        self._stub = stub(channel)

    async def assign(
        self, session: int, shards: Mapping[int, int], timeout_s: float
    ) -> AssignAnswer:
        """Gives shards to the session."""
        request = pb.AssignShardsRequest(session=session, shards=epochs_to_proto(shards))
        try:
            answer = await self._stub.AssignShards(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise _error_of(error) from None
        blocked = {item.shard: item.holder_session for item in answer.blocked}
        return AssignAnswer(epochs_from_proto(answer.owned), blocked)

    async def release(
        self, session: int, shards: Mapping[int, int], timeout_s: float
    ) -> Mapping[int, int]:
        """Asks for shards back."""
        request = pb.ReleaseShardsRequest(session=session, shards=epochs_to_proto(shards))
        try:
            answer = await self._stub.ReleaseShards(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise _error_of(error) from None
        return epochs_from_proto(answer.released)

    async def heartbeats(self) -> AsyncIterator[Heartbeat]:
        """Signs of life until the connection breaks."""
        call = self._stub.WatchHeartbeat(pb.WatchHeartbeatRequest())
        try:
            async for beat in call:
                yield Heartbeat(beat.session, beat.commands, epochs_from_proto(beat.owned))
        except grpc.aio.AioRpcError as error:
            raise _error_of(error) from None
        finally:
            call.cancel()


def _error_of(error: grpc.aio.AioRpcError) -> FlightmeshError:
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Unavailable("the node did not answer in time")
    return error_of_call(error)


_: type[ShardNodeClient] = GrpcShardNodeClient
