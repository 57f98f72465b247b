"""What is checked when a run is over, beside the history: decisions, read models, recovery."""

import copy
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from flightmesh.domain.schedule import ScheduleState
from flightmesh.eventsourcing.cell import AggregateCell, rebuild
from flightmesh.eventsourcing.record import PlacedRecord, Record, in_order
from flightmesh.eventsourcing.shard_state import ShardState
from flightmesh.ids import id_text
from flightmesh.position import Position
from flightmesh.verification import Violation, violation
from flightmesh.verification.contents import LedgerContents
from read_node.bootstrap import ReadNode
from tests.simulation import lives
from tests.simulation.lives import DOMAIN
from tests.simulation.workload import Read


def by_aggregate(ledgers: Sequence[LedgerContents]) -> dict[str, list[PlacedRecord]]:
    """The records of each aggregate in order."""
    found: dict[str, list[PlacedRecord]] = defaultdict(list)
    for contents in ledgers:
        for entry in contents.entries:
            for record in entry.records:
                found[record.aggregate_id].append(
                    PlacedRecord(contents.ledger, entry.number, entry.committed_at_us, record)
                )
    return {aggregate_id: in_order(records) for aggregate_id, records in found.items()}


def check_decisions(
    ledgers: Sequence[LedgerContents], envelopes: dict[tuple[str, str], Any]
) -> Iterator[Violation]:
    """Every record is what its command does to the aggregate at that place of its history."""
    everything = by_aggregate(ledgers)
    schedules = lives.states_of_schedules(everything)
    for aggregate_id, records in everything.items():
        cell = AggregateCell(aggregate_id)
        for placed in records:
            record = placed.record
            envelope = envelopes.get((record.command_id, record.body_hash.hex()))
            if envelope is None:
                yield _wrong("I5", "nobody sent this command", placed)
                continue
            scopes: Sequence[ScheduleState | None] = (None,)
            if record.aggregate_type != "schedule":
                scopes = schedules[record.scope][::-1]
            was = _outcome(record)
            cell, would = _decided(cell, envelope, scopes, was)
            if was != would:
                yield _wrong("FOLD", "a command was decided on another state", placed, was, would)
                break


def _decided(
    cell: AggregateCell, envelope: Any, scopes: Sequence[ScheduleState | None], was: Any
) -> tuple[AggregateCell, tuple[object, ...]]:
    """The aggregate and the outcome after a command, on the state of its scope that fits."""
    for n, scope in enumerate(scopes, 1):
        tried = cell if n == len(scopes) else _copy(cell)
        # Not `decide`: which ids are remembered is the history checker's business.
        would = _outcome(ShardState(0, DOMAIN)._recorded(tried, envelope, scope))
        if was == would:
            break
    return tried, would


def _copy(cell: AggregateCell) -> AggregateCell:
    """A cell to decide on; events and what states hold never change, so collections are enough."""
    copied, state = copy.copy(cell), cell.state
    if state is not None:
        fields = {name: copy.copy(getattr(state, name)) for name in state.__struct_fields__}
        copied.state = type(state)(**fields)
    return copied


def _outcome(record: Record) -> tuple[object, ...]:
    reason = record.rejection.reason if record.rejection else ""
    return record.aggregate_sequence, reason, record.events, record.warnings


def _wrong(invariant: str, what: str, placed: PlacedRecord, *evidence: object) -> Violation:
    record = placed.record
    return violation(
        invariant,
        what,
        command_id=record.command_id,
        aggregate_id=record.aggregate_id,
        place=f"{placed.ledger}:{placed.entry}",
        evidence=evidence,
    )


def folded(ledgers: Sequence[LedgerContents]) -> dict[str, AggregateCell]:
    """Every aggregate as its records add up to."""
    return {
        aggregate_id: rebuild(aggregate_id, records, DOMAIN)
        for aggregate_id, records in by_aggregate(ledgers).items()
    }


def check_reads(ledgers: Sequence[LedgerContents], reads: Sequence[Read]) -> Iterator[Violation]:
    """I7: an answer is the fold of a rotation's first records, all that its position covers."""
    records = by_aggregate(ledgers)
    states: dict[str, list[dict[str, tuple[int, int]]]] = {}
    for read in reads:
        placed = records.get(read.rotation, [])
        if read.rotation not in states:
            states[read.rotation] = _leg_times(placed)
        position = Position.parse(read.position)
        # A refusal has no events: that its entry is covered says nothing of an earlier ledger's.
        covered = [
            n
            for n, each in enumerate(placed, 1)
            if each.record.events and _is_covered(position, each)
        ]
        if read.legs not in states[read.rotation][max(covered, default=0) :]:
            yield violation(
                "I7",
                "an answer is no state that the rotation had at its position or later",
                rotation=read.rotation,
                position=read.position,
                legs=read.legs,
            )


def _is_covered(position: Position, placed: PlacedRecord) -> bool:
    # Position.covers, without a second position for each record and answer.
    covered = position.entries.get(placed.ledger, -1) >= placed.entry
    return covered or placed.ledger <= position.base


def _leg_times(placed: Sequence[PlacedRecord]) -> list[dict[str, tuple[int, int]]]:
    """A rotation's legs before its first record and after each."""
    state, shown = DOMAIN.initial("rotation"), [{}]
    for each in placed:
        for event in each.record.events:
            state = DOMAIN.evolve("rotation", state, DOMAIN.decode_event(event))
        legs = state.legs.items() if state.exists else ()
        shown.append({leg_id: (leg.departure, leg.arrival) for leg_id, leg in legs})
    return shown


def check_read_model(reader: ReadNode, cells: dict[str, AggregateCell]) -> Iterator[Violation]:
    """I7: the read node's rotations and legs are the fold."""
    expected: dict[str, object] = {}
    for aggregate_id, cell in cells.items():
        if cell.aggregate_type == "rotation" and lives.is_alive(cell.state, cells):
            times = {i: (leg.departure, leg.arrival) for i, leg in cell.state.legs.items()}
            expected[aggregate_id] = (cell.sequence, cell.state.airplane_id, times)
    shown: dict[str, object] = {}
    for model in reader.projection.schedules.current():
        columns = model.legs
        legs: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
        for slot in columns.slots_in_use():
            rotation: Any = columns.rotation[slot]
            legs[id_text(rotation.id)][columns.leg_id[slot]] = (
                columns.departure[slot],
                columns.arrival[slot],
            )
        for raw, rotation in model.rotations.items():
            name = id_text(raw)
            airplane = id_text(rotation.airplane.id) if rotation.airplane else ""
            shown[name] = (rotation.sequence, airplane, legs[name])
    for name in sorted(expected.keys() | shown.keys()):
        if expected.get(name) != shown.get(name):
            yield violation(
                "I7",
                "the read model is not the fold",
                rotation=name,
                fold=expected.get(name),
                shown=shown.get(name),
            )
    if reader.projection.quarantined:
        yield violation("I7", "aggregates are quarantined", why=reader.projection.quarantined)
