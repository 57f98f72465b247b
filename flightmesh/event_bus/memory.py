"""The event bus inside one process.

Each subscriber has a queue of its own, bounded in messages and in bytes. A message that finds it
full is lost to that subscriber alone and counted; the publisher never waits. The bytes of an entry
are handed over as the object they are: nothing is copied.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, Self, final

from flightmesh.event_bus import BusMessage, PublishedEntry

DEFAULT_BOUND: Final = 4096
DEFAULT_BYTES: Final = 32 * 1024 * 1024


def _size(message: BusMessage) -> int:
    return len(message.data) if isinstance(message, PublishedEntry) else 0


@final
class InMemorySubscription(AsyncIterator[BusMessage]):
    """What one subscriber has not read yet; ends after `aclose`.

    Attributes:
        lost: messages that found the queue full.
    """

    def __init__(self, bus: "InMemoryEventBus", bound: int, max_bytes: int) -> None:
        self.lost = 0
        self._bus = bus
        self._bound = bound
        self._max_bytes = max_bytes
        self._bytes = 0
        self._waiting: deque[BusMessage] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, message: BusMessage) -> None:
        """Keeps a message for the subscriber, or counts it as lost."""
        size = _size(message)
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
        self._bytes -= _size(message)
        return message

    async def aclose(self) -> None:
        """Ends the subscription; a reader that waits gets the end. Idempotent."""
        self._closed = True
        self._waiting.clear()
        self._bytes = 0
        self._arrived.set()
        self._bus.forget(self)


@final
class InMemoryEventBus:
    """See `flightmesh.event_bus.EventBus`.

    Args:
        bound: messages that may wait for one subscriber.
        max_bytes: sizes together of the entries that may wait for one subscriber; a single larger
            one is taken when nothing else waits.

    Attributes:
        published: messages published.
    """

    def __init__(self, bound: int = DEFAULT_BOUND, max_bytes: int = DEFAULT_BYTES) -> None:
        self.published = 0
        self._bound = bound
        self._max_bytes = max_bytes
        self._lost_by_former = 0
        self._subscriptions: list[InMemorySubscription] = []

    @property
    def lost(self) -> int:
        """Messages that some subscriber lost, those of former subscribers included."""
        return self._lost_by_former + sum(each.lost for each in self._subscriptions)

    @property
    def subscribers(self) -> int:
        """Number of subscriptions in force."""
        return len(self._subscriptions)

    async def publish(self, message: BusMessage) -> None:
        """See the port."""
        self.published += 1
        for subscription in self._subscriptions:
            subscription.offer(message)

    def subscribe(self) -> InMemorySubscription:
        """See the port."""
        subscription = InMemorySubscription(self, self._bound, self._max_bytes)
        self._subscriptions.append(subscription)
        return subscription

    def forget(self, subscription: InMemorySubscription) -> None:
        """Ends a subscription; called by its `aclose`."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            self._lost_by_former += subscription.lost
