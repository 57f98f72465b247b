"""One connection to NATS, from connecting to its end. It is never mended: a new one is made.

nats-py could reconnect by itself, but it then sends what it had buffered before, closes for good
after some errors of the server, and waits for ever to close a connection to a frozen one.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Self, final

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import SlowConsumerError

from flightmesh.clock import Clock
from flightmesh.errors import CorruptData
from flightmesh.event_bus import BusMessage, PublishedEntry
from flightmesh.event_bus.jetstream_settings import JetStreamSettings, JetStreamStatistics
from flightmesh.event_bus.jetstream_stream import LINK_ERRORS, StreamKeeper
from flightmesh.event_bus.jetstream_wire import all_subjects, decode, encode

_log = logging.getLogger(__name__)

_CONNECT_S: Final = 5.0
_CLOSE_S: Final = 1.0
# Acknowledgements waited for at most; the oldest count as missing then.
_MOST_UNACKNOWLEDGED: Final = 20_000


@final
class JetStreamLink:
    """A connection with its stream and its acknowledgements.

    Args:
        client: a connected client.
        settings: names and times.
        statistics: where is counted.
        clock: for the age of what is not acknowledged.
    """

    def __init__(
        self,
        client: Client,
        settings: JetStreamSettings,
        statistics: JetStreamStatistics,
        clock: Clock,
    ) -> None:
        self._client = client
        self._settings = settings
        self._statistics = statistics
        self._clock = clock
        self._inbox = client.new_inbox()
        self._token = 0
        self._unacknowledged: dict[int, float] = {}
        self._stream = StreamKeeper(client, settings, clock)

    @classmethod
    async def connect(
        cls,
        servers: Sequence[str],
        settings: JetStreamSettings,
        statistics: JetStreamStatistics,
        clock: Clock,
        on_end: Callable[[], None],
    ) -> Self:
        """Connects to one of the servers.

        Raises:
            LINK_ERRORS: none can be reached in time.
        """

        async def ended() -> None:
            on_end()

        async def failed(error: Exception) -> None:
            if isinstance(error, SlowConsumerError):
                statistics.lost += 1
            else:
                _log.debug("bus: %s", error)

        async with asyncio.timeout(_CONNECT_S):
            client = await nats.connect(
                list(servers),
                name="flightmesh",
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=2,
                # Silence is looked for by `check`; this is for a loop that is too busy for it.
                ping_interval=10,
                flush_timeout=1.0,
                closed_cb=ended,
                error_cb=failed,
            )
        link = cls(client, settings, statistics, clock)
        await client.subscribe(f"{link._inbox}.*", cb=link._acknowledged)
        await link._stream.ensure()
        return link

    async def publish(self, message: BusMessage) -> None:
        """Sends a message; entries ask for an acknowledgement, which is not waited for.

        Raises:
            LINK_ERRORS: it was not sent.
        """
        subject, payload, headers = encode(self._settings.prefix, message)
        reply = ""
        if isinstance(message, PublishedEntry):
            if len(self._unacknowledged) >= _MOST_UNACKNOWLEDGED:
                self._miss(next(iter(self._unacknowledged)))
            self._token += 1
            self._unacknowledged[self._token] = self._clock.monotonic_s()
            reply = f"{self._inbox}.{self._token}"
        try:
            await self._client.publish(subject, payload, reply, headers)
        except LINK_ERRORS:
            self._unacknowledged.pop(self._token, None)
            raise

    async def subscribe(self, offer: Callable[[BusMessage], None]) -> Subscription:
        """Gets all messages that are sent from now on.

        Raises:
            LINK_ERRORS: the connection failed.
        """
        return await self._client.subscribe(
            all_subjects(self._settings.prefix),
            cb=partial(self._received, offer),
            pending_msgs_limit=self._settings.queue_messages,
            pending_bytes_limit=self._settings.queue_bytes,
        )

    async def _received(self, offer: Callable[[BusMessage], None], msg: Msg) -> None:
        try:
            message = decode(msg.subject, msg.data, msg.headers)
        except CorruptData as error:
            self._statistics.malformed += 1
            _log.warning("bus: %s", error)
            return
        self._statistics.received += 1
        offer(message)

    # Acknowledgements

    async def _acknowledged(self, msg: Msg) -> None:
        token = int(msg.subject.rpartition(".")[2])
        if self._unacknowledged.pop(token, None) is None:
            return
        error = _refusal(msg)
        if error:
            self._statistics.refused += 1
            self._stream.doubt(error)
            return
        self._stream.works()
        self._statistics.stored += 1
        if b'"duplicate"' in msg.data:
            self._statistics.duplicates += 1

    def _miss(self, token: int) -> None:
        del self._unacknowledged[token]
        self._statistics.unacknowledged += 1
        self._stream.doubt("no acknowledgement")

    # Care

    async def check(self) -> None:
        """Asks the server for a sign of life, which also follows all that was sent before.

        Raises:
            LINK_ERRORS: there is none in time.
        """
        await self._client.flush(timeout=self._settings.answer_s)  # type: ignore[arg-type]

    async def mend_stream(self) -> None:
        """Looks at the stream if entries were not acknowledged, and mends it."""
        too_old = self._clock.monotonic_s() - self._settings.ack_s
        while self._unacknowledged:
            token, sent_s = next(iter(self._unacknowledged.items()))
            if sent_s > too_old:
                break
            self._miss(token)
        await self._stream.mend()

    async def close(self) -> None:
        """Ends the connection; one to a frozen server is left to itself after a second."""
        for token in list(self._unacknowledged):
            self._miss(token)
        with suppress(*LINK_ERRORS):
            async with asyncio.timeout(_CLOSE_S):
                await self._client.close()


def _refusal(msg: Msg) -> str:
    """Why the stream did not take an entry; empty if it did."""
    if not msg.data:
        return "no stream answers"
    if b'"error"' not in msg.data:
        return ""
    try:
        error = msgspec.json.decode(msg.data)["error"]
        return f"{error['description']} ({error['err_code']})"
    except (msgspec.DecodeError, KeyError, TypeError):
        return "an answer that cannot be read"
