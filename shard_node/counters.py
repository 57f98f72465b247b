"""What a shard node counts while it works; plain numbers, told by `shard_node.metrics`.

One object per node: it outlives the sessions, so that counters never go back.
"""

from dataclasses import dataclass, field
from typing import Final, final

from flightmesh.errors import InvalidInput, Overloaded, Refused, SessionFenced, ShardMoving
from flightmesh.eventsourcing.record import Record
from flightmesh.ledger.writer import WriterStatistics
from flightmesh.runtime.metrics import Histogram

_PER_ENTRY: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

# Outcomes of commands that brought a record.
ACCEPTED: Final = "accepted"
UNCHANGED: Final = "unchanged"
REFUSED: Final = "refused"
# Outcomes of commands without a record of their own.
REPEATED: Final = "repeated"
FENCED: Final = "fenced"
FAILED: Final = "failed"
_OF_ERRORS: Final[dict[type[Exception], str]] = {
    Refused: REFUSED,
    InvalidInput: "invalid",
    ShardMoving: "moving",
    Overloaded: "overloaded",
    SessionFenced: FENCED,
}
OUTCOMES: Final = (ACCEPTED, UNCHANGED, REPEATED, *_OF_ERRORS.values(), FAILED)


@final
@dataclass(slots=True)
class ShardNodeCounters:
    """Counters of one node.

    Attributes:
        commands: commands answered, by outcome.
        command_s: seconds from a command's arrival to its answer, of those that were recorded.
        records: records per entry.
        found: lookups that found their aggregate in memory.
        loads: aggregates loaded from the store.
        dropped: aggregates that left the memory, to keep it within its bounds.
        sessions: sessions begun.
        fenced: sessions that were ended by their ledger's seal.
        failed: sessions that ended by a failure of their own.
        taken: shards claimed.
        released: shards given back.
        flushes_s: seconds that flushes of the aggregate index took.
        flush_failures: flushes that the store did not take.
        flushed_at_s: monotonic time of the last flush that wrote all there was, or of the first
            session's start; None before it.
        writer: of all sessions' ledgers.
    """

    commands: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    command_s: Histogram = field(default_factory=Histogram)
    records: Histogram = field(default_factory=lambda: Histogram(_PER_ENTRY))
    found: int = 0
    loads: int = 0
    dropped: int = 0
    sessions: int = 0
    fenced: int = 0
    failed: int = 0
    taken: int = 0
    released: int = 0
    flushes_s: Histogram = field(default_factory=Histogram)
    flush_failures: int = 0
    flushed_at_s: float | None = None
    writer: WriterStatistics = field(default_factory=WriterStatistics)

    def recorded(self, record: Record, seconds: float) -> None:
        """A command with a record was answered."""
        if record.rejection is not None:
            outcome = REFUSED
        elif record.events:
            outcome = ACCEPTED
        else:
            outcome = UNCHANGED
        self.commands[outcome] += 1
        self.command_s.observe(seconds)

    def answered(self, error: Exception, count: int = 1) -> None:
        """Commands were answered with an error."""
        self.commands[_OF_ERRORS.get(type(error), FAILED)] += count
