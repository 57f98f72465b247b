"""Care of the stream that keeps entries for a while: makes it, and replaces it when it is stuck.

nats-server 2.15 takes nothing more for a stream once its disk was full, even when there is room
again: it does not acknowledge and does not refuse. What the stream holds is a hint and lies in the
journal too, so such a stream is deleted and made anew.
"""

import logging
from typing import Any, Final, final

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError

from flightmesh.clock import Clock
from flightmesh.event_bus.jetstream_settings import JetStreamSettings

_log = logging.getLogger(__name__)

# What nats-py raises when a connection fails, its own bugs at such moments included.
LINK_ERRORS: Final = (NatsError, OSError, TimeoutError, EOFError, AttributeError, RuntimeError)
_STREAM_EXISTS_OTHERWISE: Final = 10058


@final
class StreamKeeper:
    """Sees to it that there is a stream that takes entries.

    Args:
        client: a connected client.
        settings: the stream's.
        clock: for how long it has been stuck.

    Attributes:
        replaced: how often the stream was replaced.
    """

    def __init__(self, client: Client, settings: JetStreamSettings, clock: Clock) -> None:
        self.replaced = 0
        self._settings = settings
        self._clock = clock
        self._manager: Any = client.jetstream(timeout=settings.answer_s)
        self._doubted = False
        self._reported = False
        self._stuck_at = -1
        self._stuck_since_s = 0.0

    def works(self) -> None:
        """Told when an entry was acknowledged."""
        self._doubted = False
        self._stuck_at = -1
        if self._reported:
            self._reported = False
            _log.info("bus: entries are stored again")

    def doubt(self, reason: str) -> None:
        """Told when an entry was refused, or not acknowledged in time."""
        self._doubted = True
        if not self._reported:
            self._reported = True
            _log.warning("bus: entries are not stored, readers get them all the same: %s", reason)

    async def mend(self) -> None:
        """Looks at the stream if there is doubt; makes it if it is gone, replaces it if stuck."""
        if not self._doubted:
            return
        self._doubted = False
        last = await self.ensure()
        now_s = self._clock.monotonic_s()
        if last != self._stuck_at:
            self._stuck_at, self._stuck_since_s = last, now_s
        elif last >= 0 and now_s - self._stuck_since_s >= self._settings.stuck_s:
            await self._replace()

    async def ensure(self) -> int:
        """Makes the stream, or gives it our settings. A failure is told of by the log alone.

        Returns:
            The number of the stream's last message; -1 if it cannot be had.
        """
        try:
            return await self._make()
        except LINK_ERRORS as error:
            self.doubt(repr(error))
            return -1

    async def _make(self) -> int:
        settings = self._settings
        stream = StreamConfig(
            name=settings.stream,
            subjects=[settings.stream_subjects],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_bytes=settings.stream_bytes,
            duplicate_window=settings.duplicate_window_s,
            num_replicas=settings.replicas,
        )
        try:
            info = await self._manager.add_stream(stream)
        except BadRequestError as error:
            if error.err_code != _STREAM_EXISTS_OTHERWISE:
                raise
            info = await self._manager.update_stream(stream)
        return int(info.state.last_seq)

    async def _replace(self) -> None:
        _log.warning("bus: stream %s takes nothing, replacing it", self._settings.stream)
        self._stuck_at = -1
        try:
            await self._manager.delete_stream(self._settings.stream)
        except LINK_ERRORS as error:
            self.doubt(repr(error))
            return
        self.replaced += 1
        await self.ensure()
