"""The layout of SSIM Chapter 7 records, and what is read of them.

A table of columns (1-based, inclusive, as the format's descriptions count them); each field has a
parser and the rule that it breaks. Aircraft times (columns 44-47, 58-61) are read, not passenger
times. Source of the layout: public parsers that agree on it.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from flightmesh.loading import ssim_fields
from flightmesh.loading.issues import Rule

RECORD_LENGTH: Final = 200
HEADER_TITLE: Final = "AIRLINE STANDARD SCHEDULE DATA SET"
MAX_PERIOD_DAYS: Final = 1_100


class FieldError(Exception):
    """A field does not have its form; says rule, column and reason."""

    def __init__(self, rule: Rule, column: int, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.column = column
        self.message = message


class Columns(NamedTuple):
    """A field: first and last column, what reads it, and the rule that it may break."""

    first: int
    last: int
    parse: Callable[[str], Any]
    rule: Rule

    def read(self, text: str) -> Any:
        """The field's value in a record; raises FieldError."""
        try:
            return self.parse(text[self.first - 1 : self.last])
        except ValueError as error:
            raise FieldError(self.rule, self.first, str(error)) from None


class CarrierBlock(msgspec.Struct, frozen=True, gc=False):
    """A type 2 record: what its legs share.

    Attributes:
        number: from 1, in the file.
        carrier: airline designator.
        utc: whether times, dates and days are in UTC (else local).
        valid_from: ordinal of the first day of validity; None if it was not readable.
        valid_to: ordinal of the last day of validity; None if it was not readable.
    """

    number: int
    carrier: str
    utc: bool
    valid_from: int | None
    valid_to: int | None


class OnwardFlight(msgspec.Struct, frozen=True, gc=False):
    """The aircraft's next flight; `layover` is in whole days (24 hours) at the arrival station."""

    carrier: str
    flight_number: int
    suffix: str
    layover: int = 0


class LegRecord(msgspec.Struct, frozen=True, gc=False):
    """A type 3 record with what its type 4 records say of it.

    Dates are ordinals, times minutes from midnight, in the block's time mode; variations are
    minutes, local minus UTC; date variations are days after the day of origin (None: not given).
    """

    line: int
    block: CarrierBlock
    suffix: str
    carrier: str
    flight_number: int
    variation: int
    sequence: int
    service_type: str
    first_day: int
    last_day: int
    days: int
    fortnightly: bool
    departure_airport: str
    departure_time: int
    departure_variation: int
    arrival_airport: str
    arrival_time: int
    arrival_variation: int
    aircraft_type: str
    transit_layover: int
    departure_date_variation: int | None
    arrival_date_variation: int | None
    onward: OnwardFlight | None = None
    code_share: bool = False


_F = ssim_fields
CARRIER = Columns(3, 5, _F.carrier, Rule.SSIM_CARRIER)
VALID_FROM = Columns(15, 21, _F.open_date, Rule.SSIM_VALIDITY)
VALID_TO = Columns(22, 28, _F.open_date, Rule.SSIM_VALIDITY)
OVERFLOW = Columns(128, 128, _F.digit, Rule.SSIM_ITINERARY_ID)
LEG_FIELDS: Final = {
    "suffix": Columns(2, 2, _F.letter, Rule.SSIM_FLIGHT),
    "carrier": CARRIER,
    "flight_number": Columns(6, 9, _F.flight_number, Rule.SSIM_FLIGHT),
    "variation": Columns(10, 11, _F.two_digits, Rule.SSIM_ITINERARY_ID),
    "sequence": Columns(12, 13, _F.ordinal_number, Rule.SSIM_ITINERARY_ID),
    "service_type": Columns(14, 14, _F.letter, Rule.SSIM_SERVICE_TYPE),
    "first_day": Columns(15, 21, _F.open_date, Rule.SSIM_DATE),
    "last_day": Columns(22, 28, _F.open_date, Rule.SSIM_DATE),
    "days": Columns(29, 35, _F.days, Rule.SSIM_DAYS),
    "fortnightly": Columns(36, 36, _F.fortnightly, Rule.SSIM_FREQUENCY),
    "departure_airport": Columns(37, 39, _F.station, Rule.SSIM_STATION),
    "departure_time": Columns(44, 47, _F.departure_time, Rule.SSIM_TIME),
    "departure_variation": Columns(48, 52, _F.variation, Rule.SSIM_VARIATION),
    "arrival_airport": Columns(55, 57, _F.station, Rule.SSIM_STATION),
    "arrival_time": Columns(58, 61, _F.arrival_time, Rule.SSIM_TIME),
    "arrival_variation": Columns(66, 70, _F.variation, Rule.SSIM_VARIATION),
    "aircraft_type": Columns(73, 75, _F.aircraft_type, Rule.SSIM_AIRCRAFT_TYPE),
    "transit_layover": Columns(148, 148, _F.digit, Rule.SSIM_ITINERARY),
    "departure_date_variation": Columns(193, 193, _F.date_variation, Rule.SSIM_DATE_VARIATION),
    "arrival_date_variation": Columns(194, 194, _F.date_variation, Rule.SSIM_DATE_VARIATION),
}
# Broken, these cost the leg a suggestion or a cross-check, never the leg.
FORGIVEN: Final = {
    "transit_layover": 0,
    "departure_date_variation": None,
    "arrival_date_variation": None,
}


def close_period(values: dict[str, Any], block: CarrierBlock) -> None:
    """Replaces open ends by the block's validity; raises FieldError if there is no such period."""
    for name, column, limit in (
        ("first_day", 15, block.valid_from),
        ("last_day", 22, block.valid_to),
    ):
        if values[name] is None:
            if values["fortnightly"]:
                message = "an open period has frequency rate 2"
                raise FieldError(Rule.SSIM_FREQUENCY, 36, message)
            if limit is None:
                message = "the period is open, and so is the carrier block's validity"
                raise FieldError(Rule.SSIM_DATE, column, message)
            values[name] = limit
    length = values["last_day"] - values["first_day"] + 1
    if length < 1:
        raise FieldError(Rule.SSIM_PERIOD, 22, "the period ends before it starts")
    if length > MAX_PERIOD_DAYS:
        message = f"the period has {length} days, more than {MAX_PERIOD_DAYS}"
        raise FieldError(Rule.SSIM_PERIOD, 22, message)
