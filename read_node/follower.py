"""Follows all ledgers: replays them, then listens to the bus and repairs from the journal.

The bus is a hint, the journal the truth. A message may be lost, repeated, late or damaged: what
comes twice is dropped, a gap fetched at once, a heartbeat shows a lost last message, and a ledger
that is silent for 2 s is asked for at the store (rules 22, 23). Nothing here waits for the bus.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol, final

from flightmesh.clock import Clock
from flightmesh.errors import (
    CorruptData,
    FlightmeshError,
    ProtocolViolation,
    RetryableError,
    StoreError,
)
from flightmesh.event_bus import BusMessage, EventBus, LedgerHeartbeat
from flightmesh.journal import Journal
from flightmesh.ledger.reader import LedgerReader
from flightmesh.runtime.logs import fields
from flightmesh.runtime.metrics import Histogram
from flightmesh.runtime.trouble import Trouble
from read_node.progress import Progress
from read_node.projection import Projection, StoredRecord
from read_node.sequencer import NOTHING, LedgerProgress, Sequencer

_log = logging.getLogger(__name__)

# What may go wrong, as logged.
_JOURNAL: Final = "the journal cannot be read"
_BUS: Final = "the bus failed"
_DIRECTORY: Final = "the directory of ledgers cannot be read"
_LEDGER: Final = "a ledger cannot be read"


class StoredEntry(Protocol):
    """An entry as stored; see flightmesh.api.journal.v1.Entry."""

    committed_at_us: int

    @property
    def records(self) -> Sequence[StoredRecord]:
        """Its records."""


# Reads an entry from its bytes: (ledger, number, data); raises CorruptData.
Decode = Callable[[int, int, bytes], StoredEntry]


@dataclass(frozen=True, slots=True)
class FollowerLimits:
    """Times and bounds of a follower.

    Attributes:
        poll_s: seconds between two looks at the directory.
        silence_s: seconds of silence after which a ledger is asked for at the store.
        retry_s: seconds before the store is asked again after an error.
        damage_limit_s: seconds after which a replay that meets the same damage is given up.
        slice_s: seconds of work after which other tasks get their turn.
        held_records: while more are held back, ledgers are read in turns.
        lanes_per_slice: lanes checked at a time after a replay.
    """

    poll_s: float = 1.0
    silence_s: float = 2.0
    retry_s: float = 0.5
    damage_limit_s: float = 4.0
    slice_s: float = 0.005
    held_records: int = 20_000
    lanes_per_slice: int = 50


@dataclass(slots=True)
class FollowerStatistics:
    """What a follower has seen.

    Attributes:
        entries: entries applied.
        messages: messages heard from the bus.
        duplicates: messages dropped because their entry was known.
        gaps: messages that came before an entry that is missing.
        repairs: reads of the journal that brought entries after the first replay.
        alarms: entries or stores that could not be read.
        visible_s: seconds from an entry's commit to its being applied, of those that came after
            the first replay.
    """

    entries: int = 0
    messages: int = 0
    duplicates: int = 0
    gaps: int = 0
    repairs: int = 0
    alarms: int = 0
    visible_s: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class _Tail:
    ledger: int
    reader: LedgerReader
    progress: LedgerProgress
    heard_at: float
    newest: int = NOTHING  # the last entry heard of
    age_s: float = 0.0  # from commit to application, of the last entry applied
    # An entry heard of that was not applied at once, and since when; NOTHING where all were.
    awaited: int = NOTHING
    awaited_since: float = 0.0

    def note_awaited(self, now_s: float) -> None:
        """To be called when entries were heard of or applied."""
        if self.progress.applied >= self.awaited:
            behind = self.newest > self.progress.applied
            self.awaited, self.awaited_since = (self.newest if behind else NOTHING), now_s


@final
class Follower:
    """Feeds a projection with all entries of all ledgers, in the order of shards.

    Args:
        journal: where the entries are.
        bus: where new ones are told of.
        clock: for silence and pauses.
        projection: what is fed.
        decode: reads an entry.
        limits: times and bounds.

    Attributes:
        sequencer: what has been read of each ledger, and what is held back.
        progress: the position.
        whole: whether all of each entry is applied, or none; false for ever once one failed midway.
        ready: set when everything known at the start has been applied.
        statistics: counters.
    """

    def __init__(
        self,
        journal: Journal,
        bus: EventBus,
        clock: Clock,
        *,
        projection: Projection,
        decode: Decode,
        limits: FollowerLimits = FollowerLimits(),
    ) -> None:
        self._journal = journal
        self._bus = bus
        self._clock = clock
        self._projection = projection
        self._decode = decode
        self._limits = limits
        self.sequencer = Sequencer(projection.apply)
        self._tails: dict[int, _Tail] = {}
        self._wanted: set[int] = set()
        self._work = asyncio.Event()
        self._slice_began = 0.0
        self._heard_at = 0.0
        self._going = asyncio.Event()
        self._going.set()
        self.progress = Progress(self.sequencer.ledgers)
        self.whole = True
        self.ready = asyncio.Event()
        self.statistics = FollowerStatistics()
        self._troubles = {
            what: Trouble(_log, what, clock.monotonic_s, logging.ERROR)
            for what in (_JOURNAL, _BUS, _DIRECTORY, _LEDGER)
        }

    @property
    def held(self) -> int:
        """Records held back until an earlier one of their shard comes."""
        return self.sequencer.held

    @property
    def behind(self) -> int:
        """Entries that were heard of and are not applied yet."""
        tails = self._tails.values()
        return sum(max(0, tail.newest - tail.progress.applied) for tail in tails)

    @property
    def ledgers(self) -> tuple[int, int]:
        """Number of ledgers known, and of those that are sealed and wholly read."""
        return len(self._tails), sum(tail.progress.finished for tail in self._tails.values())

    def lag_s(self) -> float:
        """How far it lags, as far as it can know: the greatest of these, in seconds.

        * The time since it heard of an entry that is not applied yet.
        * The age of an entry when it was applied, until more is heard of its ledger. This rests on
          the clocks of two machines.
        * While nothing at all comes from the bus: the time since a ledger that may grow was last
          heard of or read.
        """
        now = self._clock.monotonic_s()
        silence_s = self._limits.silence_s
        deaf = now - self._heard_at > silence_s
        lag_s = 0.0
        for tail in self._tails.values():
            if tail.progress.finished and not tail.progress.held:
                continue
            tail.note_awaited(now)
            if tail.awaited != NOTHING:
                lag_s = max(lag_s, now - tail.awaited_since)
            since = now - tail.heard_at
            if since <= silence_s:
                lag_s = max(lag_s, tail.age_s)
            elif deaf and not tail.progress.finished:
                lag_s = max(lag_s, since)
        return lag_s

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """While this is open nothing is applied and the findings are settled; queries go on.

        Raises:
            ProtocolViolation: an entry failed midway; the model is not to be trusted any more.
        """
        self._going.clear()
        try:
            if not self.whole:
                raise ProtocolViolation("an entry is applied in part")
            await self._settle()
            yield
        finally:
            self._going.set()

    async def run(self) -> None:
        """Replays, then follows until cancelled.

        Raises:
            ProtocolViolation: the ledgers contradict each other.
            CorruptData: an entry of the replay cannot be read, however often it is tried.
        """
        began_s = self._clock.monotonic_s()
        await self._catch_up()
        subscription = self._bus.subscribe()
        # What was committed between the replay and the subscription.
        await self._catch_up()
        while self.sequencer.held:
            # Earlier events lie in a ledger that was not in the directory yet.
            named = fields(records=self.sequencer.held)
            _log.warning("records wait for earlier ones of their shards", extra=named)
            await self._clock.sleep(self._limits.retry_s)
            await self._catch_up()
        await self._settle()
        self._heard_at = self._clock.monotonic_s()
        seconds = round(self._heard_at - began_s, 3)
        _log.info("caught up", extra=fields(entries=self.statistics.entries, seconds=seconds))
        self.ready.set()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(subscription), name="read-node/listen")
                group.create_task(self._poll(), name="read-node/poll")
                group.create_task(self._repair(), name="read-node/repair")
        finally:
            # A model that is no longer fed must not be asked.
            self.ready.clear()

    # Replay

    async def _catch_up(self) -> None:
        damaged_since: float | None = None
        while True:
            try:
                await self._look_at_directory()
                # Ascending, because a later session most often continues an earlier one's shards.
                while sum([await self._drain(tail) for tail in self._in_order()]):
                    damaged_since = None
            except StoreError as error:
                now = self._clock.monotonic_s()
                if not isinstance(error, CorruptData):
                    damaged_since = None
                elif damaged_since is None:
                    damaged_since = now
                elif now - damaged_since > self._limits.damage_limit_s:
                    # What is stored does not mend itself, and a node that has never been ready is
                    # missed by nobody: whoever starts it is told why it cannot serve.
                    raise
                await self._alarm(_JOURNAL, error)
            else:
                self._troubles[_JOURNAL].over()
                return

    async def _settle(self) -> None:
        """Brings all findings up to date, in slices."""
        began = self._clock.monotonic_s()
        while not self._projection.settle(self._limits.lanes_per_slice):
            if self._clock.monotonic_s() - began > self._limits.slice_s:
                await asyncio.sleep(0)
                began = self._clock.monotonic_s()

    def _in_order(self) -> list[_Tail]:
        tails = [self._tails[ledger] for ledger in sorted(self._tails)]
        return [tail for tail in tails if not tail.progress.finished]

    async def _look_at_directory(self) -> None:
        for row in await self._journal.list_directory():
            self._tail(row.ledger)

    def _tail(self, ledger: int) -> _Tail:
        tail = self._tails.get(ledger)
        if tail is None:
            reader = LedgerReader(self._journal, ledger)
            progress = self.sequencer.ledger(ledger)
            # Never heard of: to be asked for at the next look.
            tail = _Tail(ledger, reader, progress, self._clock.monotonic_s() - 1e9)
            self._tails[ledger] = tail
        return tail

    async def _drain(self, tail: _Tail) -> int:
        """Reads a ledger as far as it goes; returns the number of entries it brought."""
        count = 0
        progress = tail.progress
        while not progress.finished:
            if tail.reader.next_number > progress.next:
                # An entry that was read could not be applied: it is read again, never passed over.
                tail.reader = LedgerReader(self._journal, tail.ledger, progress.next)
            tail.reader.skip_to(progress.next)
            batch = await tail.reader.read_batch()
            tail.heard_at = self._clock.monotonic_s()
            if not batch:
                if tail.reader.finished:
                    progress.finished = True
                    self.progress.moved()
                return count
            for number, data in batch:
                await self._breathe()
                count += self._take(tail, number, data)
            if self.sequencer.held > self._limits.held_records:
                return count  # what fills the holes is in other ledgers
        return count

    def _take(self, tail: _Tail, number: int, data: bytes) -> bool:
        """Applies an entry if it is the ledger's next one; returns whether it was."""
        if number != tail.progress.next:
            return False
        entry = self._decode(tail.ledger, number, data)
        self.whole = False
        self.sequencer.accept(tail.progress, entry.records)
        self.whole = True
        self.statistics.entries += 1
        if self.ready.is_set():
            age_us = self._clock.now_us() - entry.committed_at_us
            # The writer's clock may be ahead of this one.
            tail.age_s = max(0, age_us) / 1e6
            self.statistics.visible_s.observe(tail.age_s)
        self.progress.moved()
        return True

    async def _breathe(self) -> None:
        """Gives others their turn; to be called before each entry, for it may be time to rest."""
        now = self._clock.monotonic_s()
        if now - self._slice_began > self._limits.slice_s:
            await asyncio.sleep(0)
            self._slice_began = self._clock.monotonic_s()
        if not self._going.is_set():
            await self._going.wait()

    # Following

    async def _listen(self, messages: AsyncIterator[BusMessage]) -> None:
        while True:
            try:
                async for message in messages:
                    await self._breathe()
                    self._troubles[_BUS].over()
                    self._on_message(message)
            except (RetryableError, StoreError) as error:
                await self._alarm(_BUS, error)
            await self._clock.sleep(self._limits.retry_s)
            messages = self._bus.subscribe()

    def _on_message(self, message: BusMessage) -> None:
        tail = self._tail(message.ledger)
        tail.heard_at = self._heard_at = self._clock.monotonic_s()
        self.statistics.messages += 1
        following = tail.progress.next
        tail.newest = max(tail.newest, _newest_of(message))
        if isinstance(message, LedgerHeartbeat):
            if message.head >= following:
                self._want(tail)
            else:
                tail.age_s = 0.0
        elif message.number < following:
            self.statistics.duplicates += 1
        elif message.number > following:
            self.statistics.gaps += 1
            self._want(tail)
        else:
            try:
                self._take(tail, message.number, message.data)
            except CorruptData as error:
                # Damaged on its way, or in the journal too: the journal tells.
                named = fields(ledger=message.ledger, entry=message.number)
                _log.warning("a message was damaged: %s", error, extra=named)
                self._want(tail)
            self._projection.settle()
        tail.note_awaited(tail.heard_at)

    def _want(self, tail: _Tail) -> None:
        self._wanted.add(tail.ledger)
        self._work.set()

    async def _poll(self) -> None:
        while True:
            await self._clock.sleep(self._limits.poll_s)
            try:
                await self._look_at_directory()
            except StoreError as error:
                await self._alarm(_DIRECTORY, error)
                continue
            self._troubles[_DIRECTORY].over()
            silent_since = self._clock.monotonic_s() - self._limits.silence_s
            for tail in self._in_order():
                if tail.heard_at <= silent_since:
                    self._want(tail)

    async def _repair(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            wanted, self._wanted = sorted(self._wanted), set()
            for ledger in wanted:
                await self._repair_ledger(self._tails[ledger])

    async def _repair_ledger(self, tail: _Tail) -> None:
        try:
            first = tail.progress.next
            if count := await self._drain(tail):
                self.statistics.repairs += 1
                self._projection.settle()
                named = fields(ledger=tail.ledger, entry=first, entries=count)
                _log.info("entries that the bus had not brought were read", extra=named)
        except StoreError as error:
            self._want(tail)
            await self._alarm(_LEDGER, error, ledger=tail.ledger)
        else:
            self._troubles[_LEDGER].over(ledger=tail.ledger)

    async def _alarm(self, what: str, error: FlightmeshError, **about: int) -> None:
        self.statistics.alarms += 1
        self._troubles[what].met(error, **about)
        await self._clock.sleep(self._limits.retry_s)


def _newest_of(message: BusMessage) -> int:
    return message.head if isinstance(message, LedgerHeartbeat) else message.number
