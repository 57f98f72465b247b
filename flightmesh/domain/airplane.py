"""The Airplane aggregate. Pure."""

from collections.abc import Sequence

import msgspec

from flightmesh.domain import refusal
from flightmesh.domain.commands import (
    AirplaneCommand,
    ChangeAirplane,
    RegisterAirplane,
    RetireAirplane,
)
from flightmesh.domain.events import (
    AirplaneChanged,
    AirplaneEvent,
    AirplaneRegistered,
    AirplaneRetired,
)
from flightmesh.domain.refusal import Refusal
from flightmesh.domain.schedule import ScheduleState


class AirplaneState(msgspec.Struct, frozen=True):
    """State of an airplane; the default is the one that never existed."""

    schedule: str = ""
    incarnation: int = 0
    exists: bool = False
    registration: str = ""
    aircraft_type: str = ""
    minimum_ground_minutes: int | None = None


def decide(
    state: AirplaneState, command: AirplaneCommand, schedule: ScheduleState
) -> Sequence[AirplaneEvent] | Refusal:
    """The events that the command makes, or why it is refused; the schedule exists."""
    alive = state.exists and state.incarnation == schedule.incarnation
    if isinstance(command, RegisterAirplane):
        if alive:
            return Refusal(
                refusal.AIRPLANE_EXISTS,
                f"airplane {state.registration} is registered",
                {"registration": state.registration},
            )
        return [
            AirplaneRegistered(
                schedule.schedule,
                schedule.incarnation,
                command.registration,
                command.aircraft_type,
                command.minimum_ground_minutes,
            )
        ]
    if not alive:
        if state.incarnation:
            return Refusal(refusal.AIRPLANE_RETIRED, "the airplane was retired")
        return Refusal(refusal.AIRPLANE_NOT_FOUND, "there is no such airplane")
    match command:
        case ChangeAirplane(aircraft_type, minutes):
            same = (aircraft_type, minutes) == (state.aircraft_type, state.minimum_ground_minutes)
            return [] if same else [AirplaneChanged(aircraft_type, minutes)]
        case RetireAirplane():
            return [AirplaneRetired()]


def evolve(state: AirplaneState, event: AirplaneEvent) -> AirplaneState:
    """The state after the event."""
    match event:
        case AirplaneRegistered(schedule, incarnation, registration, aircraft_type, minutes):
            return AirplaneState(schedule, incarnation, True, registration, aircraft_type, minutes)
        case AirplaneChanged(aircraft_type, minutes):
            return msgspec.structs.replace(
                state, aircraft_type=aircraft_type, minimum_ground_minutes=minutes
            )
        case AirplaneRetired():
            return AirplaneState(state.schedule, state.incarnation, False, state.registration)
