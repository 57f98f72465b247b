"""Checks of an aggregate's snapshots against the fold of its records. Pure."""

from collections.abc import Iterator, Sequence

from flightmesh.codec.snapshots import decode_snapshot
from flightmesh.errors import CorruptData, FlightmeshError
from flightmesh.eventsourcing import DomainModel
from flightmesh.eventsourcing.cell import SavedState, rebuild
from flightmesh.eventsourcing.record import PlacedRecord
from flightmesh.eventsourcing.window import remembered
from flightmesh.ids import AggregateId
from flightmesh.journal import StoredSnapshot
from flightmesh.verification import Violation, violation

SNAPSHOTS = "SNAPSHOTS"
BROKEN_SNAPSHOTS = "BROKEN_SNAPSHOTS"


def check_snapshots(
    aggregate_id: AggregateId,
    stored: Sequence[StoredSnapshot],
    records: Sequence[PlacedRecord],
    domain: DomainModel,
) -> Iterator[Violation]:
    """Each snapshot is the state after its sequence, and remembers commands that are recorded.

    One that does not match its checksum is told as such: every reader passes it over.
    """
    for snapshot in stored:
        evidence = {"aggregate_id": aggregate_id, "sequence": snapshot.sequence}
        try:
            saved = decode_snapshot(snapshot)
        except CorruptData as error:
            yield violation(BROKEN_SNAPSHOTS, "a snapshot is broken", error=error, **evidence)
            continue
        try:
            what = _difference(aggregate_id, saved, records, domain)
        except FlightmeshError as error:
            what = f"a snapshot cannot be compared: {error}"
        if what:
            yield violation(SNAPSHOTS, what, **evidence)


def _difference(
    aggregate_id: AggregateId,
    saved: SavedState,
    records: Sequence[PlacedRecord],
    domain: DomainModel,
) -> str:
    """What is wrong with a snapshot; empty if nothing is."""
    fold = rebuild(aggregate_id, records, domain, committed_to=saved.sequence)
    if fold.sequence != saved.sequence:
        return f"a snapshot is of a sequence that the records do not reach: {fold.sequence}"
    if (fold.aggregate_type, fold.scope) != (saved.aggregate_type, saved.scope):
        return "a snapshot is of another type or scope"
    if domain.decode_state(saved.aggregate_type, saved.state) != fold.state:
        return "a snapshot is not the fold of the aggregate's events"
    kept = {placed.record.command_id: remembered(placed) for placed in records}
    for command_id, command in saved.commands:
        if kept.get(command_id) != command:
            return f"a snapshot remembers command {command_id} otherwise than the ledgers"
    known = {command_id for command_id, _ in saved.commands}
    for command_id, command in kept.items():
        # One with events at or before the snapshot's sequence was decided before it was taken.
        is_older = command.first_shard_sequence and command.sequence <= saved.sequence
        if is_older and command_id not in known and command_id > saved.newest_dropped:
            return f"a snapshot has forgotten command {command_id}"
    return ""
