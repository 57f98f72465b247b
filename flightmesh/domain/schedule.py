"""The Schedule aggregate: a named plan version that everything else belongs to. Pure.

Its incarnation counts its creations. Other aggregates keep the incarnation they were created in;
one of an earlier incarnation counts as removed, so a schedule that is deleted and created again is
empty.
"""

from collections.abc import Sequence

import msgspec

from flightmesh.domain import refusal
from flightmesh.domain.commands import (
    ChangeFindingRules,
    CreateSchedule,
    DeleteSchedule,
    ScheduleCommand,
)
from flightmesh.domain.events import (
    FindingRulesChanged,
    ScheduleCreated,
    ScheduleDeleted,
    ScheduleEvent,
)
from flightmesh.domain.refusal import Refusal
from flightmesh.domain.values import FindingRules


class ScheduleState(msgspec.Struct, frozen=True):
    """State of a schedule; the default is the one that never existed."""

    schedule: str = ""
    incarnation: int = 0
    exists: bool = False
    title: str = ""
    finding_rules: FindingRules = FindingRules()


def decide(state: ScheduleState, command: ScheduleCommand) -> Sequence[ScheduleEvent] | Refusal:
    """The events that the command makes, or why it is refused."""
    match command:
        case CreateSchedule(schedule, title, rules):
            if state.exists:
                return Refusal(
                    refusal.SCHEDULE_EXISTS,
                    f"schedule {schedule} exists",
                    {"schedule": schedule},
                )
            return [ScheduleCreated(schedule, state.incarnation + 1, title, rules)]
        case DeleteSchedule():
            return missing(state) or [ScheduleDeleted()]
        case ChangeFindingRules(rules):
            unchanged = rules == state.finding_rules
            return missing(state) or ([] if unchanged else [FindingRulesChanged(rules)])


def missing(state: ScheduleState, name: str = "") -> Refusal | None:
    """The refusal of every command to a schedule that does not exist; None if it exists."""
    if state.exists:
        return None
    schedule = state.schedule or name
    if state.incarnation:
        return Refusal(
            refusal.SCHEDULE_DELETED, f"schedule {schedule} was deleted", {"schedule": schedule}
        )
    return Refusal(
        refusal.SCHEDULE_NOT_FOUND, f"there is no schedule {schedule}", {"schedule": schedule}
    )


def evolve(state: ScheduleState, event: ScheduleEvent) -> ScheduleState:
    """The state after the event."""
    match event:
        case ScheduleCreated(schedule, incarnation, title, rules):
            return ScheduleState(schedule, incarnation, True, title, rules)
        case ScheduleDeleted():
            return ScheduleState(state.schedule, state.incarnation)
        case FindingRulesChanged(rules):
            return msgspec.structs.replace(state, finding_rules=rules)
