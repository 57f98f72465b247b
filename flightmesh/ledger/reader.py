"""Reading a ledger from any entry on, across its segments, until it is finished.

Rule 22: the state of a segment is read before its entries, and its head column, not the absence of
further entries, says where it ends. Errors of the store pass to the caller, who tries again: a
failed call leaves the reader where it was.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, final

from flightmesh.errors import CorruptData
from flightmesh.journal import Journal, SegmentRow, SegmentState
from flightmesh.ledger.segments import find_last_rolled

DEFAULT_BATCH: Final = 256


@final
class LedgerReader:
    """Follows one ledger.

    A reader that also gets entries from elsewhere (the bus) tells it by `skip_to`.

    Attributes:
        ledger: the ledger.
    """

    def __init__(
        self, journal: Journal, ledger: int, next_number: int = 0, batch: int = DEFAULT_BATCH
    ) -> None:
        self.ledger = ledger
        self._journal = journal
        self._next = next_number
        self._batch = batch
        self._segment = 0
        # The row of the current segment as last read. An open one may have grown since; any other
        # is final.
        self._row: SegmentRow | None = None
        self._head_before = -1  # last entry of the segments before the current one

    @property
    def next_number(self) -> int:
        """Number of the entry that is read next."""
        return self._next

    @property
    def finished(self) -> bool:
        """Whether the ledger is sealed and all its entries have been read or skipped."""
        return self.sealed_at is not None and self._next > self.sealed_at

    @property
    def sealed_at(self) -> int | None:
        """Number of the last entry, once the ledger has been seen sealed; -1 if it has none."""
        row = self._row
        return row.head if row is not None and row.state is SegmentState.SEALED else None

    def skip_to(self, next_number: int) -> None:
        """Leaves out the entries below that number; never goes back."""
        self._next = max(self._next, next_number)

    async def read_batch(self) -> Sequence[tuple[int, bytes]]:
        """The next entries, numbered without gap; none if there are no more for now.

        Raises:
            CorruptData: an entry that the ledger's head covers is missing (I2).
            StoreUnavailable: try again.
        """
        head = await self._find_segment()
        if head is None or self._next > head:
            return []
        limit = min(self._batch, head - self._next + 1)
        entries = await self._journal.read_entries(self.ledger, self._segment, self._next, limit)
        numbers = [number for number, _ in entries]
        if not numbers or numbers != list(range(self._next, self._next + len(numbers))):
            raise CorruptData(
                f"ledger {self.ledger} has no entry {self._next}, though its head is {head}"
            )
        self._next += len(numbers)
        return entries

    async def entries(self) -> AsyncIterator[tuple[int, bytes]]:
        """Entries until there are no more for now."""
        while batch := await self.read_batch():
            for entry in batch:
                yield entry

    async def find_head(self) -> int:
        """Asks the store for the number of the last entry; -1 if there is none."""
        row, segment = self._row, self._segment
        if row is None or row.state is SegmentState.OPEN:
            row = await self._journal.read_segment(self.ledger, segment)
        head = self._head_before if row is None else row.head
        while row is not None and row.state is SegmentState.ROLLED:
            segment += 1
            row = await self._journal.read_segment(self.ledger, segment)
            head = head if row is None else row.head
        return head

    async def _find_segment(self) -> int | None:
        """Moves to the segment that has the next entry; its head, or None if it does not exist."""
        while True:
            row = self._row
            if row is None or (row.state is SegmentState.OPEN and self._next > row.head):
                row = self._row = await self._journal.read_segment(self.ledger, self._segment)
            if row is None:
                return None
            if row.state is not SegmentState.ROLLED or self._next <= row.head:
                return row.head
            segment = self._segment
            if self._next > row.head + 1:
                # Far away: a ledger that lived for days has hundreds of segments.
                segment, row = await find_last_rolled(
                    self._journal, self.ledger, segment, row, self._next
                )
            self._segment, self._row, self._head_before = segment + 1, None, row.head
