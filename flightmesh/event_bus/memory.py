"""The event bus inside one process.

Each subscriber has a queue of its own with a bound. A message that finds it full is lost to that
subscriber alone and counted; the publisher never waits. The bytes of an entry are handed over as
the object they are: nothing is copied.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, Self, final

from flightmesh.event_bus import BusMessage

DEFAULT_BOUND: Final = 4096


@final
class InMemorySubscription(AsyncIterator[BusMessage]):
    """What one subscriber has not read yet; ends after `aclose`.

    Attributes:
        lost: messages that found the queue full.
    """

    def __init__(self, bus: "InMemoryEventBus", bound: int) -> None:
        self.lost = 0
        self._bus = bus
        self._bound = bound
        self._waiting: deque[BusMessage] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, message: BusMessage) -> None:
        """Keeps a message for the subscriber, or counts it as lost."""
        if len(self._waiting) >= self._bound:
            self.lost += 1
            return
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
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """Ends the subscription; a reader that waits gets the end. Idempotent."""
        self._closed = True
        self._waiting.clear()
        self._arrived.set()
        self._bus.forget(self)


@final
class InMemoryEventBus:
    """See `flightmesh.event_bus.EventBus`.

    Args:
        bound: messages that may wait for one subscriber.

    Attributes:
        published: messages published.
    """

    def __init__(self, bound: int = DEFAULT_BOUND) -> None:
        self.published = 0
        self._bound = bound
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
        subscription = InMemorySubscription(self, self._bound)
        self._subscriptions.append(subscription)
        return subscription

    def forget(self, subscription: InMemorySubscription) -> None:
        """Ends a subscription; called by its `aclose`."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            self._lost_by_former += subscription.lost
