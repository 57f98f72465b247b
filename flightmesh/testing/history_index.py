"""A history and the ledgers behind it, arranged for the checker."""

from collections.abc import Sequence
from typing import final

import msgspec

from flightmesh.eventsourcing.record import PlacedRecord
from flightmesh.testing.history import (
    Acknowledged,
    Answered,
    CommandAsked,
    FaultsStopped,
    History,
    NotDone,
    Outcome,
    QueryAsked,
    Refused,
    Unknown,
)
from flightmesh.verification.contents import LedgerContents

CommandKey = tuple[str, str]
"""Aggregate id and command id."""


class Attempt(msgspec.Struct):
    """One attempt at a command.

    Attributes:
        asked: the note of its sending.
        asked_at: index of that note.
        floor: highest sequence of the aggregate that anybody had been told before.
        outcome: what came of it; None if nothing was noted.
    """

    asked: CommandAsked
    asked_at: int
    floor: int
    outcome: Outcome | None = None

    @property
    def key(self) -> CommandKey:
        """Aggregate and command."""
        return self.asked.aggregate_id, self.asked.command_id


class Query(msgspec.Struct):
    """One query; `answered` is None if no answer was noted."""

    asked: QueryAsked
    answered: Answered | None = None


@final
class HistoryIndex:
    """A history's attempts and queries.

    Attributes:
        attempts: the attempts at commands, in the order of sending.
        queries: the queries, in the order of sending.
        faults_stopped_at: index of the last note that faults have stopped; None if there is none.

    Raises:
        ValueError: an outcome of something that was not asked, or a second one.
    """

    def __init__(self, history: History) -> None:
        self.attempts: list[Attempt] = []
        self.queries: list[Query] = []
        self.faults_stopped_at: int | None = None
        self._commands: dict[int, Attempt] = {}
        self._asked: dict[int, Query] = {}
        self._floors: dict[str, int] = {}
        for index, note in enumerate(history.notes):
            match note:
                case CommandAsked():
                    floor = self._floors.get(note.aggregate_id, 0)
                    attempt = self._commands[note.operation] = Attempt(note, index, floor)
                    self.attempts.append(attempt)
                case QueryAsked():
                    query = self._asked[note.operation] = Query(note)
                    self.queries.append(query)
                case FaultsStopped():
                    self.faults_stopped_at = index
                case Answered():
                    self._take_answer(note)
                case Unknown() if note.operation in self._asked:
                    pass
                case Acknowledged() | Refused() | NotDone() | Unknown():
                    self._take_outcome(note)

    def _take_answer(self, note: Answered) -> None:
        query = self._asked.get(note.operation)
        if query is None or query.answered is not None:
            raise ValueError(f"operation {note.operation} is no query that waits for an answer")
        query.answered = note

    def _take_outcome(self, note: Outcome) -> None:
        attempt = self._commands.get(note.operation)
        if attempt is None or attempt.outcome is not None:
            raise ValueError(f"operation {note.operation} is no command that waits for an outcome")
        attempt.outcome = note
        if isinstance(note, Acknowledged):
            aggregate_id = attempt.asked.aggregate_id
            self._floors[aggregate_id] = max(self._floors.get(aggregate_id, 0), note.sequence)


def records_by_command(
    ledgers: Sequence[LedgerContents],
) -> dict[CommandKey, list[PlacedRecord]]:
    """All records, by aggregate and command id."""
    found: dict[CommandKey, list[PlacedRecord]] = {}
    for contents in ledgers:
        for entry in contents.entries:
            for record in entry.records:
                placed = PlacedRecord(entry.ledger, entry.number, entry.committed_at_us, record)
                found.setdefault((record.aggregate_id, record.command_id), []).append(placed)
    return found
