"""Checks of records over all ledgers: shard sequences (I4), command ids (I5, I6), aggregates. Pure.

`RecordCheck` takes entries in any order and keeps places and sequences, not the records.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import final

from flightmesh.eventsourcing.record import Record
from flightmesh.ids import AggregateId, CommandId
from flightmesh.verification import Violation, violation
from flightmesh.verification.contents import CommittedEntry

Place = tuple[int, int]
"""Ledger and number of an entry."""
Settled = Callable[[Place], bool]
"""Whether all that was decided before that entry has been read."""


def check_records(entries: Iterable[CommittedEntry]) -> list[Violation]:
    """All that is wrong with the records of these entries."""
    check = RecordCheck()
    for entry in entries:
        check.see(entry)
    return check.finish()


@final
class RecordCheck:
    """I4, I5 and I6 over all ledgers, entry by entry."""

    def __init__(self) -> None:
        # shard → (first sequence, number of events, place)
        self._shards: dict[int, list[tuple[int, int, Place]]] = {}
        # aggregate → (sequence before, sequence after, place, shard sequence)
        self._aggregates: dict[AggregateId, list[tuple[int, int, Place, int]]] = {}
        self._places: dict[tuple[AggregateId, CommandId], Place] = {}
        self._shard_of: dict[AggregateId, int] = {}
        self._found: list[Violation] = []
        self.records = 0
        self.events = 0

    def see(self, entry: CommittedEntry) -> None:
        """Takes one entry."""
        place = entry.ledger, entry.number
        self.records += len(entry.records)
        for record in entry.records:
            self._see_command(record, place)
            self._see_form(record, place)
            if record.events:
                self._see_events(record, place)

    def finish(self, settled: Settled = lambda _: True) -> list[Violation]:
        """All that was wrong.

        Args:
            settled: where it says no, what lacks before an entry is not told: it may be in a ledger
                that went on after it was read.
        """
        found = list(self._found)
        for shard in sorted(self._shards):
            found += _gaps(shard, self._shards[shard], settled)
        for aggregate_id, changes in self._aggregates.items():
            found += _broken_history(aggregate_id, changes, settled)
        return found

    def _see_command(self, record: Record, place: Place) -> None:
        first = self._places.setdefault((record.aggregate_id, record.command_id), place)
        if first is not place:
            self._found.append(
                violation(
                    "I6",
                    "a command is recorded twice",
                    command_id=record.command_id,
                    aggregate_id=record.aggregate_id,
                    places=f"{_text(first)} {_text(place)}",
                )
            )

    def _see_form(self, record: Record, place: Place) -> None:
        if record.events and record.rejection is not None:
            self._tell("I6", "a refused command has events", record, place)
        if bool(record.events) != bool(record.first_shard_sequence):
            self._tell("I4", "a record's events and shard sequence do not agree", record, place)
        if self._shard_of.setdefault(record.aggregate_id, record.shard) != record.shard:
            self._tell("I4", "an aggregate is in two shards", record, place)

    def _see_events(self, record: Record, place: Place) -> None:
        count = len(record.events)
        self.events += count
        first, after = record.first_shard_sequence, record.aggregate_sequence
        self._shards.setdefault(record.shard, []).append((first, count, place))
        history = self._aggregates.setdefault(record.aggregate_id, [])
        history.append((after - count, after, place, first))

    def _tell(self, invariant: str, what: str, record: Record, place: Place) -> None:
        self._found.append(
            violation(
                invariant,
                what,
                command_id=record.command_id,
                aggregate_id=record.aggregate_id,
                shard=record.shard,
                place=_text(place),
            )
        )


def _gaps(shard: int, spans: list[tuple[int, int, Place]], settled: Settled) -> Iterator[Violation]:
    following, before = 1, "the beginning"
    for first, count, place in sorted(spans):
        if first < following or (first > following and settled(place)):
            what = "shard sequences are missing" if first > following else "shard sequences repeat"
            yield violation(
                "I4",
                what,
                shard=shard,
                sequence=first,
                expected=following,
                place=_text(place),
                after=before,
            )
        following, before = max(following, first + count), _text(place)


def _broken_history(
    aggregate_id: AggregateId, changes: list[tuple[int, int, Place, int]], settled: Settled
) -> Iterator[Violation]:
    sequence, shard_sequence = 0, 0
    for before, after, place, first in sorted(changes):
        evidence = {"aggregate_id": aggregate_id, "sequence": after, "place": _text(place)}
        if before < sequence or (before > sequence and settled(place)):
            what = (
                "an aggregate's events are missing"
                if before > sequence
                else ("two commands changed an aggregate at the same sequence")
            )
            yield violation("I6", what, expected=sequence + 1, **evidence)
        if first < shard_sequence:
            yield violation(
                "I4",
                "an aggregate's order is not that of its shard",
                shard_sequence=first,
                after=shard_sequence,
                **evidence,
            )
        sequence, shard_sequence = max(sequence, after), max(shard_sequence, first)


def _text(place: Place) -> str:
    return f"{place[0]}:{place[1]}"
