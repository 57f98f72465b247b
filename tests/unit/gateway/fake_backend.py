"""A mesh that remembers what it was asked and answers what it was told to."""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from flightmesh.api.coordinator.v1 import shard_map_service_pb2
from flightmesh.api.read.v1 import query_service_pb2
from flightmesh.api.schedule.v1 import types_pb2
from flightmesh.api.shard.v1 import aggregate_service_pb2, command_service_pb2

ROTATION = "5a4f1f0e-6a0e-5d3c-8d53-0b6f0f6f4f01"
COMMAND = "0190f0de-0000-7000-8000-000000000001"


class FakeBackend:
    """Implements gateway.backend.Backend.

    Attributes:
        asked: what was asked, in order: (what, message, timeout).
        before: called at each question; may raise, or be awaited.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, float]] = []
        self.before: Callable[[], Any] = lambda: None

    async def _ask(self, what: str, message: Any, timeout_s: float) -> None:
        self.asked.append((what, message, timeout_s))
        waiting = self.before()
        if waiting is not None:
            await waiting

    async def execute(
        self, request: command_service_pb2.ExecuteRequest, timeout_s: float
    ) -> command_service_pb2.ExecuteResponse:
        await self._ask("execute", request, timeout_s)
        return command_service_pb2.ExecuteResponse(
            aggregate_id=request.aggregate_id or ROTATION,
            sequence=5,
            position="7:1",
            command_id=request.command_id or COMMAND,
        )

    async def query(
        self, query: query_service_pb2.Query, timeout_s: float
    ) -> query_service_pb2.QueryResult:
        await self._ask(query.WhichOneof("query") or "", query, timeout_s)
        return query_service_pb2.QueryResult(reply=b'{"from":"the read node"}', position="7:2")

    async def ask_owner(
        self, aggregate_id: str, method: str, request: Message, timeout_s: float
    ) -> Any:
        await self._ask(f"{method} {aggregate_id}", request, timeout_s)
        if method == "GetRotation":
            leg = types_pb2.Leg(carrier="XX", flight_number=12)
            return aggregate_service_pb2.GetRotationResponse(sequence=3, name="L1", legs=[leg])
        return getattr(aggregate_service_pb2, f"{method}Response")()

    async def ask_mesh(self, rpc: str, request: Message, timeout_s: float) -> Any:
        await self._ask(rpc, request, timeout_s)
        return getattr(shard_map_service_pb2, rpc.rpartition("/")[2] + "Response")()
