"""What the gateway asks of the mesh: the port."""

from typing import Any, Protocol

from google.protobuf.message import Message

from flightmesh.api.read.v1 import query_service_pb2
from flightmesh.api.shard.v1 import command_service_pb2


class Backend(Protocol):
    """The mesh, seen from the gateway.

    Every method ends before its timeout, coalesces what it can, and raises FlightmeshError where
    there is no answer: Refused and InvalidInput for what the caller did, RetryableError where the
    same request is worth repeating.
    """

    async def execute(
        self, request: command_service_pb2.ExecuteRequest, timeout_s: float
    ) -> command_service_pb2.ExecuteResponse:
        """Executes a command; may fill in the request's command id."""

    async def query(
        self, query: query_service_pb2.Query, timeout_s: float
    ) -> query_service_pb2.QueryResult:
        """Asks a read node; the result's reply is the response message as JSON."""

    async def ask_owner(
        self, aggregate_id: str, method: str, request: Message, timeout_s: float
    ) -> Any:
        """Asks the aggregate's owner the AggregateService method of that name."""

    async def ask_mesh(self, rpc: str, request: Message, timeout_s: float) -> Any:
        """Calls a method that any process answers, by its path `/package.Service/Method`."""
