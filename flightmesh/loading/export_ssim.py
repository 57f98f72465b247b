"""A schedule's legs as an SSIM Chapter 7 file.

One carrier block per airline. The legs of a flight and day of origin are an itinerary; itineraries
that differ in their date only share their records. Date variations (columns 193-194) say day of
origin and arrival outright, so an import gives the same legs, whatever planners made of them. Legs
that share a designator are written in order of occurrence, so that they get the same ids.

What the format cannot hold is refused before the first byte: an export is complete, or it is not.
"""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from flightmesh.domain.values import Leg
from flightmesh.errors import Refused
from flightmesh.ids import LegId
from flightmesh.loading.dates import ordinal_of
from flightmesh.loading.local_time import DAY, EPOCH_ORDINAL
from flightmesh.loading.occurrences import by_occurrence
from flightmesh.loading.plan import leg_order
from flightmesh.loading.ssim_periods import Period, periods
from flightmesh.loading.ssim_writer import FlightLeg, ItineraryId, SsimWriter

_FIRST_DAY: Final = dt.date(1970, 1, 1).toordinal()
_LAST_DAY: Final = dt.date(2069, 12, 31).toordinal()
_MAX_ITINERARIES: Final = 999
_MAX_LEGS: Final = 99
_MAX_LAYOVER_DAYS: Final = 9
_PIECE_BYTES: Final = 65_536

_Flight = tuple[str, int]
_Pattern = tuple[FlightLeg, ...]


class _Itinerary(NamedTuple):
    """Legs of one flight, and the days of origin on which they operate."""

    layer: int
    suffix: str
    pattern: _Pattern
    period: Period


def onward_flights(rotations: Iterable[Sequence[Leg]]) -> dict[LegId, Leg]:
    """The next leg of the aircraft by leg, where it departs from the station that was reached.

    Args:
        rotations: the legs of each rotation, in order of departure.
    """
    return {
        leg.leg_id: after
        for legs in rotations
        for leg, after in itertools.pairwise(legs)
        if leg.arrival_airport == after.departure_airport
        and (after.departure - leg.arrival) // DAY <= _MAX_LAYOVER_DAYS
        and _flight_and_day(leg) != _flight_and_day(after)
    }


def export_ssim(
    schedule: str,
    legs: Iterable[Leg],
    *,
    created: dt.datetime,
    utc: bool = True,
    onward: Mapping[LegId, Leg] | None = None,
) -> Iterator[bytes]:
    """The file, in pieces of about 64 KiB.

    Args:
        schedule: name of the schedule; titles the file, and orders legs with equal designators.
        legs: in any order.
        created: when, for the file's header, in UTC.
        utc: whether the file is in UTC, else in local time. Days of origin stay as they are.
        onward: see `onward_flights`.

    Raises:
        Refused: NOT_EXPRESSIBLE; the format cannot hold some of the legs.
    """
    flights = _flights(schedule, legs, utc, onward or {})
    writer = SsimWriter(schedule.upper(), created, utc=utc)
    return _pieces(_records(writer, flights))


def _flights(
    schedule: str, legs: Iterable[Leg], utc: bool, onward: Mapping[LegId, Leg]
) -> dict[_Flight, list[_Itinerary]]:
    days: dict[tuple[str, int, int, str, str], list[Leg]] = {}
    for same in by_occurrence(schedule, legs).values():
        for layer, leg in enumerate(same):
            key = (leg.carrier, leg.flight_number, layer, leg.suffix, leg.day_of_origin)
            days.setdefault(key, []).append(leg)
    patterns: dict[tuple[str, int, int, str, _Pattern], list[int]] = {}
    for (carrier, number, layer, suffix, day), members in days.items():
        origin = ordinal_of(day)
        members.sort(key=leg_order)
        pattern = tuple(_flight_leg(leg, origin, utc, onward.get(leg.leg_id)) for leg in members)
        patterns.setdefault((carrier, number, layer, suffix, pattern), []).append(origin)
    flights: dict[_Flight, list[_Itinerary]] = {}
    for (carrier, number, layer, suffix, pattern), origins in sorted(
        patterns.items(), key=lambda item: (item[0][:4], min(item[1]))
    ):
        itineraries = flights.setdefault((carrier, number), [])
        for period in periods(sorted(origins)):
            itineraries.append(_Itinerary(layer, suffix, pattern, period))
        _check_size(carrier, number, itineraries)
    return flights


def _check_size(carrier: str, number: int, itineraries: list[_Itinerary]) -> None:
    if len(itineraries) > _MAX_ITINERARIES:
        raise _inexpressible(f"{carrier}{number} has more than {_MAX_ITINERARIES} itineraries")
    if len(itineraries[-1].pattern) > _MAX_LEGS:
        raise _inexpressible(f"{carrier}{number} has more than {_MAX_LEGS} legs on one day")


def _flight_leg(leg: Leg, origin: int, utc: bool, after: Leg | None) -> FlightLeg:
    departure = leg.departure + (0 if utc else leg.departure_offset)
    arrival = leg.arrival + (0 if utc else leg.arrival_offset)
    departure_day = departure // DAY + EPOCH_ORDINAL
    departure_shift = departure_day - origin
    arrival_shift = arrival // DAY + EPOCH_ORDINAL - origin
    if not -1 <= departure_shift <= 7 or not -1 <= arrival_shift <= 7:
        raise _inexpressible(f"{leg.designator} flies a day before or a week after its origin")
    if not _FIRST_DAY <= departure_day <= _LAST_DAY:
        raise _inexpressible(f"{leg.designator} is not between the years 1970 and 2069")
    if len(leg.aircraft_type) > 3:
        raise _inexpressible(f"{leg.designator} has an aircraft type of four characters")
    return FlightLeg(
        leg.departure_airport,
        leg.arrival_airport,
        departure_shift,
        departure % DAY,
        leg.departure_offset,
        arrival_shift,
        arrival % DAY,
        leg.arrival_offset,
        leg.aircraft_type,
        leg.service_type,
        _onward_field(leg, after),
    )


def _onward_field(leg: Leg, after: Leg | None) -> str:
    if after is None:
        return " " * 9
    layover = (after.departure - leg.arrival) // DAY or " "
    return f"{after.carrier:<3}{after.flight_number:>4}{layover}{after.suffix:1}"


def _records(writer: SsimWriter, flights: dict[_Flight, list[_Itinerary]]) -> Iterator[bytes]:
    yield from writer.header()
    ordered = sorted(flights.items())
    for carrier, group in itertools.groupby(ordered, key=lambda item: item[0][0]):
        block = list(group)
        first, last = _validity([itinerary for _, members in block for itinerary in members])
        yield from writer.carrier(carrier, first, last)
        for (_, number), itineraries in block:
            for variation, itinerary in enumerate(itineraries, 1):
                name = ItineraryId(carrier, number, itinerary.suffix, variation)
                for sequence, leg in enumerate(itinerary.pattern, 1):
                    yield writer.leg(name, sequence, itinerary.period, leg)
        yield from writer.trailer(carrier)


def _validity(itineraries: list[_Itinerary]) -> tuple[int, int]:
    first = min(i.period.first + leg.shift for i in itineraries for leg in i.pattern)
    last = max(i.period.last + leg.shift for i in itineraries for leg in i.pattern)
    return first, last


def _pieces(records: Iterator[bytes]) -> Iterator[bytes]:
    gathered: list[bytes] = []
    size = 0
    for record in records:
        gathered.append(record)
        size += len(record)
        if size >= _PIECE_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)


def _flight_and_day(leg: Leg) -> tuple[str, int, str, str]:
    return (leg.carrier, leg.flight_number, leg.suffix, leg.day_of_origin)


def _inexpressible(message: str) -> Refused:
    return Refused("NOT_EXPRESSIBLE", f"{message}; SSIM cannot express that")
