"""The Airport aggregate: what a schedule knows of an airport. Pure."""

from collections.abc import Sequence

import msgspec

from flightmesh.domain import refusal
from flightmesh.domain.commands import AirportCommand
from flightmesh.domain.events import AirportDefined, AirportEvent
from flightmesh.domain.refusal import Refusal
from flightmesh.domain.schedule import ScheduleState


class AirportState(msgspec.Struct, frozen=True):
    """State of an airport; the default is the one that was never defined."""

    schedule: str = ""
    incarnation: int = 0
    iata: str = ""
    minimum_ground_minutes: int | None = None
    time_zone: str = ""


def decide(
    state: AirportState, command: AirportCommand, schedule: ScheduleState
) -> Sequence[AirportEvent] | Refusal:
    """The events that the command makes, or why it is refused; the schedule exists."""
    alive = state.incarnation == schedule.incarnation
    if alive and state.iata != command.iata:
        return Refusal(
            refusal.AIRPORT_MISMATCH,
            f"this is airport {state.iata}, not {command.iata}",
            {"iata": state.iata},
        )
    stated = AirportDefined(
        schedule.schedule,
        schedule.incarnation,
        command.iata,
        command.minimum_ground_minutes,
        command.time_zone,
    )
    return [] if alive and evolve(state, stated) == state else [stated]


def evolve(_state: AirportState, event: AirportEvent) -> AirportState:
    """The state after the event."""
    return AirportState(
        event.schedule,
        event.incarnation,
        event.iata,
        event.minimum_ground_minutes,
        event.time_zone,
    )
