"""Commands: imperative, each to one aggregate. Pure values; their form is checked by `check`.

`AGGREGATE_TYPE` says which aggregate a command is for; `CREATES` which ones may come without an id.
"""

from typing import Final

import msgspec

from flightmesh.domain import values
from flightmesh.domain.values import FindingRules, Leg, Minute
from flightmesh.errors import InvalidInput
from flightmesh.ids import AggregateId, LegId

MAX_LEGS_PER_COMMAND = 10_000


class CreateSchedule(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Creates the schedule."""

    schedule: str
    title: str = ""
    finding_rules: FindingRules = FindingRules()


class DeleteSchedule(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Deletes the schedule with all it holds."""


class ChangeFindingRules(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Switches the schedule's optional checks."""

    finding_rules: FindingRules


class CreateRotation(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Creates an empty rotation."""

    name: str = ""


class AddLeg(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Adds one leg to the rotation."""

    leg: Leg


class AddLegs(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Adds legs to the rotation, all or none."""

    legs: tuple[Leg, ...]


class RemoveLeg(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Takes a leg out of the rotation."""

    leg_id: LegId


class ChangeLegTimes(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Moves a leg in time; an absent offset stays as it is."""

    leg_id: LegId
    departure: Minute
    arrival: Minute
    departure_offset: int | None = None
    arrival_offset: int | None = None


class RemoveRotation(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Removes the rotation with its legs."""


class AssignRotationToAirplane(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Assigns the rotation to an airplane, which need not exist."""

    airplane_id: AggregateId
    registration: str = ""


class UnassignRotation(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Ends the rotation's assignment."""


class RegisterAirplane(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Brings an airplane into the schedule."""

    registration: str
    aircraft_type: str = ""
    minimum_ground_minutes: int | None = None


class ChangeAirplane(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Replaces what is known of the airplane."""

    aircraft_type: str = ""
    minimum_ground_minutes: int | None = None


class RetireAirplane(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Takes the airplane out of the schedule."""


class DefineAirport(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """States what is known of the airport, the first time or again."""

    iata: str
    minimum_ground_minutes: int | None = None
    time_zone: str = ""


ScheduleCommand = CreateSchedule | DeleteSchedule | ChangeFindingRules
RotationCommand = (
    CreateRotation
    | AddLeg
    | AddLegs
    | RemoveLeg
    | ChangeLegTimes
    | RemoveRotation
    | AssignRotationToAirplane
    | UnassignRotation
)
AirplaneCommand = RegisterAirplane | ChangeAirplane | RetireAirplane
AirportCommand = DefineAirport
Command = ScheduleCommand | RotationCommand | AirplaneCommand | AirportCommand

AGGREGATE_TYPE: Final[dict[type, str]] = {
    CreateSchedule: "schedule",
    DeleteSchedule: "schedule",
    ChangeFindingRules: "schedule",
    CreateRotation: "rotation",
    AddLeg: "rotation",
    AddLegs: "rotation",
    RemoveLeg: "rotation",
    ChangeLegTimes: "rotation",
    RemoveRotation: "rotation",
    AssignRotationToAirplane: "rotation",
    UnassignRotation: "rotation",
    RegisterAirplane: "airplane",
    ChangeAirplane: "airplane",
    RetireAirplane: "airplane",
    DefineAirport: "airport",
}
CREATES: Final[frozenset[type]] = frozenset(
    {CreateSchedule, CreateRotation, RegisterAirplane, DefineAirport}
)


def check(command: Command) -> None:
    """Raises InvalidInput, naming the field as the API does, unless the command is well-formed."""
    match command:
        case AddLeg(leg):
            values.check_leg(leg)
        case AddLegs(legs):
            _check_legs(legs)
        case ChangeLegTimes(_, departure, arrival, departure_offset, arrival_offset):
            values.check_times(departure, arrival)
            values.check_offset(departure_offset or 0, "departure_utc_offset_minutes")
            values.check_offset(arrival_offset or 0, "arrival_utc_offset_minutes")
        case CreateSchedule(schedule, title):
            values.check_schedule_name(schedule)
            values.check_name(title, "title")
        case CreateRotation(name):
            values.check_name(name, "name")
        case AssignRotationToAirplane(_, registration):
            if registration:
                values.check_registration(registration)
        case RegisterAirplane(registration, aircraft_type, minutes):
            values.check_registration(registration)
            values.check_aircraft_type(aircraft_type)
            values.check_ground_minutes(minutes)
        case ChangeAirplane(aircraft_type, minutes):
            values.check_aircraft_type(aircraft_type)
            values.check_ground_minutes(minutes)
        case DefineAirport(iata, minutes, time_zone):
            values.check_iata(iata, "iata")
            values.check_ground_minutes(minutes)
            values.check_name(time_zone, "time_zone")
        case _:
            pass


def _check_legs(legs: tuple[Leg, ...]) -> None:
    if not 1 <= len(legs) <= MAX_LEGS_PER_COMMAND:
        raise InvalidInput("legs", f"{len(legs)} legs; between 1 and {MAX_LEGS_PER_COMMAND} fit")
    for number, leg in enumerate(legs):
        values.check_leg(leg, f"legs[{number}].")
