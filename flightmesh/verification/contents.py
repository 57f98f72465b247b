"""What a journal holds, read as it is: nothing is repaired, skipped or believed.

`flightmesh.ledger.LedgerReader` stops at the first thing that cannot be; here it is told, and the
reading goes on.
"""

from collections.abc import AsyncIterator, Sequence

import msgspec

from flightmesh.codec.entries import decode_entry, record_of
from flightmesh.errors import CorruptData
from flightmesh.eventsourcing.record import Record
from flightmesh.journal import DirectoryRow, Journal, SegmentRow, SegmentState
from flightmesh.verification import Violation, violation

_BATCH = 512


class CommittedEntry(msgspec.Struct, frozen=True, gc=False):
    """One entry as stored.

    Attributes:
        ledger: the ledger it was found in.
        number: its number there.
        committed_at_us: the owner's clock when it sent the entry, microseconds since 1970 UTC.
        records: its records, in order.
    """

    ledger: int
    number: int
    committed_at_us: int
    records: tuple[Record, ...]


class LedgerContents(msgspec.Struct, gc=False):
    """One ledger as stored.

    Attributes:
        ledger: its number.
        node: the node that the directory names; empty if it has no row there.
        segments: head rows of its segments, from 0.
        entries: what was read, in order of segment and number.
        unreadable: what could not be read.
    """

    ledger: int
    node: str
    segments: list[SegmentRow] = []
    entries: list[CommittedEntry] = []
    unreadable: list[Violation] = []

    @property
    def sealed(self) -> bool:
        """Whether the ledger has ended."""
        return any(row.state is SegmentState.SEALED for row in self.segments)

    @property
    def head(self) -> int:
        """Number of the last entry, by the head rows; -1 if there is none."""
        return self.segments[-1].head if self.segments else -1


async def read_contents(journal: Journal) -> list[LedgerContents]:
    """All ledgers with all their entries. For stores that fit in memory; see `walk_ledger`.

    Raises:
        StoreUnavailable: the journal cannot be read just now.
    """
    ledgers = []
    for row in await journal.list_directory():
        contents = LedgerContents(row.ledger, row.node)
        async for entry in walk_ledger(journal, row, contents):
            contents.entries.append(entry)
        ledgers.append(contents)
    return ledgers


async def walk_ledger(
    journal: Journal, row: DirectoryRow, into: LedgerContents
) -> AsyncIterator[CommittedEntry]:
    """A ledger's entries in order; everything but the entries goes into `into`.

    Each segment is read up to its head at that time, and what lies beyond a head that does not move
    as well. Called again with the same `into` it goes on there: it gives what came since. One
    segment beyond the last is asked for: after a seal there must be none (I3).

    Raises:
        StoreUnavailable: the journal cannot be read just now.
    """
    segment = max(0, len(into.segments) - 1)
    known = into.segments.pop() if into.segments else None
    head_row = await journal.read_segment(row.ledger, segment)
    while head_row is not None:
        number = head_row.first if known is None else known.head + 1
        following: SegmentRow | None = None
        while True:
            while number <= head_row.head:
                limit = min(_BATCH, head_row.head + 1 - number)
                batch = await journal.read_entries(row.ledger, segment, number, limit)
                for found, data in batch:
                    yield _decoded(row.ledger, found, data, into)
                # Where nothing comes although the head says so, or what came before comes again (a
                # damaged file does that), the segment is left; `check_ledgers` tells what lacks.
                goes_on = batch and batch[-1][0] >= number
                number = batch[-1][0] + 1 if goes_on else head_row.head + 1
            following = await journal.read_segment(row.ledger, segment + 1)
            if following is None or head_row.state is not SegmentState.OPEN:
                break
            # The ledger may have gone on since the row was read: a live one is no violation.
            again = await journal.read_segment(row.ledger, segment)
            if again is None or again == head_row:
                break
            head_row = again
        for found, data in await _beyond(journal, row.ledger, segment, head_row):
            yield _decoded(row.ledger, found, data, into)
        into.segments.append(head_row)
        segment, head_row, known = segment + 1, following, None


async def _beyond(
    journal: Journal, ledger: int, segment: int, head_row: SegmentRow
) -> Sequence[tuple[int, bytes]]:
    """Entries above the head: there are none, unless the head has moved on since."""
    found = await journal.read_entries(ledger, segment, head_row.head + 1, _BATCH)
    if found and head_row.state is SegmentState.OPEN:
        again = await journal.read_segment(ledger, segment)
        if again is not None:
            return [each for each in found if each[0] > again.head]
    return found


async def read_rows(journal: Journal, ledger: int) -> list[SegmentRow]:
    """The head rows of a ledger's segments, each as it is when it is read.

    Raises:
        StoreUnavailable: the journal cannot be read just now.
    """
    rows: list[SegmentRow] = []
    while not rows or rows[-1].state is SegmentState.ROLLED:
        row = await journal.read_segment(ledger, len(rows))
        if row is None:
            break
        rows.append(row)
    return rows


def _decoded(ledger: int, number: int, data: bytes, into: LedgerContents) -> CommittedEntry:
    """The entry; one that cannot be read counts as one without records."""
    try:
        named_ledger, named_number, committed_at_us, messages = decode_entry(data)
        records = tuple([record_of(message) for message in messages])
    except CorruptData as error:
        into.unreadable.append(
            violation("I2", "an entry cannot be read", ledger=ledger, entry=number, error=error)
        )
        return CommittedEntry(ledger, number, 0, ())
    if (named_ledger, named_number) != (ledger, number):
        into.unreadable.append(
            violation(
                "I2",
                "an entry names another place than its own",
                ledger=ledger,
                entry=number,
                named=f"{named_ledger}:{named_number}",
            )
        )
    return CommittedEntry(ledger, number, committed_at_us, records)


def all_entries(ledgers: Sequence[LedgerContents]) -> list[CommittedEntry]:
    """The entries of all ledgers, ledger by ledger; ledgers are no order of events (rule 24)."""
    return [entry for contents in ledgers for entry in contents.entries]
