"""The birth of a session's ledger.

Order (rule 3): the directory row, so that readers find whatever is written; then segment 0, only if
it does not exist. Only the owner of a ledger born here may be given shards.
"""

from flightmesh.clock import Clock, Randomness
from flightmesh.errors import SessionFenced
from flightmesh.journal import DirectoryRow, Journal, SegmentState
from flightmesh.ledger.persistence import DEFAULT_BACKOFF, Backoff, until_definite
from flightmesh.ledger.writer import (
    DEFAULT_BOUNDS,
    LedgerWriter,
    SegmentBounds,
    Verdict,
    WriterStatistics,
    judge,
)
from flightmesh.runtime.logs import fields

_TOKEN_BITS = 128


async def give_birth(
    journal: Journal,
    node: str,
    clock: Clock,
    randomness: Randomness,
    *,
    bounds: SegmentBounds = DEFAULT_BOUNDS,
    backoff: Backoff = DEFAULT_BACKOFF,
    statistics: WriterStatistics | None = None,
) -> LedgerWriter:
    """Creates a new session with its ledger, and returns the writer of that ledger.

    Args:
        journal: where the ledger is kept.
        node: name of the node that the session belongs to.
        clock: for the pauses between repeats.
        randomness: for the writer's token.
        bounds: when segments are rolled.
        backoff: pauses between repeats.
        statistics: where the writer counts; its own if None.

    Raises:
        SessionFenced: the ledger was sealed before it was born; try again for another session.
    """
    # Rule 2: the number comes from the store, whose counter no loss of etcd can set back; asked
    # again after a lost answer it gives another one, and the lost one goes to nobody. The token
    # tells this writer from any other.
    about = fields(node=node)
    session = await until_definite(journal.allocate_session, clock, backoff, None, about)
    token = randomness.bits(_TOKEN_BITS).to_bytes(_TOKEN_BITS // 8, "big")
    # Rule 3: directory, then segment.
    row = DirectoryRow(session, node)
    about = fields(node=node, session=session, ledger=session)
    await until_definite(lambda: journal.add_to_directory(row), clock, backoff, None, about)
    answer = await until_definite(
        lambda: journal.open_segment(session, 0, token, 0), clock, backoff, None, about
    )
    if judge(answer, token, SegmentState.OPEN, -1) is not Verdict.OURS:
        raise SessionFenced(f"ledger {session} was sealed before its session began")
    return LedgerWriter(
        journal, session, token, clock, bounds=bounds, backoff=backoff, statistics=statistics
    )
