"""What routers ask of a node: the port, and its gRPC adapter.

The port is the seam of the simulation: a test may answer in process.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, final

import grpc
from google.protobuf.message import Message

from flightmesh.api.read.v1 import query_service_pb2 as read_pb
from flightmesh.api.read.v1 import query_service_pb2_grpc as read_services
from flightmesh.api.shard.v1 import aggregate_service_pb2_grpc as aggregate_services
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.api.shard.v1 import command_service_pb2_grpc as command_services
from flightmesh.errors import FlightmeshError, Unavailable
from flightmesh.rpc.errors import error_of_call


class NodeClient(Protocol):
    """One node's public services. Every method raises what the node's status stands for.

    A node that is not reached, or does not answer in time, raises Unavailable: what was asked may
    have been done all the same.
    """

    async def execute_batch(
        self, requests: Sequence[pb.ExecuteRequest], timeout_s: float
    ) -> Sequence[pb.ExecuteResult]:
        """CommandService.ExecuteBatch."""

    async def ask_aggregate(self, method: str, request: Message, timeout_s: float) -> Any:
        """The AggregateService method of that name."""

    async def query_batch(
        self, request: read_pb.QueryBatchRequest, timeout_s: float
    ) -> Sequence[read_pb.QueryResult]:
        """QueryService.QueryBatch."""


@final
class GrpcNodeClient:
    """A node reached over a channel.

    Args:
        channel: gives the channel; asked for each call, since one that is kept may be closed when
            long unused.
    """

    def __init__(self, channel: Callable[[], grpc.aio.Channel]) -> None:
        self._channel = channel
        self._stubs: _Stubs | None = None

    def _calls(self) -> "_Stubs":
        channel = self._channel()
        if self._stubs is None or self._stubs.channel is not channel:
            self._stubs = _Stubs(channel)
        return self._stubs

    async def execute_batch(
        self, requests: Sequence[pb.ExecuteRequest], timeout_s: float
    ) -> Sequence[pb.ExecuteResult]:
        """CommandService.ExecuteBatch."""
        try:
            answer = await self._calls().execute_batch(
                pb.ExecuteBatchRequest(requests=requests), timeout=timeout_s
            )
        except grpc.aio.AioRpcError as error:
            raise _error_of(error) from None
        results: Sequence[pb.ExecuteResult] = answer.results
        return results

    async def ask_aggregate(self, method: str, request: Message, timeout_s: float) -> Any:
        """The AggregateService method of that name."""
        try:
            return await getattr(self._calls().aggregates, method)(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise _error_of(error) from None

    async def query_batch(
        self, request: read_pb.QueryBatchRequest, timeout_s: float
    ) -> Sequence[read_pb.QueryResult]:
        """QueryService.QueryBatch."""
        try:
            answer = await self._calls().query_batch(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise _error_of(error) from None
        results: Sequence[read_pb.QueryResult] = answer.results
        return results


@final
class _Stubs:
    """The methods of a node, bound to one channel."""

    __slots__ = ("aggregates", "channel", "execute_batch", "query_batch")

    def __init__(self, channel: grpc.aio.Channel) -> None:
        commands: Any = command_services.CommandServiceStub
        aggregates: Any = aggregate_services.AggregateServiceStub
        queries: Any = read_services.QueryServiceStub
        self.channel = channel
        self.execute_batch = commands(channel).ExecuteBatch
        self.aggregates = aggregates(channel)
        self.query_batch = queries(channel).QueryBatch


def _error_of(error: grpc.aio.AioRpcError) -> FlightmeshError:
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Unavailable("the node did not answer in time")
    return error_of_call(error)
