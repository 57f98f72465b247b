"""One connection to NATS, from connecting to its end. It is never mended: a new one is made.

nats-py could reconnect by itself, but it then sends what it had buffered before, closes for good
after some errors of the server, and waits for ever to close a connection to a frozen one.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Self, final

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import SlowConsumerError
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError

from flightmesh.clock import Clock
from flightmesh.errors import CorruptData
from flightmesh.event_bus import BusMessage, PublishedEntry
from flightmesh.event_bus.jetstream_settings import JetStreamSettings, JetStreamStatistics
from flightmesh.event_bus.jetstream_wire import all_subjects, decode, encode, entry_subjects

_log = logging.getLogger(__name__)

# What nats-py raises when a connection fails, its own bugs at such moments included.
LINK_ERRORS: Final = (NatsError, OSError, TimeoutError, EOFError, AttributeError, RuntimeError)
_CONNECT_S: Final = 5.0
_CLOSE_S: Final = 1.0
_STREAM_EXISTS_OTHERWISE: Final = 10058
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
        self._doubtful = False
        self._stream_works = True

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
            self._doubt(error)
        elif b'"duplicate"' in msg.data:
            self._statistics.stored += 1
            self._statistics.duplicates += 1
        else:
            self._statistics.stored += 1

    def _miss(self, token: int) -> None:
        del self._unacknowledged[token]
        self._statistics.unacknowledged += 1
        self._doubt("no acknowledgement")

    def _doubt(self, reason: str) -> None:
        self._doubtful = True
        if self._stream_works:
            self._stream_works = False
            _log.warning("bus: entries are not stored, readers get them all the same: %s", reason)

    # Care

    async def check(self) -> None:
        """Asks the server for a sign of life, which also follows all that was sent before.

        Raises:
            LINK_ERRORS: there is none in time.
        """
        await self._client.flush(timeout=self._settings.answer_s)  # type: ignore[arg-type]

    async def mend_stream(self) -> None:
        """Looks at the stream if entries were not acknowledged, and makes it if it is gone."""
        too_old = self._clock.monotonic_s() - self._settings.ack_s
        while self._unacknowledged:
            token, sent_s = next(iter(self._unacknowledged.items()))
            if sent_s > too_old:
                break
            self._miss(token)
        if self._doubtful:
            self._doubtful = False
            await self.ensure_stream()

    async def ensure_stream(self) -> None:
        """Makes the stream, or gives it our settings. A failure is logged: it is a hint's home."""
        settings = self._settings
        stream = StreamConfig(
            name=settings.stream,
            subjects=[entry_subjects(settings.prefix)],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_bytes=settings.stream_bytes,
            duplicate_window=settings.duplicate_window_s,
            num_replicas=settings.replicas,
        )
        manager: Any = self._client.jetstream(timeout=settings.answer_s)
        try:
            try:
                await manager.add_stream(stream)
            except BadRequestError as error:
                if error.err_code != _STREAM_EXISTS_OTHERWISE:
                    raise
                await manager.update_stream(stream)
        except LINK_ERRORS as error:
            self._doubt(repr(error))
        else:
            if not self._stream_works:
                _log.info("bus: the stream is there again")
            self._stream_works = True

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
