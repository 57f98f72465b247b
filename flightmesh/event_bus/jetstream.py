"""The event bus over NATS with JetStream.

Entries are kept in a stream of bounded size and told to all subscribers on the way, heartbeats are
only told. Subscribers listen to the subjects themselves rather than to the stream: they then hear
of entries also while the stream is full, wiped or gone, and at once again when a connection is back
(see docs/adr/0017-subscribers-listen-to-subjects.md). What they miss meanwhile they read from
the journal.

Publishing never waits for the network: messages queue for one sender, in the order in which they
were published. What finds no connection or a full queue is dropped and counted.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Self, final

from nats.aio.subscription import Subscription

from flightmesh.clock import Clock
from flightmesh.event_bus import BusMessage, EventBus
from flightmesh.event_bus.jetstream_link import JetStreamLink
from flightmesh.event_bus.jetstream_settings import JetStreamSettings, JetStreamStatistics
from flightmesh.event_bus.jetstream_stream import LINK_ERRORS
from flightmesh.event_bus.subscription import QueuedSubscription, size_of
from flightmesh.runtime.tasks import TaskOwner

_log = logging.getLogger(__name__)

_CARE_S: Final = 1.0
_DEFAULTS: Final = JetStreamSettings()


@final
class JetStreamEventBus:
    """See `flightmesh.event_bus.EventBus`. `start` it inside the event loop; `stop` it.

    Args:
        servers: URLs of the NATS servers.
        clock: for pauses and ages.
        settings: names, bounds and times.

    Attributes:
        statistics: counters.
        connected: set while there is a connection.
    """

    def __init__(
        self,
        servers: Sequence[str],
        clock: Clock,
        settings: JetStreamSettings = _DEFAULTS,
    ) -> None:
        self.statistics = JetStreamStatistics()
        self.connected = asyncio.Event()
        self._servers = servers
        self._clock = clock
        self._settings = settings
        self._tasks = TaskOwner("event-bus")
        self._link: JetStreamLink | None = None
        self._ended = asyncio.Event()
        # Messages to send and subscriptions to begin or to end, in order.
        self._outbox: deque[BusMessage | QueuedSubscription] = deque()
        self._outbox_messages = 0
        self._outbox_bytes = 0
        self._work = asyncio.Event()
        self._subscriptions: dict[QueuedSubscription, Subscription | None] = {}
        self._lost_by_former = 0
        self._stopping = False

    def start(self) -> None:
        """Begins to connect, without waiting for it."""
        self._tasks.start(self._stay_connected(), "connection")
        self._tasks.start(self._send(), "send")

    async def stop(self) -> None:
        """Ends the connection; what waits to be sent is dropped, subscriptions end."""
        # nats-py swallows a cancellation while it waits for a full buffer: each task also looks.
        self._stopping = True
        self._work.set()
        self._ended.set()
        await self._tasks.stop()
        for subscription in list(self._subscriptions):
            await subscription.aclose()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    @property
    def lost(self) -> int:
        """Messages that some subscriber lost because it read too slowly."""
        waiting = sum(each.lost for each in self._subscriptions)
        return self.statistics.lost + self._lost_by_former + waiting

    async def publish(self, message: BusMessage) -> None:
        """See the port. Never waits."""
        self.statistics.published += 1
        size = size_of(message)
        full = (
            self._outbox_messages >= self._settings.queue_messages
            or self._outbox_bytes + size > self._settings.queue_bytes
        )
        if self._link is None or (full and self._outbox_messages):
            self.statistics.dropped += 1
            return
        self._outbox_messages += 1
        self._outbox_bytes += size
        self._outbox.append(message)
        self._work.set()

    def subscribe(self) -> QueuedSubscription:
        """See the port. What is sent while there is no connection is not received."""
        subscription = QueuedSubscription(
            self._settings.queue_messages, self._settings.queue_bytes, self._forget
        )
        self._subscriptions[subscription] = None
        self._outbox.append(subscription)
        self._work.set()
        return subscription

    def _forget(self, subscription: QueuedSubscription) -> None:
        self._outbox.append(subscription)
        self._work.set()

    # Sending

    async def _send(self) -> None:
        while not self._stopping:
            await self._work.wait()
            self._work.clear()
            while self._outbox and not self._stopping:
                item = self._outbox.popleft()
                try:
                    if isinstance(item, QueuedSubscription):
                        await self._bring_up_to_date(item)
                    else:
                        await self._send_message(item)
                except LINK_ERRORS as error:
                    _log.debug("bus: %r", error)

    async def _send_message(self, message: BusMessage) -> None:
        self._outbox_messages -= 1
        self._outbox_bytes -= size_of(message)
        try:
            if self._link is None:
                self.statistics.dropped += 1
            else:
                await self._link.publish(message)
        except LINK_ERRORS:
            self.statistics.dropped += 1
            raise

    async def _bring_up_to_date(self, subscription: QueuedSubscription) -> None:
        """Begins a subscription at the server, or ends it there if it is closed."""
        if subscription not in self._subscriptions:
            return
        link = self._link
        if subscription.closed:
            self._lost_by_former += subscription.lost
            at_server = self._subscriptions.pop(subscription)
            if at_server is not None:
                await at_server.unsubscribe()
        elif link is not None and self._subscriptions[subscription] is None:
            at_server = await link.subscribe(subscription.offer)
            if self._link is link:
                self._subscriptions[subscription] = at_server

    # The connection

    async def _stay_connected(self) -> None:
        while not self._stopping:
            link = None
            # Each connection has an event of its own: the end of an old one may come late.
            self._ended = asyncio.Event()
            try:
                link = await JetStreamLink.connect(
                    self._servers, self._settings, self.statistics, self._clock, self._ended.set
                )
                self._begin(link)
                await self._care(link)
            except LINK_ERRORS as error:
                _log.info("bus: no connection: %r", error)
            finally:
                self._link = None
                self.connected.clear()
                self._subscriptions = dict.fromkeys(self._subscriptions)
                if link is not None:
                    await link.close()
            if not self._stopping:
                await self._clock.sleep(self._settings.retry_s)

    def _begin(self, link: JetStreamLink) -> None:
        self._link = link
        # Before anything else that is sent over it.
        self._outbox.extendleft(self._subscriptions)
        self._work.set()
        self.statistics.connections += 1
        self.connected.set()
        _log.info("bus: connected")

    async def _care(self, link: JetStreamLink) -> None:
        """Looks after a connection until it ends."""
        checked_s = self._clock.monotonic_s()
        while not self._ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_CARE_S):
                    await self._ended.wait()
                    return
            await link.mend_stream()
            now_s = self._clock.monotonic_s()
            if now_s - checked_s >= self._settings.ping_s:
                await link.check()
                checked_s = self._clock.monotonic_s()


_: type[EventBus] = JetStreamEventBus
