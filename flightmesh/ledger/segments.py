"""Finding one's way in a ledger of many segments without reading each."""

from typing import Final

from flightmesh.journal import Journal, SegmentRow, SegmentState

MAX_ENTRIES: Final = 1 << 62
"""More entries than any ledger has."""


async def find_last_rolled(
    journal: Journal, ledger: int, segment: int, row: SegmentRow, before: int
) -> tuple[int, SegmentRow]:
    """The last segment that is rolled and ends below an entry number; its number and row.

    Segments are rolled one after another, so those that are form an unbroken row from 0 on: it is
    felt for by doubling steps, then halved. All that is returned was read as rolled, which is for
    ever (rule 21): the next segment may be gone on with as if each one had been read.

    Args:
        journal: where the ledger is kept.
        ledger: the ledger.
        segment: a segment known to be rolled.
        row: its row.
        before: the entry number.

    Raises:
        StoreUnavailable, OutcomeUnknown: try again.
    """
    last, beyond, step = segment, -1, 1
    while beyond < 0 or beyond - last > 1:
        probe = last + step if beyond < 0 else (last + beyond) // 2
        found = await journal.read_segment(ledger, probe)
        if found is not None and found.state is SegmentState.ROLLED and found.head < before:
            last, row, step = probe, found, 2 * step
        else:
            beyond = probe
    return last, row
