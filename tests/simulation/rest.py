"""A client of the gateway: requests of the mesh as REST, and what comes back as the mesh's answers.

Paths and bodies follow from the same annotations that the gateway reads, the other way round.
"""

from typing import Any, Final
from urllib.parse import quote, urlencode

import grpc
import msgspec

from flightmesh.api.read.v1 import query_service_pb2 as read_pb
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.codec.commands import Request
from flightmesh.errors import FlightmeshError, InvalidInput, Refused, Unavailable
from flightmesh.rpc.json_codec import decode_json, encode_json
from gateway.bindings import all_bindings
from tests.simulation.gateway import SEND, HttpAnswer, HttpRequest

_PATIENCE_S: Final = 0.2  # beyond what the gateway is given
_COMMANDS: Final = {
    binding.body: binding
    for binding in all_bindings()
    if binding.method.containing_service.name == "CommandService"
}


class RestClient:
    """Talks to a gateway over a channel of the simulated network."""

    def __init__(self, channel: Any) -> None:
        self._send = channel.unary_unary(
            SEND,
            request_serializer=msgspec.msgpack.encode,
            response_deserializer=msgspec.msgpack.Decoder(HttpAnswer).decode,
        )

    async def execute(self, request: Request, timeout_s: float) -> pb.ExecuteResponse:
        """Sends a command.

        Raises:
            FlightmeshError: as the problem in the answer says.
        """
        answer = await self._ask(command_request(request), timeout_s)
        return decode_json(answer.body, pb.ExecuteResponse)

    async def list_legs(
        self, query: read_pb.ListLegsRequest, timeout_s: float
    ) -> tuple[read_pb.ListLegsResponse, str]:
        """Asks for the legs of a rotation; also the answer's position.

        Raises:
            FlightmeshError: as the problem in the answer says.
        """
        parameters = {"rotation_id": query.rotation_id, "page_size": query.page_size}
        answer = await self._ask(
            HttpRequest(
                "GET",
                f"/v1/schedules/{query.schedule}/legs",
                urlencode(parameters),
                {"flightmesh-position": query.min_position},
            ),
            timeout_s,
        )
        legs = decode_json(answer.body, read_pb.ListLegsResponse)
        return legs, answer.headers["flightmesh-position"]

    async def _ask(self, request: HttpRequest, timeout_s: float) -> HttpAnswer:
        headers = {**request.headers, "request-timeout": f"{timeout_s:.3f}"}
        request = msgspec.structs.replace(request, headers=headers)
        try:
            answer: HttpAnswer = await self._send(request, timeout=timeout_s + _PATIENCE_S)
        except grpc.aio.AioRpcError as error:
            raise Unavailable(f"the gateway did not answer: {error.code().name}") from None
        if answer.status != 200:
            raise error_of_problem(answer)
        return answer


def command_request(request: Request) -> HttpRequest:
    """A command as REST."""
    kind = request.WhichOneof("command")
    binding = _COMMANDS[str(kind)]
    names = {variable.field for variable in binding.template.variables}
    path = binding.template.text
    for name in names:
        path = path.replace(f"{{{name}}}", quote(getattr(request, name), safe=""))
    parameters = {"event_view": pb.EventView.Name(request.event_view)}
    if request.aggregate_id and "aggregate_id" not in names:
        parameters["aggregate_id"] = request.aggregate_id
    headers = {"idempotency-key": request.command_id}
    if request.HasField("expected_sequence"):
        headers["if-match"] = f'"{request.expected_sequence}"'
    body = encode_json(getattr(request, str(kind)))
    headers["content-length"] = str(len(body))
    return HttpRequest(binding.http_method, path, urlencode(parameters), headers, body)


def error_of_problem(answer: HttpAnswer) -> FlightmeshError:
    """The error that a problem (RFC 9457) stands for."""
    problem = msgspec.json.decode(answer.body)
    reason, detail = problem["reason"], problem["detail"]
    if answer.status in (503, 504):
        return Unavailable(detail)
    if answer.status == 400:
        return InvalidInput("", detail)
    return Refused(reason, detail)
