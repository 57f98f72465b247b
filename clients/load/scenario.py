"""The write scenario of the thesis (chapter 6): what one user sends, command by command.

A user creates a rotation, adds legs one after another, registers an airplane and assigns the
rotation to it; then begins anew. Each step says what its reply must be. Aggregates are chosen so
that a user's commands all go to one node, where that is asked for.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from flightmesh import ids
from flightmesh.api.schedule.v1 import commands_pb2 as commands
from flightmesh.api.schedule.v1.types_pb2 import Leg
from flightmesh.api.shard.v1 import command_service_pb2 as service
from flightmesh.domain.values import iso_minute

_CARRIER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_AIRPORTS: Final = ("MRS", "ORY", "NCE", "LYS", "TLS", "BOD")
# 2026-01-01T00:00Z; legs of 90 minutes, 30 minutes on the ground.
_FIRST_DEPARTURE_S: Final = 1_767_225_600
_STEP_S: Final = 7_200
_BLOCK_S: Final = 5_400
_MAX_TRIES: Final = 10_000


ScenarioCommand = (
    commands.CreateRotation
    | commands.AddLeg
    | commands.RegisterAirplane
    | commands.AssignRotationToAirplane
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a user.

    Attributes:
        aggregate_id: aggregate that the command is for.
        field: field of ExecuteRequest that holds it, for example "add_leg".
        command: the command's message.
        sequence: sequence that the reply must tell.
    """

    aggregate_id: str
    field: str
    command: ScenarioCommand
    sequence: int


def steps(
    schedule: str,
    user: str,
    legs: int,
    fits: Callable[[str], bool] = lambda _: True,
) -> Iterator[Step]:
    """A user's commands, without end.

    Args:
        schedule: name of the schedule.
        user: unique among all users of all runs on the schedule.
        legs: legs per rotation.
        fits: whether an aggregate id may be used; decides the node that the user loads.
    """
    for turn in itertools.count():
        rotation = _fitting(fits, "load-rotation", schedule, user, str(turn))
        airplane = _fitting(fits, "load-airplane", schedule, user, str(turn))
        # Ten characters at most, and free to repeat: the airplane's id is what counts.
        registration = f"L{ids.id_bytes(airplane)[:4].hex().upper()}"
        yield Step(rotation, "create_rotation", commands.CreateRotation(name=user), 1)
        for number in range(legs):
            leg = leg_of(rotation, number)
            yield Step(rotation, "add_leg", commands.AddLeg(leg=leg), number + 2)
        register = commands.RegisterAirplane(registration=registration, aircraft_type="320")
        yield Step(airplane, "register_airplane", register, 1)
        assign = commands.AssignRotationToAirplane(airplane_id=airplane, registration=registration)
        yield Step(rotation, "assign_rotation_to_airplane", assign, legs + 2)


def leg_of(rotation: str, number: int) -> Leg:
    """The leg of that number of a rotation; legs follow each other without overlap."""
    departure_s = _FIRST_DEPARTURE_S + number * _STEP_S
    leg = Leg(
        # Of the rotation's own id with the number in its last digits: unique and cheap.
        leg_id=f"{rotation[:-6]}{number:06x}",
        carrier=_carrier_of(rotation),
        flight_number=(number + int(rotation[-4:], 16)) % 9999 + 1,
        day_of_origin=_day_of(departure_s),
        departure_airport=_AIRPORTS[number % len(_AIRPORTS)],
        arrival_airport=_AIRPORTS[(number + 1) % len(_AIRPORTS)],
        aircraft_type="320",
        service_type="J",
    )
    leg.departure_time.seconds = departure_s
    leg.arrival_time.seconds = departure_s + _BLOCK_S
    return leg


@functools.lru_cache(maxsize=4096)
def _carrier_of(rotation: str) -> str:
    # An airline of its own for each rotation (and another first number): flights of one designator
    # would be findings, and those would grow without bound over a run.
    seed = int(rotation[:8], 16)
    return "".join(_CARRIER[seed // 36**place % 36] for place in range(3))


@functools.lru_cache(maxsize=16_384)
def _day_of(second: int) -> str:
    return iso_minute(second // 60)[:10]


def request_of(schedule: str, step: Step, command_id: str) -> service.ExecuteRequest:
    """The step as a request."""
    request = service.ExecuteRequest(
        schedule=schedule, aggregate_id=step.aggregate_id, command_id=command_id
    )
    getattr(request, step.field).CopyFrom(step.command)
    return request


def _fitting(fits: Callable[[str], bool], *parts: str) -> str:
    for number in range(_MAX_TRIES):
        candidate = ids.derive(*parts, str(number))
        if fits(candidate):
            return candidate
    raise ValueError("no aggregate id fits: does the node own a shard?")
