"""The HTTP server: granian's embedded server on the running event loop.

granian parses HTTP in Rust on a thread of its own and hands each request to this loop as a
coroutine (RSGI). Measured on two shared cores with uvloop: 38,000 requests/s at 200 connections, 8
to 11 microseconds of the loop's time per request. Its Rust task type does not work on this loop, so
asyncio tasks are used. It installs no signal handlers; stopping it closes the listening socket at
once and waits for the requests under way.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, final

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined]
from granian.server.embed import Server

from flightmesh.errors import ConfigurationError
from flightmesh.rpc.addresses import check_address
from flightmesh.runtime.tasks import TaskOwner
from gateway.config import GatewayConfig
from gateway.http_types import Exchange, Scope

CONNECTION_ERRORS: Final[tuple[type[Exception], ...]] = (ProtocolClosed, ProtocolError)
"""What the server raises where a caller is gone."""

Application = Callable[[Scope, Exchange], Awaitable[None]]


@final
class HttpServer:
    """Serves one application from `start` to `stop`.

    Args:
        application: answers requests.
        config: address and limits.
    """

    def __init__(self, application: Application, config: GatewayConfig) -> None:
        self._target = _Target(application)
        self._config = config
        self._tasks = TaskOwner("http server")
        self._server: Server | None = None
        self._serving: asyncio.Task[Any] | None = None
        self._reserved: socket.socket | None = None
        self.port = config.port

    async def start(self) -> None:
        """Listens; returns when connections are accepted.

        Raises:
            ConfigurationError: the address cannot be listened on.
        """
        config = self._config
        self._reserve_port()
        self._server = Server(
            self._target,
            address=config.host,
            port=self.port,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=round(config.header_timeout_s * 1000),
                max_buffer_size=config.max_head_bytes,
            ),
            websockets=False,
            backlog=config.backlog,
            # More requests than the application admits, so that it can refuse the rest itself.
            backpressure=2 * config.max_concurrent_requests,
            log_enabled=False,
        )
        self._serving = self._tasks.start(self._server.serve(), "serve")
        await self._until_accepting()

    async def stop(self) -> None:
        """Takes no more connections, lets the requests under way end, and closes."""
        if self._server is None or self._serving is None:
            return
        self._server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait([self._serving], timeout=self._config.drain_timeout_s)
        await self._tasks.stop()
        if self._reserved is not None:
            self._reserved.close()
        self._server = self._serving = self._reserved = None

    def _reserve_port(self) -> None:
        """Binds the port without listening: free, known, and kept from others until `stop`.

        The server shares its port by SO_REUSEPORT, so two gateways on one port would both start.
        Binding first without that option finds out.
        """
        family = socket.AF_INET6 if ":" in self._config.host else socket.AF_INET
        address = (self._config.host, self._config.port)
        check_address(*address, "FLIGHTMESH_HTTP_PORT")
        try:
            reserved = socket.socket(family)
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reserved.bind(address)
        except OSError as error:
            where = f"{self._config.host}:{self._config.port}"
            raise ConfigurationError(f"cannot listen on {where}: {error.strerror}") from None
        self._reserved = reserved
        self.port = reserved.getsockname()[1]

    async def _until_accepting(self) -> None:
        """Tries to connect until the server's thread has its socket."""
        assert self._serving is not None
        for attempt in range(200):
            if self._serving.done():
                break
            try:
                _, writer = await asyncio.open_connection(self._config.host, self.port)
            except OSError:
                await asyncio.sleep(0.001 * min(attempt + 1, 50))
                continue
            writer.close()
            return
        await self.stop()
        raise ConfigurationError(
            f"the HTTP server did not start on {self._config.host}:{self.port}"
        )


@final
class _Target:
    """The application in the form that granian calls."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        try:
            await self._application(scope, protocol)
        except CONNECTION_ERRORS:
            # The caller is gone; what it asked for was done or not, and nobody waits for it.
            return
