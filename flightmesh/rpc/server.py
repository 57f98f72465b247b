"""gRPC servers as every Flightmesh process builds them."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from flightmesh.errors import ConfigurationError
from flightmesh.rpc.addresses import check_address
from flightmesh.rpc.streams import OpenStreams

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024

# Calls that wait for their handler. Not told otherwise, gRPC cancels some beyond 1,000, by
# chance, and to a caller CANCELLED means that it gave up itself. As many as four connections bring.
_STREAMS_OF_A_CONNECTION: Final = 4_096
_MAX_PENDING: Final = 4 * _STREAMS_OF_A_CONNECTION

# so_reuseport: a second process on the same port must fail, not take half of the calls.
# ping_timeout: without it a frozen peer stays READY (measured; grpcio 1.85).
_OPTIONS: Final[Sequence[tuple[str, Any]]] = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_concurrent_streams", _STREAMS_OF_A_CONNECTION),
    ("grpc.server.max_pending_requests", _MAX_PENDING),
    ("grpc.server.max_pending_requests_hard_limit", _MAX_PENDING),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
)


class GrpcServer:
    """One listening gRPC server with the health service.

    Args:
        address: host:port; port 0 takes a free one.

    Attributes:
        address, port: where it listens, once bound.
        streams: ends what waits without an end, for services to wait with.
    """

    def __init__(self, address: str) -> None:
        self._wanted = address
        self._server = grpc.aio.server(options=_OPTIONS)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.streams = OpenStreams()
        self.address = ""
        self.port = 0

    def add(self, register: Callable[[Any, grpc.aio.Server], None], servicer: object) -> None:
        """Adds a servicer with its generated add_…_to_server function."""
        register(servicer, self._server)

    @property
    def grpc_server(self) -> grpc.aio.Server:
        """The server itself, for generic handlers."""
        return self._server

    def bind(self) -> str:
        """Takes the port, before start; returns host:port.

        Raises:
            ConfigurationError: the address is taken or not ours.
        """
        host, _, port = self._wanted.rpartition(":")
        # gRPC itself tells the reason only in its own log.
        check_address(host.strip("[]"), int(port), "FLIGHTMESH_GRPC_PORT")
        try:
            self.port = self._server.add_insecure_port(self._wanted)
        except RuntimeError as error:
            raise ConfigurationError(f"cannot listen on {self._wanted}: {error}") from error
        self.address = f"{host}:{self.port}"
        return self.address

    async def start(self) -> None:
        """Begins to answer calls; health says NOT_SERVING until `set_serving`."""
        if not self.address:
            self.bind()
        await self.set_serving(False)
        await self._server.start()

    async def set_serving(self, serving: bool) -> None:
        """What the health service says of the process as a whole."""
        status = health_pb2.HealthCheckResponse
        await self._health.set("", status.SERVING if serving else status.NOT_SERVING)

    async def stop(self, grace_s: float) -> None:
        """Refuses new calls, ends streams that wait, gives the others grace_s seconds, ends."""
        await self._health.enter_graceful_shutdown()
        self.streams.end()
        await self._server.stop(grace_s)
