"""Legs and instants as protobuf messages. Instants of the domain are whole minutes."""

from google.protobuf.timestamp_pb2 import Timestamp

from flightmesh.api.schedule.v1 import types_pb2
from flightmesh.domain.values import FindingRules, Leg, Minute
from flightmesh.errors import InvalidInput
from flightmesh.ids import LegId


def write_leg(message: types_pb2.Leg, leg: Leg) -> None:
    """Writes the leg into an empty message; building it where it is needed saves a copy."""
    message.leg_id = leg.leg_id
    message.carrier = leg.carrier
    message.flight_number = leg.flight_number
    message.day_of_origin = leg.day_of_origin
    message.departure_airport = leg.departure_airport
    message.arrival_airport = leg.arrival_airport
    message.departure_time.seconds = leg.departure * 60
    message.arrival_time.seconds = leg.arrival * 60
    if leg.suffix:
        message.suffix = leg.suffix
    if leg.departure_offset:
        message.departure_utc_offset_minutes = leg.departure_offset
    if leg.arrival_offset:
        message.arrival_utc_offset_minutes = leg.arrival_offset
    if leg.aircraft_type:
        message.aircraft_type = leg.aircraft_type
    if leg.service_type:
        message.service_type = leg.service_type


def leg_of(message: types_pb2.Leg) -> Leg:
    """The leg of a stored message, whose form was checked before it was stored."""
    return Leg(
        LegId(message.leg_id),
        message.carrier,
        message.flight_number,
        message.suffix,
        message.day_of_origin,
        message.departure_airport,
        message.arrival_airport,
        Minute(message.departure_time.seconds // 60),
        Minute(message.arrival_time.seconds // 60),
        message.departure_utc_offset_minutes,
        message.arrival_utc_offset_minutes,
        message.aircraft_type,
        message.service_type,
    )


def whole_minute(timestamp: Timestamp, field: str) -> Minute:
    """The instant of a request's timestamp.

    Raises:
        InvalidInput: it is no whole minute.
    """
    minute, seconds = divmod(timestamp.seconds, 60)
    if seconds or timestamp.nanos:
        raise InvalidInput(field, "is not a whole minute")
    return Minute(minute)


def rules_message(rules: FindingRules) -> types_pb2.FindingRules:
    """The rules as a message."""
    return types_pb2.FindingRules(
        airplane_overlap=rules.airplane_overlap,
        aircraft_type=rules.aircraft_type,
        unknown_airplane=rules.unknown_airplane,
    )


def rules_of(message: types_pb2.FindingRules) -> FindingRules:
    """The rules of a message."""
    return FindingRules(message.airplane_overlap, message.aircraft_type, message.unknown_airplane)
