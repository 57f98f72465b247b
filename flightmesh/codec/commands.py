"""Requests as command envelopes: ids, form and hash, with the API's field names in errors."""

import functools
import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from flightmesh.api.schedule.v1 import types_pb2
from flightmesh.api.shard.v1 import command_service_pb2
from flightmesh.codec.legs import rules_of, whole_minute
from flightmesh.domain import commands, values
from flightmesh.domain.commands import Command
from flightmesh.domain.values import FindingRules, Leg
from flightmesh.errors import InvalidInput
from flightmesh.eventsourcing import CommandEnvelope, Origin
from flightmesh.ids import (
    AggregateId,
    CommandId,
    LegId,
    airplane_id,
    airport_id,
    created_by,
    derive,
    is_uuid,
    is_uuid7,
    schedule_aggregate_id,
)

Request = command_service_pb2.ExecuteRequest

_NO_ORIGIN: Final = Origin()
ON_SCHEDULE: Final = frozenset({"create_schedule", "delete_schedule", "change_finding_rules"})
_schedule_id = functools.lru_cache(maxsize=4_096)(schedule_aggregate_id)


def address_of(request: Request, mint: Callable[[], CommandId]) -> AggregateId:
    """The aggregate a request is for; fills in the command id if the client gave none.

    Raises:
        InvalidInput: there is no command, or no usable aggregate id.
    """
    kind = request.WhichOneof("command")
    if kind is None:
        raise InvalidInput("command", "is missing: exactly one command is needed")
    if not request.command_id:
        request.command_id = mint()
    if kind in ON_SCHEDULE:
        return _schedule_address(request)
    aggregate_id = AggregateId(request.aggregate_id)
    if not aggregate_id:
        return created_aggregate(request, kind)
    if kind == "define_airport" and aggregate_id != created_aggregate(request, kind):
        # Two aggregates of one code would have two minimums, and readers one of them.
        raise InvalidInput("aggregate_id", "is not that of the airport's code; leave it out")
    return aggregate_id


def created_aggregate(request: Request, kind: str | None) -> AggregateId:
    """The aggregate that a create without an id is for (ADR 18); `kind` is the command's member.

    Raises:
        InvalidInput: the command creates nothing, so it has to name its aggregate.
    """
    if kind == "create_rotation":
        return created_by(request.command_id)
    if kind == "register_airplane":
        return airplane_id(request.schedule, request.register_airplane.registration)
    if kind == "define_airport":
        return airport_id(request.schedule, request.define_airport.iata)
    raise InvalidInput("aggregate_id", "is missing")


def _schedule_address(request: Request) -> AggregateId:
    check_schedule(request.schedule)  # first: what is remembered has a bounded size
    aggregate_id = _schedule_id(request.schedule)
    if request.aggregate_id not in ("", aggregate_id):
        raise InvalidInput("aggregate_id", "is not that of the schedule; leave it empty")
    return aggregate_id


def envelope_of(request: Request, aggregate_id: AggregateId) -> CommandEnvelope:
    """The command of a request whose address is known.

    Raises:
        InvalidInput: a field is malformed.
    """
    check_schedule(request.schedule)
    command_id = request.command_id
    if not is_uuid7(command_id):
        raise InvalidInput("command_id", "is not a UUIDv7 in lower-case canonical form")
    kind = request.WhichOneof("command")
    assert kind is not None
    command = _BUILD[kind](getattr(request, kind), request)
    commands.check(command)
    expected = request.expected_sequence if request.HasField("expected_sequence") else None
    return CommandEnvelope(
        CommandId(command_id),
        aggregate_id,
        commands.AGGREGATE_TYPE[type(command)],
        request.schedule,
        command,
        body_hash(command, request.schedule, aggregate_id, expected),
        expected,
        origin_of(request),
    )


_checked_schedules: Final = functools.lru_cache(maxsize=4_096)(values.check_schedule_name)


def check_schedule(name: str) -> None:
    """Raises InvalidInput unless name has the form of a schedule's name."""
    _checked_schedules(name)


_encode = msgspec.msgpack.Encoder().encode


def body_hash(
    command: Command, schedule: str, aggregate_id: AggregateId, expected: int | None
) -> bytes:
    """16 bytes that differ for different commands: BLAKE2b over a canonical MessagePack form.

    The origin is left out: a retry may come through another program.
    """
    body = _encode((type(command).__name__, schedule, aggregate_id, expected, command))
    return hashlib.blake2b(body, digest_size=16).digest()


def origin_of(request: Request) -> Origin:
    """Who sent the request, from where and why.

    Raises:
        InvalidInput: a text is too long or cannot be printed.
    """
    if not request.HasField("metadata"):
        return _NO_ORIGIN
    metadata = request.metadata
    origin = Origin(metadata.actor, metadata.source, metadata.correlation_id, metadata.causation_id)
    for name in ("actor", "source", "correlation_id", "causation_id"):
        values.check_name(getattr(origin, name), f"metadata.{name}")
    return origin


def _leg(message: types_pb2.Leg, prefix: str, leg_id: str) -> Leg:
    if not (message.HasField("departure_time") and message.HasField("arrival_time")):
        missing = "arrival_time" if message.HasField("departure_time") else "departure_time"
        raise InvalidInput(f"{prefix}{missing}", "is missing")
    if not is_uuid(leg_id):
        raise InvalidInput(f"{prefix}leg_id", "is not a UUID in lower-case canonical form")
    return Leg(
        LegId(leg_id),
        message.carrier,
        message.flight_number,
        message.suffix,
        message.day_of_origin,
        message.departure_airport,
        message.arrival_airport,
        whole_minute(message.departure_time, f"{prefix}departure_time"),
        whole_minute(message.arrival_time, f"{prefix}arrival_time"),
        message.departure_utc_offset_minutes,
        message.arrival_utc_offset_minutes,
        message.aircraft_type,
        message.service_type,
    )


def _add_leg(message: Any, request: Request) -> commands.AddLeg:
    if not message.HasField("leg"):
        raise InvalidInput("leg", "is missing")
    leg = message.leg
    return commands.AddLeg(_leg(leg, "leg.", leg.leg_id or derived_leg_id(request.command_id, 0)))


def derived_leg_id(command_id: str, place: int) -> LegId:
    """Id of the leg at that place (from 0) of a command that named none."""
    return LegId(derive("added", command_id, str(place)))


def _add_legs(message: Any, request: Request) -> commands.AddLegs:
    # Before any work is done on them.
    if len(message.legs) > commands.MAX_LEGS_PER_COMMAND:
        raise InvalidInput("legs", f"more than {commands.MAX_LEGS_PER_COMMAND} legs")
    return commands.AddLegs(
        tuple(
            _leg(leg, f"legs[{n}].", leg.leg_id or derived_leg_id(request.command_id, n))
            for n, leg in enumerate(message.legs)
        )
    )


def _change_leg_times(message: Any, _: Request) -> commands.ChangeLegTimes:
    for name in ("departure_time", "arrival_time"):
        if not message.HasField(name):
            raise InvalidInput(name, "is missing")
    return commands.ChangeLegTimes(
        _leg_id(message.leg_id),
        whole_minute(message.departure_time, "departure_time"),
        whole_minute(message.arrival_time, "arrival_time"),
        _optional(message, "departure_utc_offset_minutes"),
        _optional(message, "arrival_utc_offset_minutes"),
    )


def _leg_id(text: str) -> LegId:
    if not is_uuid(text):
        raise InvalidInput("leg_id", "is not a UUID in lower-case canonical form")
    return LegId(text)


def _assign(message: Any, request: Request) -> commands.AssignRotationToAirplane:
    airplane = message.airplane_id
    if not airplane:
        if not message.registration:
            raise InvalidInput("airplane_id", "is missing, and so is registration")
        airplane = airplane_id(request.schedule, message.registration)
    elif not is_uuid(airplane):
        raise InvalidInput("airplane_id", "is not a UUID in lower-case canonical form")
    return commands.AssignRotationToAirplane(AggregateId(airplane), message.registration)


def _optional(message: Any, name: str) -> int | None:
    return getattr(message, name) if message.HasField(name) else None


def _rules(message: Any) -> FindingRules:
    return rules_of(message.finding_rules) if message.HasField("finding_rules") else FindingRules()


def _change_rules(message: Any, _: Request) -> commands.ChangeFindingRules:
    if not message.HasField("finding_rules"):
        raise InvalidInput("finding_rules", "is missing")
    return commands.ChangeFindingRules(rules_of(message.finding_rules))


_BUILD: Final[dict[str, Callable[[Any, Request], Command]]] = {
    "create_schedule": lambda m, r: commands.CreateSchedule(r.schedule, m.title, _rules(m)),
    "delete_schedule": lambda _m, _r: commands.DeleteSchedule(),
    "change_finding_rules": _change_rules,
    "create_rotation": lambda m, _: commands.CreateRotation(m.name),
    "add_leg": _add_leg,
    "add_legs": _add_legs,
    "remove_leg": lambda m, _: commands.RemoveLeg(_leg_id(m.leg_id)),
    "change_leg_times": _change_leg_times,
    "remove_rotation": lambda _m, _r: commands.RemoveRotation(),
    "assign_rotation_to_airplane": _assign,
    "unassign_rotation": lambda _m, _r: commands.UnassignRotation(),
    "register_airplane": lambda m, _: commands.RegisterAirplane(
        m.registration, m.aircraft_type, _optional(m, "minimum_ground_minutes")
    ),
    "change_airplane": lambda m, _: commands.ChangeAirplane(
        m.aircraft_type, _optional(m, "minimum_ground_minutes")
    ),
    "retire_airplane": lambda _m, _r: commands.RetireAirplane(),
    "define_airport": lambda m, _: commands.DefineAirport(
        m.iata, _optional(m, "minimum_ground_minutes"), m.time_zone
    ),
}
