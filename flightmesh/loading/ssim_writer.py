"""SSIM Chapter 7 records as bytes, with their serial numbers.

Records of one kind are filled up to blocks of five with lines of zeros, which take no serial
number. For the columns see `ssim_layout`.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final, NamedTuple, final

from flightmesh.loading.ssim_fields import (
    format_date,
    format_days,
    format_time,
    format_variation,
)
from flightmesh.loading.ssim_layout import HEADER_TITLE, RECORD_LENGTH
from flightmesh.loading.ssim_periods import Period

_END: Final = b"\r\n"
_ZEROS: Final = b"0" * RECORD_LENGTH + _END
_BLOCK: Final = 5
_LAST_SERIAL: Final = 999_999
# The format wants booking designators or a configuration; a schedule knows neither.
_BOOKING: Final = "Y"


class ItineraryId(NamedTuple):
    """What the legs of an itinerary share; the variation is from 1."""

    carrier: str
    flight_number: int
    suffix: str
    variation: int


class FlightLeg(NamedTuple):
    """A leg without its date; times are minutes of the day in the file's time mode.

    Attributes:
        departure_airport: IATA code.
        arrival_airport: IATA code.
        shift: days from the day of origin to the day of departure.
        departure: time of day.
        departure_offset: local time minus UTC, minutes.
        arrival_shift: days from the day of origin to the day of arrival.
        arrival: time of day.
        arrival_offset: local time minus UTC, minutes.
        aircraft_type: up to three characters.
        service_type: one letter or empty.
        onward: columns 138 to 146.
    """

    departure_airport: str
    arrival_airport: str
    shift: int
    departure: int
    departure_offset: int
    arrival_shift: int
    arrival: int
    arrival_offset: int
    aircraft_type: str
    service_type: str
    onward: str


@final
class SsimWriter:
    """Writes the records of one file, in the order of the calls."""

    def __init__(self, title: str, created: dt.datetime, *, utc: bool) -> None:
        self._title = title
        self._created = created
        self._mode = "U" if utc else "L"
        self._serial = 0
        self._in_block = 0

    def header(self) -> Iterator[bytes]:
        """The type 1 record."""
        yield self._record("1" + HEADER_TITLE.ljust(190) + "001")
        yield from self._fill()

    def carrier(self, carrier: str, first: int, last: int) -> Iterator[bytes]:
        """The type 2 record; first and last are the ordinals of the validity."""
        created = format_date(self._created.toordinal())
        text = (
            f"2{self._mode}{carrier:<3}{'':9}{format_date(first)}{format_date(last)}{created}"
            f"{self._title[:29]:<29}{'':7}P"
        )
        yield self._record(text.ljust(190) + self._created.strftime("%H%M"))
        yield from self._fill()

    def leg(self, itinerary: ItineraryId, sequence: int, period: Period, leg: FlightLeg) -> bytes:
        """A type 3 record; the period is of days of origin, the sequence is from 1."""
        variation = itinerary.variation
        departure, arrival = format_time(leg.departure), format_time(leg.arrival)
        hundreds = variation // 100 or " "
        text = (
            f"3{itinerary.suffix or ' '}{itinerary.carrier:<3}{itinerary.flight_number:>4}"
            f"{variation % 100:02}{sequence:02}"
            f"{leg.service_type or ' '}"
            f"{format_date(period.first + leg.shift)}{format_date(period.last + leg.shift)}"
            f"{format_days(_turned(period.days, leg.shift))} "
            f"{leg.departure_airport}{departure}{departure}"
            f"{format_variation(leg.departure_offset)}  "
            f"{leg.arrival_airport}{arrival}{arrival}{format_variation(leg.arrival_offset)}  "
            f"{leg.aircraft_type:<3}{_BOOKING:<20}"
        )
        text = f"{text:<127}{hundreds}{'':9}{leg.onward}"
        variations = _date_variation(leg.shift) + _date_variation(leg.arrival_shift)
        return self._record(f"{text:<192}{variations}")

    def trailer(self, carrier: str) -> Iterator[bytes]:
        """The type 5 record, and the zeros that end the legs before it."""
        yield from self._fill()
        text = f"5 {carrier:<3}".ljust(187)
        yield self._record(f"{text}{self._serial:06}E")
        yield from self._fill()

    def _record(self, text: str) -> bytes:
        self._serial = self._serial + 1 if self._serial < _LAST_SERIAL else 2
        self._in_block = (self._in_block + 1) % _BLOCK
        return f"{text:<194}{self._serial:06}".encode("ascii") + _END

    def _fill(self) -> Iterator[bytes]:
        while self._in_block:
            self._in_block = (self._in_block + 1) % _BLOCK
            yield _ZEROS


def _turned(days: int, shift: int) -> int:
    """The mask of weekdays, moved by a number of days."""
    turn = shift % 7
    return (days << turn | days >> 7 - turn) & 0b1111111


def _date_variation(days: int) -> str:
    return "A" if days < 0 else str(days)
