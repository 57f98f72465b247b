"""The lives of schedules: what belongs to which, when one is deleted and created again."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from flightmesh.domain.events import (
    AirplaneRegistered,
    AirportDefined,
    RotationCreated,
    ScheduleCreated,
)
from flightmesh.domain.schedule import ScheduleState
from flightmesh.eventsourcing.record import PlacedRecord
from flightmesh.ids import schedule_aggregate_id
from flightmesh.schedule_model import ScheduleModel
from flightmesh.testing.history import Acknowledged, CommandAsked, History
from flightmesh.verification import Violation, violation

DOMAIN = ScheduleModel(lambda iata: iata != "XXQ")
Records = dict[str, list[PlacedRecord]]


def states_of_schedules(records: Records) -> dict[str, list[ScheduleState]]:
    """Every state that each schedule has had, the one before its creation first."""
    found: dict[str, list[ScheduleState]] = defaultdict(lambda: [ScheduleState()])
    for placed, event in _events(records, "schedule"):
        states = found[placed.record.scope]
        states.append(DOMAIN.evolve("schedule", states[-1], event))
    return found


def check_lives(records: Records, history: History) -> Iterator[Violation]:
    """D5: what is begun after a schedule's acknowledged creation belongs to that or a later one."""
    known = _lives_known(records, history)
    for placed, event in _events(records, "rotation", "airplane", "airport"):
        if not isinstance(event, RotationCreated | AirplaneRegistered | AirportDefined):
            continue
        record = placed.record
        least = known.get(record.command_id, {}).get(record.scope, 0)
        if event.incarnation < least:
            yield violation(
                "D5",
                "what was begun after a creation of its schedule belongs to an earlier life",
                command_id=record.command_id,
                aggregate_id=record.aggregate_id,
                place=f"{placed.ledger}:{placed.entry}",
                lives=(event.incarnation, least),
            )


def _lives_known(records: Records, history: History) -> dict[str, dict[str, int]]:
    """Command id → schedule → incarnation that was acknowledged when the command was first sent."""
    created = {
        placed.record.command_id: (placed.record.scope, event.incarnation)
        for placed, event in _events(records, "schedule")
        if isinstance(event, ScheduleCreated)
    }
    lives: dict[str, int] = {}
    commands: dict[int, str] = {}
    known: dict[str, dict[str, int]] = {}
    for note in history.notes:
        if isinstance(note, CommandAsked):
            commands[note.operation] = note.command_id
            known.setdefault(note.command_id, dict(lives))
        elif isinstance(note, Acknowledged) and commands[note.operation] in created:
            schedule, incarnation = created[commands[note.operation]]
            lives[schedule] = max(lives.get(schedule, 0), incarnation)
    return known


def _events(records: Records, *kinds: str) -> Iterator[tuple[PlacedRecord, Any]]:
    for placed in (each for of_one in records.values() for each in of_one):
        if placed.record.aggregate_type in kinds:
            for event in placed.record.events:
                yield placed, DOMAIN.decode_event(event)


def is_alive(state: Any, cells: dict[str, Any]) -> bool:
    """Whether an aggregate exists in the present life of its schedule; cells by aggregate id."""
    if not state.exists:
        return False
    schedule = cells[schedule_aggregate_id(state.schedule)].state
    return bool(schedule.exists and state.incarnation == schedule.incarnation)
