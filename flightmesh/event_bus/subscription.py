"""What one subscriber of an event bus has not read yet: a bounded queue."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, Self, final

from flightmesh.event_bus import BusMessage, PublishedEntry

DEFAULT_BOUND: Final = 4096
DEFAULT_BYTES: Final = 32 * 1024 * 1024


def size_of(message: BusMessage) -> int:
    """Bytes of an entry; 0 for a heartbeat."""
    return len(message.data) if isinstance(message, PublishedEntry) else 0


@final
class QueuedSubscription(AsyncIterator[BusMessage]):
    """Messages in the order they came; ends after `aclose`.

    Args:
        bound: messages that may wait.
        max_bytes: sizes together of the entries that may wait; a single larger one is taken when
            nothing else waits.
        on_close: told when the subscription ends.

    Attributes:
        lost: messages that found the queue full.
    """

    def __init__(
        self, bound: int, max_bytes: int, on_close: Callable[["QueuedSubscription"], None]
    ) -> None:
        self.lost = 0
        self._bound = bound
        self._max_bytes = max_bytes
        self._on_close = on_close
        self._closed = False
        self._bytes = 0
        self._waiting: deque[BusMessage] = deque()
        self._arrived = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether the subscription has ended."""
        return self._closed

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, message: BusMessage) -> None:
        """Keeps a message for the subscriber, or counts it as lost."""
        size = size_of(message)
        full = len(self._waiting) >= self._bound or self._bytes + size > self._max_bytes
        if full and self._waiting:
            self.lost += 1
            return
        self._bytes += size
        self._waiting.append(message)
        self._arrived.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> BusMessage:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        message = self._waiting.popleft()
        self._bytes -= size_of(message)
        return message

    async def aclose(self) -> None:
        """Ends the subscription; a reader that waits gets the end. Idempotent."""
        self._closed = True
        self._waiting.clear()
        self._bytes = 0
        self._arrived.set()
        self._on_close(self)
