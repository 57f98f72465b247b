"""The backend on the mesh's routers."""

from collections.abc import Callable
from typing import Any, final

import grpc
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from flightmesh.api.coordinator.v1 import shard_map_service_pb2
from flightmesh.api.read.v1 import query_service_pb2
from flightmesh.api.shard.v1 import command_service_pb2
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.query_router import QueryRouter
from flightmesh.rpc.errors import error_of_call


@final
class MeshBackend:
    """Reaches the mesh through the routers, which find the owners, coalesce and retry.

    Args:
        commands: takes commands, and questions about one aggregate, to owners.
        queries: takes queries to read nodes.
        channel: gives a channel to any process that answers ShardMapService and OperatorService;
            asked for each call, since one that is kept may be closed when long unused.
    """

    def __init__(
        self,
        commands: CommandRouter,
        queries: QueryRouter,
        channel: Callable[[], grpc.aio.Channel],
    ) -> None:
        self._commands = commands
        self._queries = queries
        self._channel = channel
        self._replies: dict[str, Any] = {
            _path_of(method): _class_of(method.output_type)
            for service in shard_map_service_pb2.DESCRIPTOR.services_by_name.values()
            for method in service.methods
            if not method.server_streaming
        }

    async def execute(
        self, request: command_service_pb2.ExecuteRequest, timeout_s: float
    ) -> command_service_pb2.ExecuteResponse:
        """Executes a command; fills in the request's command id."""
        return await self._commands.execute(request, timeout_s)

    async def query(
        self, query: query_service_pb2.Query, timeout_s: float
    ) -> query_service_pb2.QueryResult:
        """Asks a read node for JSON."""
        return await self._queries.query(query, timeout_s, query_service_pb2.REPLY_FORMAT_JSON)

    async def ask_owner(
        self, aggregate_id: str, method: str, request: Message, timeout_s: float
    ) -> Any:
        """Asks the aggregate's owner."""
        return await self._commands.call(aggregate_id, method, request, timeout_s)

    async def ask_mesh(self, rpc: str, request: Message, timeout_s: float) -> Any:
        """Calls a method of the channel's process."""
        try:
            call: Any = self._channel().unary_unary(
                rpc,
                request_serializer=_bytes_of,
                response_deserializer=self._replies[rpc].FromString,
            )
            return await call(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise error_of_call(error) from None


def _path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _bytes_of(message: Message) -> bytes:
    # Not Message.SerializeToString: that is the abstract method, and grpc would send nothing.
    return message.SerializeToString()


def _class_of(descriptor: Descriptor) -> Any:
    return GetMessageClass(descriptor)
