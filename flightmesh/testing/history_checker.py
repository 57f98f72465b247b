"""The history checker: what clients were told, held against what the ledgers hold.

    violations = check_history(history, await read_contents(journal))
    assert not violations, "\\n".join(map(str, violations))

It believes nothing but the ledgers and the order of the notes. Checked are, by the name that a
violation carries:

* I1-I4, I6: the ledgers by themselves (`flightmesh.verification`).
* I5: an acknowledged command is in exactly one entry, with the sequence and place it was told.
* I6: no id with two effects; the same id with the same body gets the same result.
* REFUSALS: a refused command has no effect, is recorded, and stays refused.
* ORDER: what was answered before another command of the aggregate was asked comes before it.
* EXPECTED: a command that expected a sequence was decided at that sequence.
* POSITION: an answer covers the position that was asked for, and nothing that does not exist.
* I7: an answer that covers all ledgers equals their fold.
* PROGRESS: once faults have stopped, every command gets a definite outcome.

Anchors: Jepsen's and etcd's robustness tests (a history held against a model); here the model is
the ledger itself, so the check is linear in the history's length.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from flightmesh.errors import InvalidInput
from flightmesh.eventsourcing.record import PlacedRecord
from flightmesh.eventsourcing.shard_state import (
    COMMAND_ID_REUSED,
    COMMAND_ID_TOO_OLD,
    SEQUENCE_MISMATCH,
)
from flightmesh.position import Position
from flightmesh.testing.history import (
    Acknowledged,
    Answered,
    History,
    NotDone,
    Refused,
    Unknown,
)
from flightmesh.testing.history_index import (
    Attempt,
    CommandKey,
    HistoryIndex,
    Query,
    records_by_command,
)
from flightmesh.verification import Violation, violation
from flightmesh.verification.contents import LedgerContents, all_entries
from flightmesh.verification.ledgers import check_ledgers
from flightmesh.verification.records import check_records

Fold = Callable[[Sequence[LedgerContents], str], Mapping[str, str]]
"""The rows of a scope after all entries of the ledgers, in the form of the history's answers."""

_BODY_HASH_DIGITS = 32


def check_history(
    history: History,
    ledgers: Sequence[LedgerContents],
    fold: Fold | None = None,
    *,
    progress_within_us: int | None = None,
) -> list[Violation]:
    """Everything that is wrong with a history; nothing, if all is well.

    Args:
        history: what clients did and were told, up to its end.
        ledgers: all ledgers, read after that end (`flightmesh.verification.contents`).
        fold: gives the rows that answers are held against; None = answers are not compared.
        progress_within_us: longest time that a command may take once faults have stopped.

    Raises:
        ValueError: the history is not well formed.
    """
    index = HistoryIndex(history)
    found = [*check_ledgers(ledgers), *check_records(all_entries(ledgers))]
    kept = records_by_command(ledgers)
    by_command: dict[CommandKey, list[Attempt]] = {}
    for attempt in index.attempts:
        by_command.setdefault(attempt.key, []).append(attempt)
    for key, attempts in by_command.items():
        records = kept.get(key, [])
        for attempt in attempts:
            found += _check_outcome(attempt, records)
        found += _check_same_result(attempts)
        found += _check_order(attempts, records)
    for query in index.queries:
        found += _check_query(query, ledgers, fold)
    found += _check_progress(index, progress_within_us)
    return found


# --- commands -----------------------------------------------------------------------------------


def _check_outcome(attempt: Attempt, records: list[PlacedRecord]) -> Iterator[Violation]:
    match attempt.outcome:
        case Acknowledged() as told:
            yield from _check_acknowledged(attempt, told, records)
        case Refused() as told:
            yield from _check_refused(attempt, told, records)
        case NotDone() as told:
            for placed in _same_body(attempt, records):
                yield _of(
                    attempt, "I6", "a command that was turned away is recorded", placed,
                    error=told.error,
                )  # fmt: skip


def _check_acknowledged(
    attempt: Attempt, told: Acknowledged, records: list[PlacedRecord]
) -> Iterator[Violation]:
    if len(records) != 1:
        places = " ".join(f"{placed.ledger}:{placed.entry}" for placed in records)
        what = f"an acknowledged command is in {len(records)} entries"
        yield _of(attempt, "I5", what, told=told.position, places=places or "none")
        return
    placed = records[0]
    record = placed.record
    if record.rejection is not None:
        what = "a command that is recorded as refused was acknowledged"
        yield _of(attempt, "REFUSALS", what, placed, reason=record.rejection.reason)
    if not _same_body(attempt, records):
        what = "an acknowledged command is recorded with another body"
        yield _of(attempt, "I6", what, placed, recorded=record.body_hash.hex())
    if record.aggregate_sequence != told.sequence:
        yield _of(
            attempt, "I5", "another sequence was told than is recorded", placed,
            told=told.sequence, recorded=record.aggregate_sequence,
        )  # fmt: skip
    if told.events is not None and len(told.events) != len(record.events):
        yield _of(
            attempt, "I5", "other events were told than are recorded", placed,
            told=len(told.events), recorded=len(record.events),
        )  # fmt: skip
    if not _covers(told.position, placed):
        what = "an acknowledgement's position does not cover its entry"
        yield _of(attempt, "POSITION", what, placed, told=told.position)
    expected = attempt.asked.expected_sequence
    before = record.aggregate_sequence - len(record.events)
    if expected is not None and before != expected:
        what = "a command was accepted at another sequence than it expected"
        yield _of(attempt, "EXPECTED", what, placed, expected=expected, decided_at=before)


def _check_refused(
    attempt: Attempt, told: Refused, records: list[PlacedRecord]
) -> Iterator[Violation]:
    if told.reason == COMMAND_ID_TOO_OLD:
        return  # not recorded; the first try may have been anything
    same = _same_body(attempt, records)
    if told.reason == COMMAND_ID_REUSED:
        if attempt.asked.body_hash and same:
            what = "a repeat was refused as another command's id"
            yield _of(attempt, "REFUSALS", what, same[0])
        return
    if not same:
        yield _of(attempt, "REFUSALS", "a refusal is not recorded", reason=told.reason)
    for placed in same:
        rejection = placed.record.rejection
        if rejection is None:
            what = "a refused command has been accepted"
            yield _of(attempt, "REFUSALS", what, placed, told=told.reason)
        elif rejection.reason != told.reason:
            yield _of(
                attempt, "REFUSALS", "another refusal was told than is recorded", placed,
                told=told.reason, recorded=rejection.reason,
            )  # fmt: skip
        expected = attempt.asked.expected_sequence
        if told.reason == SEQUENCE_MISMATCH and placed.record.aggregate_sequence == expected:
            what = "a command was refused at the very sequence that it expected"
            yield _of(attempt, "EXPECTED", what, placed, expected=expected)


def _check_same_result(attempts: list[Attempt]) -> Iterator[Violation]:
    """I6: one id and body, one result, whoever asks and how often."""
    first: dict[str, Attempt] = {}
    for attempt in attempts:
        outcome = attempt.outcome
        if not isinstance(outcome, Acknowledged | Refused) or _is_unrecorded(outcome):
            continue
        earlier = first.setdefault(attempt.asked.body_hash, attempt)
        if _differs(earlier.outcome, outcome):
            yield _of(
                attempt, "I6", "one command got two results",
                first=_told(earlier.outcome), then=_told(outcome),
                operations=f"{earlier.asked.operation} {attempt.asked.operation}",
            )  # fmt: skip
    if len({body for body, each in first.items() if isinstance(each.outcome, Acknowledged)}) > 1:
        yield _of(attempts[-1], "I6", "one command id was acknowledged for two bodies")


def _differs(one: object, other: object) -> bool:
    if isinstance(one, Acknowledged) and isinstance(other, Acknowledged):
        told = one.events is not None and other.events is not None
        same = (one.sequence, one.position) == (other.sequence, other.position)
        return not same or (told and one.events != other.events)
    if isinstance(one, Refused) and isinstance(other, Refused):
        return one.reason != other.reason
    return True


def _check_order(attempts: list[Attempt], records: list[PlacedRecord]) -> Iterator[Violation]:
    """A command comes after all that was answered before anybody first asked for it."""
    first = attempts[0]
    for placed in records:
        record = placed.record
        before = record.aggregate_sequence - len(record.events)
        if before < first.floor:
            yield _of(
                first, "ORDER", "a command was decided on an outdated state", placed,
                decided_at=before, told_before=first.floor,
            )  # fmt: skip


def _same_body(attempt: Attempt, records: list[PlacedRecord]) -> list[PlacedRecord]:
    """The records that can be this attempt's: hashes of another kind than ours say nothing."""
    body = attempt.asked.body_hash
    if len(body) != _BODY_HASH_DIGITS:
        return records
    return [placed for placed in records if placed.record.body_hash.hex() == body]


def _is_unrecorded(outcome: Acknowledged | Refused) -> bool:
    return isinstance(outcome, Refused) and outcome.reason in (
        COMMAND_ID_REUSED,
        COMMAND_ID_TOO_OLD,
    )


def _covers(token: str, placed: PlacedRecord) -> bool:
    try:
        return Position.parse(token).covers(Position({placed.ledger: placed.entry}))
    except InvalidInput:
        return False


# --- queries ------------------------------------------------------------------------------------


def _check_query(
    query: Query, ledgers: Sequence[LedgerContents], fold: Fold | None
) -> Iterator[Violation]:
    if query.answered is None:
        return
    try:
        position = Position.parse(query.answered.position)
    except InvalidInput:
        yield _of_query(query, "POSITION", "an answer's position cannot be read")
        return
    if not position.covers(Position.parse(query.asked.min_position)):
        what = "an answer does not cover the position that was asked for"
        yield _of_query(query, "POSITION", what, asked=query.asked.min_position)
    heads = {contents.ledger: contents.head for contents in ledgers}
    for ledger, number in position.entries.items():
        if number > heads.get(ledger, -1):
            what = "an answer shows an entry that does not exist"
            yield _of_query(query, "I7", what, entry=f"{ledger}:{number}")
    rows = query.answered.rows
    if rows is not None and fold is not None and _is_complete(position, heads):
        yield from _check_rows(query, rows, fold(ledgers, query.asked.scope))


def _is_complete(position: Position, heads: Mapping[int, int]) -> bool:
    whole = {ledger: head for ledger, head in heads.items() if head >= 0}
    return position.covers(Position(whole))


def _check_rows(
    query: Query, rows: Mapping[str, str], expected: Mapping[str, str]
) -> Iterator[Violation]:
    if rows == expected:
        return
    wrong = sorted(
        name for name in rows.keys() | expected.keys() if rows.get(name) != expected.get(name)
    )
    name = wrong[0]
    yield _of_query(
        query, "I7", "a read model is not the fold of the ledgers",
        rows=len(wrong), first=name, told=rows.get(name), fold=expected.get(name),
    )  # fmt: skip


# --- progress -----------------------------------------------------------------------------------


def _check_progress(index: HistoryIndex, within_us: int | None) -> Iterator[Violation]:
    stopped = index.faults_stopped_at
    if stopped is None:
        return
    for attempt in index.attempts:
        if attempt.asked_at < stopped:
            continue
        outcome = attempt.outcome
        if outcome is None or isinstance(outcome, Unknown):
            what = "no answer although all faults have stopped"
            yield _of(attempt, "PROGRESS", what, outcome=_told(outcome))
        elif within_us is not None and outcome.at_us - attempt.asked.at_us > within_us:
            yield _of(
                attempt, "PROGRESS", "an answer took too long after all faults had stopped",
                took_us=outcome.at_us - attempt.asked.at_us, limit_us=within_us,
            )  # fmt: skip


# --- evidence -----------------------------------------------------------------------------------


def _of(
    attempt: Attempt,
    invariant: str,
    what: str,
    placed: PlacedRecord | None = None,
    **evidence: object,
) -> Violation:
    asked = attempt.asked
    known: dict[str, object] = {
        "operation": asked.operation,
        "client": asked.client,
        "command_id": asked.command_id,
        "aggregate_id": asked.aggregate_id,
    }
    if placed is not None:
        known["place"] = f"{placed.ledger}:{placed.entry}"
    return violation(invariant, what, **known, **evidence)


def _of_query(query: Query, invariant: str, what: str, **evidence: object) -> Violation:
    asked = query.asked
    answered: Answered | None = query.answered
    return violation(
        invariant,
        what,
        operation=asked.operation,
        client=asked.client,
        query=asked.query,
        scope=asked.scope,
        position=answered.position if answered else "",
        **evidence,
    )


def _told(outcome: object) -> str:
    match outcome:
        case Acknowledged():
            return f"acknowledged at sequence {outcome.sequence}, {outcome.position}"
        case Refused():
            return f"refused: {outcome.reason}"
        case Unknown():
            return f"unknown: {outcome.error}"
    return "none"
