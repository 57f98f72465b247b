"""A keep-alive HTTP/1.1 connection for load: one request under way, nothing that costs time.

It understands what a gateway sends: a status line, headers with Content-Length, a body of that
length. Anything else (chunks, redirects, upgrades) is an error. It is no general HTTP client.
"""

import asyncio
from typing import Final, NamedTuple, cast, final

from flightmesh.errors import Unavailable

_MAX_HEAD_BYTES: Final = 64 * 1024


class HttpReply(NamedTuple):
    """Status, head (as received) and body of a reply."""

    status: int
    head: bytes
    body: bytes


@final
class HttpConnection(asyncio.Protocol):
    """One connection; use `open_http`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting: asyncio.Future[HttpReply] | None = None
        self._head = b""
        self._status = 0
        self._body_bytes = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        # Not checked: uvloop's transports behave so without inheriting from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails the request under way."""
        self._transport = None
        self._fail(f"the connection was closed{f': {exc}' if exc else ''}")

    def request(self, data: bytes) -> "asyncio.Future[HttpReply]":
        """Sends a whole request; the future gives its reply or raises Unavailable."""
        assert self._waiting is None, "one request at a time"
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        if self._transport is None:
            self._fail("the connection is closed")
        else:
            self._transport.write(data)
        return waiting

    def data_received(self, data: bytes) -> None:
        """Takes bytes; gives the reply when it is whole."""
        self._buffer = self._buffer + data if self._buffer else data
        if self._body_bytes < 0 and not self._read_head():
            return
        if len(self._buffer) < self._body_bytes:
            return
        body, self._buffer = self._buffer[: self._body_bytes], self._buffer[self._body_bytes :]
        waiting, self._waiting, self._body_bytes = self._waiting, None, -1
        if waiting is not None and not waiting.done():
            waiting.set_result(HttpReply(self._status, self._head, body))

    def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            self._transport.close()

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                self._refuse("a head without end")
            return False
        self._head = self._buffer[: end + 2]
        length = header(self._head, b"content-length")
        if not self._head.startswith(b"HTTP/1.1 ") or not length.isdigit():
            self._refuse(f"a reply that this client does not read: {self._head[:60]!r}")
            return False
        self._status = int(self._head[9:12])
        self._buffer = self._buffer[end + 4 :]
        self._body_bytes = int(length)
        return True

    def _refuse(self, why: str) -> None:
        self._buffer = b""
        self._fail(why)
        self.close()

    def _fail(self, why: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(Unavailable(why))


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header in a reply's head; empty if it is absent.

    Args:
        head: status line and headers, each line with its CRLF.
        name: in lower case.
    """
    start = head.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    return head[start : head.index(b"\r\n", start)].strip()


async def open_http(address: str, timeout_s: float) -> HttpConnection:
    """Connects to host:port.

    Raises:
        Unavailable: nobody answers there in time.
    """
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, connection = await loop.create_connection(
                HttpConnection, host.strip("[]"), int(port)
            )
    except OSError as error:
        raise Unavailable(f"cannot connect to {address}: {error.strerror or error}") from None
    return connection
