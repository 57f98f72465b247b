"""Values of the domain and the form they must have. Pure.

Instants are whole minutes since 1970-01-01T00:00Z (`Minute`), so that comparing them is comparing
integers. Form is checked by the `check_*` functions, which name the field; whether a value makes
sense in its schedule is a finding of the read side, never a check here.
"""

import datetime as dt
import functools
import re
from typing import NewType

import msgspec

from flightmesh.errors import InvalidInput
from flightmesh.ids import LegId

Minute = NewType("Minute", int)

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# 1900-01-01 and 2199-12-31: wide enough for any schedule, narrow enough to catch a wrong century.
FIRST_MINUTE = Minute(-36_816_480)
LAST_MINUTE = Minute(120_968_639)
MAX_LEG_MINUTES = 2 * 24 * 60
MAX_UTC_OFFSET_MINUTES = 14 * 60
MAX_GROUND_MINUTES = 7 * 24 * 60
DEFAULT_GROUND_MINUTES = 30

_SCHEDULE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_CARRIER = re.compile(r"[A-Z0-9]{2,3}")
_SUFFIX = re.compile(r"[A-Z]?")
_IATA = re.compile(r"[A-Z]{3}")
_AIRCRAFT = re.compile(r"[A-Z0-9]{0,4}")
_SERVICE = re.compile(r"[A-Z]?")
_REGISTRATION = re.compile(r"[A-Z0-9][A-Z0-9-]{0,9}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LEG_CODES = re.compile(
    "/".join(
        (
            _CARRIER.pattern,
            _SUFFIX.pattern,
            _SERVICE.pattern,
            _IATA.pattern,
            _IATA.pattern,
            _AIRCRAFT.pattern,
        )
    )
)
MAX_NAME = 200


class Leg(msgspec.Struct, frozen=True, gc=False):
    """One dated leg: an airplane's movement from off-block to on-block.

    Attributes:
        leg_id: UUID, kept when the times change.
        carrier: airline designator, 2 or 3 characters.
        flight_number: 1 to 9999.
        suffix: operational suffix, one letter or empty.
        day_of_origin: YYYY-MM-DD, in the time mode of the source.
        departure_airport: IATA code.
        arrival_airport: IATA code.
        departure: off-block, minutes since 1970 UTC.
        arrival: on-block, minutes since 1970 UTC, after departure.
        departure_offset: local time minus UTC at departure, minutes.
        arrival_offset: local time minus UTC at arrival, minutes.
        aircraft_type: IATA code, empty if unknown.
        service_type: IATA code, empty if unknown.
    """

    leg_id: LegId
    carrier: str
    flight_number: int
    suffix: str
    day_of_origin: str
    departure_airport: str
    arrival_airport: str
    departure: Minute
    arrival: Minute
    departure_offset: int = 0
    arrival_offset: int = 0
    aircraft_type: str = ""
    service_type: str = ""

    @property
    def designator(self) -> str:
        """The flight designator as text, for example `XX 946/2005-06-14/MRS`."""
        return designator(
            self.carrier,
            self.flight_number,
            self.suffix,
            self.day_of_origin,
            self.departure_airport,
        )


class FindingRules(msgspec.Struct, frozen=True, gc=False):
    """Which of the checks beyond the thesis's three are on for a schedule."""

    airplane_overlap: bool = True
    aircraft_type: bool = True
    unknown_airplane: bool = True


def designator(carrier: str, number: int, suffix: str, day: str, departure_airport: str) -> str:
    """A flight designator as text; equal text is equal parts.

    The space is needed: carriers may end in a digit, so IR9 1 and IR 91 are two flights.
    """
    return f"{carrier} {number}{suffix}/{day}/{departure_airport}"


def minute_of(instant: dt.datetime) -> Minute:
    """Minutes since 1970 UTC of an aware instant, rounded down."""
    return Minute(int((instant - EPOCH).total_seconds() // 60))


def instant_of(minute: int) -> dt.datetime:
    """The instant of a Minute, in UTC."""
    return EPOCH + dt.timedelta(minutes=minute)


def iso_minute(minute: int) -> str:
    """A Minute as people and programs read it, for example `2005-06-14T23:50Z`."""
    return instant_of(minute).strftime("%Y-%m-%dT%H:%MZ")


def check_schedule_name(name: str, field: str = "schedule") -> None:
    """Raises InvalidInput unless name is 1-63 of a-z, 0-9, "-", ending in letters or digits."""
    if not _SCHEDULE.fullmatch(name):
        raise InvalidInput(
            field,
            f"{name[:80]!r} is no schedule name: 1 to 63 of a-z, 0-9 and '-', "
            "beginning and ending with a letter or digit",
        )


def check_iata(code: str, field: str) -> None:
    """Raises InvalidInput unless code has the form of an IATA airport code."""
    if not _IATA.fullmatch(code):
        raise InvalidInput(field, f"{code[:20]!r} is no IATA airport code (three letters A-Z)")


def check_registration(text: str, field: str = "registration") -> None:
    """Raises InvalidInput unless text has the form of an aircraft registration."""
    if not _REGISTRATION.fullmatch(text):
        raise InvalidInput(field, f"{text[:20]!r} is no registration (1 to 10 of A-Z, 0-9 and '-')")


def check_aircraft_type(text: str, field: str = "aircraft_type") -> None:
    """Raises InvalidInput unless text is empty or has the form of an aircraft type code."""
    if not _AIRCRAFT.fullmatch(text):
        raise InvalidInput(field, f"{text[:20]!r} is no aircraft type (up to 4 of A-Z, 0-9)")


def check_ground_minutes(minutes: int | None, field: str = "minimum_ground_minutes") -> None:
    """Raises InvalidInput unless minutes is absent or between 0 and one week."""
    if minutes is not None and not 0 <= minutes <= MAX_GROUND_MINUTES:
        raise InvalidInput(field, f"{minutes} is not between 0 and {MAX_GROUND_MINUTES} minutes")


def check_name(text: str, field: str) -> None:
    """Raises InvalidInput unless text is printable and at most 200 characters long."""
    if len(text) > MAX_NAME:
        raise InvalidInput(field, f"longer than {MAX_NAME} characters")
    if text and not text.isprintable():
        raise InvalidInput(field, "has characters that cannot be printed")


def check_day(text: str, field: str) -> None:
    """Raises InvalidInput unless text is a date, YYYY-MM-DD."""
    # What is remembered has a bounded size.
    if len(text) != 10 or not _is_day(text):
        raise InvalidInput(field, f"{text[:20]!r} is no date (YYYY-MM-DD)")


@functools.lru_cache(maxsize=4_096)
def _is_day(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return _DATE.fullmatch(text) is not None


def check_times(departure: int, arrival: int, prefix: str = "") -> None:
    """Raises InvalidInput unless departure < arrival, both in range, at most two days apart."""
    for value, name in ((departure, "departure_time"), (arrival, "arrival_time")):
        if not FIRST_MINUTE <= value <= LAST_MINUTE:
            raise InvalidInput(prefix + name, "is not between the years 1900 and 2199")
    if arrival <= departure:
        raise InvalidInput(
            prefix + "arrival_time",
            f"{iso_minute(arrival)} is not after departure_time {iso_minute(departure)}",
        )
    if arrival - departure > MAX_LEG_MINUTES:
        raise InvalidInput(prefix + "arrival_time", "is more than 48 hours after departure_time")


def check_offset(minutes: int, field: str) -> None:
    """Raises InvalidInput unless minutes is a possible difference to UTC."""
    if not -MAX_UTC_OFFSET_MINUTES <= minutes <= MAX_UTC_OFFSET_MINUTES:
        raise InvalidInput(field, f"{minutes} is not between -840 and 840 minutes")


def check_leg(leg: Leg, prefix: str = "leg.") -> None:
    """Raises InvalidInput, naming the field, unless every part of the leg is well-formed."""
    codes = (
        f"{leg.carrier}/{leg.suffix}/{leg.service_type}/{leg.departure_airport}/"
        f"{leg.arrival_airport}/{leg.aircraft_type}"
    )
    # All codes at once: one match costs a third of six. What does not match is looked at singly.
    if not _LEG_CODES.fullmatch(codes):
        _check_codes(leg, prefix)
    if not 1 <= leg.flight_number <= 9999:
        raise InvalidInput(
            prefix + "flight_number", f"{leg.flight_number} is not between 1 and 9999"
        )
    check_day(leg.day_of_origin, prefix + "day_of_origin")
    check_times(leg.departure, leg.arrival, prefix)
    if leg.departure_offset or leg.arrival_offset:
        check_offset(leg.departure_offset, prefix + "departure_utc_offset_minutes")
        check_offset(leg.arrival_offset, prefix + "arrival_utc_offset_minutes")


def _check_codes(leg: Leg, prefix: str) -> None:
    if not _CARRIER.fullmatch(leg.carrier):
        raise InvalidInput(
            prefix + "carrier",
            f"{leg.carrier[:20]!r} is no airline designator (2 or 3 of A-Z, 0-9)",
        )
    if not _SUFFIX.fullmatch(leg.suffix):
        raise InvalidInput(prefix + "suffix", f"{leg.suffix[:20]!r} is not one letter A-Z")
    if not _SERVICE.fullmatch(leg.service_type):
        raise InvalidInput(
            prefix + "service_type", f"{leg.service_type[:20]!r} is not one letter A-Z"
        )
    check_iata(leg.departure_airport, prefix + "departure_airport")
    check_iata(leg.arrival_airport, prefix + "arrival_airport")
    check_aircraft_type(leg.aircraft_type, prefix + "aircraft_type")
