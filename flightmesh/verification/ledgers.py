"""Checks of ledgers: one writer (I1), no gap (I2), nothing after a seal (I3). Pure."""

from collections.abc import Iterable, Iterator, Sequence

from flightmesh.journal import SegmentState
from flightmesh.verification import Violation, violation
from flightmesh.verification.contents import LedgerContents


def check_ledgers(ledgers: Sequence[LedgerContents]) -> list[Violation]:
    """All that is wrong with each ledger and with their writers."""
    found = list(check_writers(ledgers))
    for contents in ledgers:
        found += check_segments(contents)
        numbers = NumberCheck(contents.ledger)
        for entry in contents.entries:
            numbers.see(entry.number)
        found += numbers.finish(contents)
        found += contents.unreadable
    return found


def check_writers(ledgers: Iterable[LedgerContents]) -> Iterator[Violation]:
    """I1: one token in all segments of a ledger, and no token in two ledgers."""
    ledger_of: dict[bytes, int] = {}
    for contents in ledgers:
        writers = {row.writer for row in contents.segments if row.writer}
        if len(writers) > 1:
            yield violation(
                "I1",
                "a ledger has several writers",
                ledger=contents.ledger,
                writers=" ".join(sorted(writer.hex() for writer in writers)),
            )
        for writer in writers:
            other = ledger_of.setdefault(writer, contents.ledger)
            if other != contents.ledger:
                yield violation(
                    "I1",
                    "a writer has two ledgers",
                    ledgers=f"{other} {contents.ledger}",
                    writer=writer.hex(),
                )


def check_segments(contents: LedgerContents) -> Iterator[Violation]:
    """I2 and I3 of the head rows: contiguous, rolled but for the last, nothing after a seal."""
    following = 0
    last = len(contents.segments) - 1
    for number, row in enumerate(contents.segments):
        place = {"ledger": contents.ledger, "segment": number}
        if row.first != following:
            yield violation(
                "I2",
                "a segment does not go on where the one before ends",
                first=row.first,
                expected=following,
                **place,
            )
        if row.head < row.first - 1:
            yield violation(
                "I2", "a segment ends before it begins", first=row.first, head=row.head, **place
            )
        if row.state is not SegmentState.ROLLED and number < last:
            yield violation(
                "I3", "a segment follows one that is not rolled", state=row.state.value, **place
            )
        if not row.writer and row.head >= row.first:
            yield violation(
                "I1", "a segment that a sealer made has entries", head=row.head, **place
            )
        following = row.head + 1


class NumberCheck:
    """I2 and I3 of a ledger's entries: 0, 1, 2 ... up to the head, and none beyond.

    Args:
        ledger: the ledger whose entries are shown by `see`, in the order of reading.
    """

    def __init__(self, ledger: int) -> None:
        self._ledger = ledger
        self._next = 0
        self._found: list[Violation] = []

    def see(self, number: int) -> None:
        """The next entry that was read."""
        if number != self._next:
            what = "an entry is missing" if number > self._next else "an entry number came twice"
            self._found.append(
                violation("I2", what, ledger=self._ledger, entry=number, expected=self._next)
            )
        self._next = max(self._next, number + 1)

    def finish(self, contents: LedgerContents) -> list[Violation]:
        """What was wrong, now that the head rows are known."""
        last = self._next - 1
        if last < contents.head:
            self._found.append(
                violation(
                    "I2",
                    "the head covers entries that are not there",
                    ledger=self._ledger,
                    head=contents.head,
                    last_entry=last,
                )
            )
        if last > contents.head:
            self._found.append(
                violation(
                    "I3" if contents.sealed else "I2",
                    "there are entries beyond the head",
                    ledger=self._ledger,
                    head=contents.head,
                    last_entry=last,
                )
            )
        return self._found
