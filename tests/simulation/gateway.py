"""A gateway in the simulation: the real application, routers and followers, without sockets.

What HTTP would carry travels as messages of the simulated network: a request and its answer are one
unary call each, so they are lost, late or doubled like all others.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, final

import grpc
import msgspec

from flightmesh.clock import Clock
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.query_router import QueryRouter
from gateway.app import GatewayApp
from gateway.bindings import all_bindings
from gateway.config import GatewayConfig
from gateway.dispatch import operation_of
from gateway.mesh_backend import MeshBackend
from gateway.metrics import RequestMetrics
from gateway.router import Router

SEND: Final = "/http/Send"


class HttpRequest(msgspec.Struct, frozen=True):
    """A request as the HTTP server hands it to the application; header names are lower case."""

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""


class HttpAnswer(msgspec.Struct, frozen=True):
    """An answer of the application."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@final
class _Exchange:
    """The body of a request, and where its answer is put."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.answer: HttpAnswer | None = None

    async def __call__(self) -> bytes:
        return self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answer = HttpAnswer(status, dict(headers), body)

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.response_bytes(status, headers, b"")


def build_app(
    commands: CommandRouter, queries: QueryRouter, channel: Any, clock: Clock, name: str
) -> GatewayApp:
    """The application as `gateway.bootstrap` builds it, without its pages."""
    backend = MeshBackend(commands, queries, lambda: channel)
    operations = [operation_of(binding, backend) for binding in all_bindings()]
    return GatewayApp(
        Router((one.binding.http_method, one.binding.template, one) for one in operations),
        {},
        config=GatewayConfig(),
        clock=clock,
        metrics=RequestMetrics(),
        next_request_id=lambda: name,
    )


def http_handler(app: GatewayApp) -> grpc.GenericRpcHandler:
    """Takes requests to the application."""

    async def send(request: HttpRequest, _: Any) -> HttpAnswer:
        exchange = _Exchange(request.body)
        await app(request, exchange)
        assert exchange.answer is not None
        return exchange.answer

    service, _, method = SEND[1:].partition("/")
    handler = grpc.unary_unary_rpc_method_handler(
        send,
        request_deserializer=msgspec.msgpack.Decoder(HttpRequest).decode,
        response_serializer=msgspec.msgpack.encode,
    )
    return grpc.method_handlers_generic_handler(service, {method: handler})
