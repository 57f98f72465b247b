"""What the application sees of the HTTP server: the part of RSGI that it uses.

RSGI (Rust server gateway interface, version 1) hands each request to a coroutine as a scope and a
protocol. The server decodes the path's percent-escapes before we see it.
"""

from collections.abc import AsyncIterator
from typing import Any, Protocol


class RequestHeaders(Protocol):
    """The headers of a request; names are lower case."""

    def get(self, key: str, default: Any = None, /) -> Any:
        """The first value of a header, or the default."""


class Scope(Protocol):
    """A request without its body."""

    @property
    def method(self) -> str:
        """GET, POST and so on, as sent."""

    @property
    def path(self) -> str:
        """Path, percent-decoded."""

    @property
    def query_string(self) -> str:
        """Query string as sent, without the question mark."""

    @property
    def headers(self) -> RequestHeaders:
        """Headers."""


class Exchange(Protocol):
    """The body of a request, and the way to answer it."""

    async def __call__(self) -> bytes:
        """The whole body."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in pieces."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answers with a body."""

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Answers without one."""
