"""The event bus inside one process.

Each subscriber has a queue of its own, bounded in messages and in bytes. A message that finds it
full is lost to that subscriber alone and counted; the publisher never waits. The bytes of an entry
are handed over as the object they are: nothing is copied.
"""

from typing import final

from flightmesh.event_bus import BusMessage
from flightmesh.event_bus.subscription import DEFAULT_BOUND, DEFAULT_BYTES, QueuedSubscription

InMemorySubscription = QueuedSubscription


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
        subscription = InMemorySubscription(self._bound, self._max_bytes, self.forget)
        self._subscriptions.append(subscription)
        return subscription

    def forget(self, subscription: InMemorySubscription) -> None:
        """Ends a subscription; called by its `aclose`."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            self._lost_by_former += subscription.lost
