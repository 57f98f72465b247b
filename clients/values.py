"""Values of the API built from Python's: legs from datetimes, timestamps, check switches."""

import datetime as dt

from google.protobuf.timestamp_pb2 import Timestamp

from flightmesh.api.schedule.v1.types_pb2 import Leg
from flightmesh.errors import InvalidInput


def timestamp(instant: dt.datetime, field: str) -> Timestamp:
    """The instant as a Timestamp.

    Raises:
        InvalidInput: the datetime does not say its UTC offset.
    """
    if instant.tzinfo is None:
        raise InvalidInput(field, "the time needs a UTC offset, for example tzinfo=datetime.UTC")
    message = Timestamp()
    message.FromDatetime(instant.astimezone(dt.UTC))
    return message


def new_leg(
    *,
    carrier: str,
    flight_number: int,
    departure_airport: str,
    arrival_airport: str,
    departure_time: dt.datetime,
    arrival_time: dt.datetime,
    day_of_origin: dt.date | None = None,
    suffix: str = "",
    leg_id: str = "",
    aircraft_type: str = "",
    service_type: str = "",
) -> Leg:
    """A leg for AddLeg and AddLegs.

    Args:
        carrier: airline designator.
        flight_number: 1 to 9999.
        departure_airport: IATA code.
        arrival_airport: IATA code.
        departure_time: off-block, with its local UTC offset.
        arrival_time: on-block, with its local UTC offset.
        day_of_origin: the local date of departure if absent.
        suffix: operational suffix.
        leg_id: UUID; derived from the command id if empty (AddLeg only).
        aircraft_type: IATA code.
        service_type: IATA code.

    Raises:
        InvalidInput: a time does not say its UTC offset. The server checks the rest.
    """
    return Leg(
        leg_id=leg_id,
        carrier=carrier,
        flight_number=flight_number,
        suffix=suffix,
        day_of_origin=(day_of_origin or departure_time.date()).isoformat(),
        departure_airport=departure_airport,
        arrival_airport=arrival_airport,
        departure_time=timestamp(departure_time, "departure_time"),
        arrival_time=timestamp(arrival_time, "arrival_time"),
        departure_utc_offset_minutes=offset_minutes(departure_time),
        arrival_utc_offset_minutes=offset_minutes(arrival_time),
        aircraft_type=aircraft_type,
        service_type=service_type,
    )


def offset_minutes(instant: dt.datetime) -> int:
    """Local time minus UTC, minutes; 0 where the datetime does not say."""
    offset = instant.utcoffset()
    return int(offset.total_seconds() // 60) if offset is not None else 0
