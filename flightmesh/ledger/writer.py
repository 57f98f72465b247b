"""The one writer of a ledger: appends entries, rolls segments, learns that it is fenced.

One request is under way at any time (rule 17). Each is repeated unchanged until the store gives a
definite answer, and nothing is sent after one whose outcome is unknown. A writer whose caller gave
up in the middle of a request is of no further use: what it sent may yet arrive.

Every answer is read the same way: the row shows our own request in (it was applied, now or by an
earlier try), or shows another's hand (the session is fenced), or shows neither, which cannot be.
"""

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar, final

from flightmesh.clock import Clock
from flightmesh.errors import ProtocolViolation, SessionFenced
from flightmesh.journal import Conditional, Journal, SegmentState
from flightmesh.ledger.persistence import DEFAULT_BACKOFF, Backoff, until_definite
from flightmesh.runtime.logs import fields
from flightmesh.runtime.metrics import Histogram

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SegmentBounds:
    """When a segment is full; it is rolled before the next entry.

    Attributes:
        entries: number of entries.
        bytes: sum of their sizes.
    """

    entries: int = 20_000
    bytes: int = 64 * 1024 * 1024


DEFAULT_BOUNDS: Final = SegmentBounds()
# From one small record to the largest entry that is gathered, and beyond.
_ENTRY_BYTES: Final = tuple(float(256 << 2 * n) for n in range(8))


@dataclass(slots=True)
class WriterStatistics:
    """Counters of the writers of one node, for metrics.

    Attributes:
        entries: entries appended.
        bytes: their sizes together.
        rolls: segments rolled.
        repeats: requests sent again because their outcome was unknown or the store unavailable.
        append_s: seconds that appends took, with their repeats and rolls.
        entry_bytes: sizes of the entries appended.
    """

    entries: int = 0
    bytes: int = 0
    rolls: int = 0
    repeats: int = 0
    append_s: Histogram = field(default_factory=Histogram)
    entry_bytes: Histogram = field(default_factory=lambda: Histogram(_ENTRY_BYTES))


class Verdict(enum.Enum):
    """What a conditional write's answer means to the writer."""

    OURS = "ours"  # it is in, by this try or an earlier one
    FENCED = "fenced"  # another's hand is on the segment
    IMPOSSIBLE = "impossible"  # neither: an invariant does not hold


def judge(answer: Conditional, token: bytes, state: SegmentState, head: int) -> Verdict:
    """Reads the answer to a request that would leave the row in `state` at `head`. Pure."""
    row = answer.row
    if answer.applied:
        return Verdict.OURS
    if row is None:
        return Verdict.IMPOSSIBLE
    if row.writer != token or row.state is SegmentState.SEALED:
        return Verdict.FENCED
    return Verdict.OURS if row.state is state and row.head == head else Verdict.IMPOSSIBLE


class _State(enum.Enum):
    READY = "ready"
    BUSY = "busy"
    IN_DOUBT = "in doubt"  # a request was abandoned with its outcome unknown
    FENCED = "fenced"


@final
class LedgerWriter:
    """Appends to the ledger of one session. Made by `flightmesh.ledger.birth.give_birth`.

    Attributes:
        ledger: number of the ledger, which is the session's id.
        statistics: counters for metrics.
    """

    def __init__(
        self,
        journal: Journal,
        ledger: int,
        token: bytes,
        clock: Clock,
        *,
        bounds: SegmentBounds = DEFAULT_BOUNDS,
        backoff: Backoff = DEFAULT_BACKOFF,
        statistics: WriterStatistics | None = None,
    ) -> None:
        self.ledger = ledger
        self.statistics = WriterStatistics() if statistics is None else statistics
        self._journal = journal
        self._token = token
        self._clock = clock
        self._bounds = bounds
        self._backoff = backoff
        self._state = _State.READY
        self._segment = 0
        self._segment_first = 0
        self._segment_bytes = 0
        self._head = -1

    @property
    def next_number(self) -> int:
        """Number that the next entry gets."""
        return self._head + 1

    @property
    def head(self) -> int:
        """Number of the last entry known to be in; -1 if there is none."""
        return self._head

    @property
    def segment(self) -> int:
        """Number of the segment that is written to."""
        return self._segment

    @property
    def fenced(self) -> bool:
        """Whether nothing can be appended any more."""
        return self._state in (_State.FENCED, _State.IN_DOUBT)

    async def append(self, data: bytes) -> int:
        """Adds an entry; returns its number once it is in, durably.

        Await one append before the next. Cancelling it leaves the writer useless, because what was
        sent may still arrive.

        Raises:
            SessionFenced: the entry is not in and never will be (or, after an append that was
                cancelled, nobody here can tell); the session is over.
            ProtocolViolation: two appends at once, or the store shows what cannot be.
        """
        self._begin()
        started = self._clock.monotonic_s()
        try:
            if self._is_full():
                await self._roll()
            await self._add(data)
        except BaseException:
            # Rule 17: nothing follows a request of unknown outcome, and one that was cancelled
            # under way is such a request.
            if self._state is _State.BUSY:
                self._state = _State.IN_DOUBT
            raise
        self.statistics.append_s.observe(self._clock.monotonic_s() - started)
        if self._state is _State.BUSY:
            self._state = _State.READY
        return self._head

    def _begin(self) -> None:
        if self._state is _State.BUSY:
            raise ProtocolViolation(f"two requests at once for ledger {self.ledger}")
        if self._state is not _State.READY:
            raise SessionFenced(
                f"the session of ledger {self.ledger} is over ({self._state.value})"
            )
        self._state = _State.BUSY

    def _is_full(self) -> bool:
        entries = self._head + 1 - self._segment_first
        return entries > 0 and (
            entries >= self._bounds.entries or self._segment_bytes >= self._bounds.bytes
        )

    async def _add(self, data: bytes) -> None:
        number, segment = self._head + 1, self._segment
        # Rule 17: number and content are bound here; every repeat sends the same.
        answer = await self._send(
            lambda: self._journal.append(self.ledger, segment, self._token, number, data)
        )
        # Rule 2: not applied, yet the head is this number under our token: an earlier try is in.
        if self._finds_us_fenced("append", answer, SegmentState.OPEN, number):
            # Rule 18: a refused repeat may be in by an earlier try, with the seal after it. One
            # linearizable read decides before anybody is told anything.
            row = await self._send(lambda: self._journal.read_segment(self.ledger, segment))
            if row is None or row.writer != self._token or row.head < number:
                raise SessionFenced(f"ledger {self.ledger} was sealed before entry {number}")
        self._head = number
        self._segment_bytes += len(data)
        self.statistics.entries += 1
        self.statistics.bytes += len(data)
        self.statistics.entry_bytes.observe(len(data))

    async def _roll(self) -> None:
        """Continues in the next segment (rule 21): the marker first, then the segment."""
        segment, head = self._segment, self._head
        answer = await self._send(
            lambda: self._journal.roll(self.ledger, segment, self._token, head)
        )
        if self._finds_us_fenced("roll", answer, SegmentState.ROLLED, head):
            raise SessionFenced(f"ledger {self.ledger} was sealed at entry {head}")
        # The marker is definitely in: a sealer that comes now goes on to the next segment and
        # creates it sealed. Whoever creates it first, it or this request, decides.
        answer = await self._send(
            lambda: self._journal.open_segment(self.ledger, segment + 1, self._token, head + 1)
        )
        if self._finds_us_fenced("open", answer, SegmentState.OPEN, head):
            raise SessionFenced(f"ledger {self.ledger} was sealed at entry {head}")
        self._segment, self._segment_first, self._segment_bytes = segment + 1, head + 1, 0
        self.statistics.rolls += 1

    async def _send(self, request: Callable[[], Awaitable[T]]) -> T:
        about = fields(ledger=self.ledger, segment=self._segment, entry=self._head + 1)
        return await until_definite(request, self._clock, self._backoff, self._count_repeat, about)

    def _count_repeat(self) -> None:
        self.statistics.repeats += 1

    def _finds_us_fenced(
        self, what: str, answer: Conditional, state: SegmentState, head: int
    ) -> bool:
        """Reads an answer; True if another's hand is on the ledger.

        Raises:
            ProtocolViolation: the row is neither our doing nor anybody else's.
        """
        verdict = judge(answer, self._token, state, head)
        if verdict is Verdict.OURS:
            return False
        self._state = _State.FENCED
        if verdict is Verdict.IMPOSSIBLE:
            raise ProtocolViolation(
                f"{what} in ledger {self.ledger}, segment {self._segment}: found {answer.row}"
            )
        return True
