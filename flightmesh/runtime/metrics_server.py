"""The HTTP endpoint of a process for operators: /metrics, /healthz and /readyz.

It answers on the process's own event loop, so what it collects is never half changed, and a loop
that hangs fails its health check. GET and HEAD only, one request per connection, bounded in size,
time and number. It does not serve users: the gateway does.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from flightmesh.errors import ConfigurationError
from flightmesh.rpc.addresses import check_address

_log = logging.getLogger(__name__)

METRICS_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
"""Media type of the Prometheus text format."""

_SETTING: Final = "FLIGHTMESH_METRICS_PORT"
_MAX_HEAD_BYTES: Final = 16 * 1024
_TIMEOUT_S: Final = 5.0
_MAX_CONNECTIONS: Final = 32
_TEXT: Final = "text/plain; charset=utf-8"
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

Answer = tuple[int, str, bytes]


def exposition(registry: CollectorRegistry) -> bytes:
    """All that a registry collects now, in the Prometheus text format."""
    return generate_latest(registry)


@final
class MetricsServer:
    """Serves the endpoint from `start` to `stop`.

    Args:
        host: address to listen on.
        port: the port; 0 takes a free one.
        registry: what /metrics tells.
        is_ready: whether the process should be sent requests, for /readyz.
    """

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, is_ready: Callable[[], bool]
    ) -> None:
        self._host = host
        self._port = port
        self._registry = registry
        self._is_ready = is_ready
        self._server: asyncio.Server | None = None
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is listened on; before `start`, the configured one."""
        return self._port

    @property
    def address(self) -> str:
        """host:port."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    async def start(self) -> None:
        """Listens, on the running event loop.

        Raises:
            ConfigurationError: the address cannot be listened on.
        """
        check_address(self._host, self._port, _SETTING)
        try:
            self._server = await asyncio.start_server(
                self._serve, self._host, self._port, limit=_MAX_HEAD_BYTES
            )
        except OSError as error:
            # Somebody took it since it was checked.
            raise ConfigurationError(
                f"cannot listen on {self.address}: {error.strerror}; set {_SETTING} to another port"
            ) from None
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port and ends what is being answered. Idempotent."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        tasks = list(self._answering)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                method, answer = await self._answer_to(reader)
                writer.write(_message(answer, with_body=method != "HEAD"))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return  # the caller is slow or gone; it will ask again
        finally:
            self._answering.discard(task)
            writer.close()

    async def _answer_to(self, reader: asyncio.StreamReader) -> tuple[str, Answer]:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return "", (431, _TEXT, b"the request's head is too large\n")
        parts = head.partition(b"\r\n")[0].split(b" ")
        if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):
            return "", (400, _TEXT, b"this is no HTTP/1 request\n")
        method, target = parts[0].decode("latin-1"), parts[1].decode("latin-1")
        if len(self._answering) > _MAX_CONNECTIONS:
            return method, (503, _TEXT, b"too many requests\n")
        return method, self._answer(method, target.partition("?")[0])

    def _answer(self, method: str, path: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return 405, _TEXT, b"only GET and HEAD are possible here\n"
        match path:
            case "/healthz":
                return 200, _TEXT, b"ok\n"
            case "/readyz":
                return (200, _TEXT, b"ready\n") if self._is_ready() else _NOT_READY
            case "/metrics":
                return self._metrics()
        return 404, _TEXT, b"there are /metrics, /healthz and /readyz\n"

    def _metrics(self) -> Answer:
        try:
            return 200, METRICS_TYPE, exposition(self._registry)
        except Exception:
            # A fault in one count must not take the process's health check with it.
            _log.exception("metrics could not be collected")
            return 500, _TEXT, b"metrics could not be collected\n"


_NOT_READY: Final[Answer] = (503, _TEXT, b"not ready\n")


def _message(answer: Answer, *, with_body: bool) -> bytes:
    status, media_type, body = answer
    head = [
        f"HTTP/1.1 {status} {_REASONS[status]}",
        f"content-type: {media_type}",
        f"content-length: {len(body)}",
        "cache-control: no-cache",
        "x-content-type-options: nosniff",
        "connection: close",
    ]
    if status == 405:
        head.append("allow: GET, HEAD")
    if status == 503:
        head.append("retry-after: 1")
    text = "\r\n".join(head) + "\r\n\r\n"
    return text.encode() + (body if with_body else b"")
