"""The end of streams that have none of their own.

gRPC's own stop refuses new calls and gives those under way some time. A stream that only waits,
for a change or for its caller's next request, would take all of it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar, final

from flightmesh.errors import Unavailable

T = TypeVar("T")


@final
class OpenStreams:
    """The streams of one server that wait. Belongs to one event loop."""

    def __init__(self) -> None:
        self._waits: set[asyncio.Timeout] = set()
        self._ended = False

    def end(self) -> None:
        """Ends every wait, now and from now on. Idempotent."""
        self._ended = True
        for each in self._waits:
            each.reschedule(0.0)

    async def wait(self, what: Awaitable[T]) -> T:
        """The result of something that a stream may wait for without an end.

        Raises:
            Unavailable: the server stops.
        """
        limit = asyncio.timeout(0.0 if self._ended else None)
        try:
            async with limit:
                self._waits.add(limit)
                return await what
        except TimeoutError:
            if not limit.expired():
                raise
            raise Unavailable("this process is stopping") from None
        finally:
            self._waits.discard(limit)

    async def requests(self, requests: AsyncIterator[T]) -> AsyncIterator[T]:
        """The requests of a stream as they come.

        Raises:
            Unavailable: the server stops; those that came can be answered still.
        """
        try:
            while True:
                yield await self.wait(anext(requests))
        except StopAsyncIteration:
            return
