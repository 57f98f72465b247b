"""Ending a ledger for ever, whatever its writer is doing (rules 3 and 21).

The seal is the fence: when `seal_ledger` has returned, nothing that the ledger's session still
sends, at any time later, can come in.
"""

from functools import partial

from flightmesh.clock import Clock
from flightmesh.errors import ProtocolViolation
from flightmesh.journal import Journal, SegmentState
from flightmesh.ledger.persistence import DEFAULT_BACKOFF, Backoff, until_definite
from flightmesh.ledger.segments import MAX_ENTRIES, find_last_rolled
from flightmesh.runtime.logs import fields


async def seal_ledger(
    journal: Journal, ledger: int, clock: Clock, backoff: Backoff = DEFAULT_BACKOFF
) -> int:
    """Seals a ledger; returns the number of its last entry, -1 if it has none.

    Idempotent: a sealed ledger shows its last number again. A ledger that does not exist is
    created sealed, so that its session cannot open it later (rule 3). Unknown outcomes are
    repeated without limit of time; cancel it to give up, and call it again to go on.

    Args:
        journal: where the ledger is kept.
        ledger: the ledger.
        clock: for the pauses between repeats.
        backoff: pauses between repeats.

    Raises:
        ProtocolViolation: the store shows a segment that cannot be.
    """
    # Rule 21: the walk begins at segment 0 and goes on only behind a segment read as rolled; a hint
    # at a later one might run ahead of the ledger and leave the open segment unsealed.
    segment, first = 0, 0
    while True:
        seal = partial(journal.seal, ledger, segment, first)
        about = fields(ledger=ledger, segment=segment)
        row = (await until_definite(seal, clock, backoff, None, about)).row
        if row is None or row.state is SegmentState.OPEN or row.first != first:
            raise ProtocolViolation(
                f"sealing segment {segment} of ledger {ledger} from {first}: found {row}"
            )
        if row.state is SegmentState.SEALED:
            return row.head
        # Rolled is not sealed: behind the last marker the next segment is sealed, or created so.
        walk = partial(find_last_rolled, journal, ledger, segment, row, MAX_ENTRIES)
        segment, rolled = await until_definite(walk, clock, backoff)
        segment, first = segment + 1, rolled.head + 1
