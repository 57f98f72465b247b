"""Dates of SSIM leg records: operating days, flight time and day of origin. Pure.

Day of origin: a later leg of an itinerary has its own, shifted period, so its dates alone do not
say when its flight began. It is found by walking: the leg of the sequence before, of the same
itinerary (airline, flight number, itinerary variation; the suffix does not count), that arrived
last at this leg's departure station. A date variation in columns 193-194 says it outright and is
believed if the first leg operates on the day it names. Days of origin are dates in the time mode of
the file.

Frequency rate 2: weeks are counted in cycles of 14 days from the first day of the period, not by
the calendar, so that the shifted period of a later leg gives the same pattern as its first leg's.

Arrival: the first instant with the local (or UTC) time of arrival after departure, unless both date
variations say another one within 48 hours.
"""

import bisect
from typing import Final, NamedTuple, final

from flightmesh.domain.values import MAX_LEG_MINUTES
from flightmesh.loading.issues import IssueLog, Rule
from flightmesh.loading.local_time import DAY, EPOCH_ORDINAL
from flightmesh.loading.ssim_layout import LegRecord

# A flight does not wait longer than this at a stop, beyond the layover that it states.
_MAX_STOP_MINUTES: Final = 48 * 60


class _Arrival(NamedTuple):
    """When an itinerary's leg ended, its suffix, and the day of origin of that itinerary."""

    minute: int
    suffix: str
    origin: int


_Arrivals = dict[str, list[_Arrival]]


def operating_days(record: LegRecord) -> list[int]:
    """The ordinals on which the leg departs, in the file's time mode."""
    first = record.first_day
    found = [
        day
        for day in range(first, record.last_day + 1)
        # Ordinal 1 was a Monday, and bit 0 is Monday.
        if record.days >> (day - 1) % 7 & 1
    ]
    if record.fortnightly:
        return [day for day in found if (day - first) // 7 % 2 == 0]
    return found


def flight_minutes(record: LegRecord) -> int:
    """Minutes from departure to arrival, between 1 and 48 hours."""
    departure, arrival = utc_times(record)
    if record.departure_date_variation is not None and record.arrival_date_variation is not None:
        days = record.arrival_date_variation - record.departure_date_variation
        stated = days * DAY + arrival - departure
        if 0 < stated <= MAX_LEG_MINUTES:
            return stated
    return (arrival - departure) % DAY or DAY


def utc_times(record: LegRecord) -> tuple[int, int]:
    """Minutes from midnight UTC of the operating day to departure and arrival; may be negative."""
    if record.block.utc:
        return record.departure_time, record.arrival_time
    return (
        record.departure_time - record.departure_variation,
        record.arrival_time - record.arrival_variation,
    )


@final
class ItineraryWalk:
    """Finds the days of origin of one itinerary's legs."""

    def __init__(self, itinerary: list[LegRecord], issues: IssueLog) -> None:
        self._records = sorted(itinerary, key=lambda record: (record.sequence, record.line))
        self._issues = issues

    def origins(self) -> dict[int, list[int]]:
        """Days of origin by line, one for each operating day of that line's record."""
        found: dict[int, list[int]] = {}
        first = self._records[0].sequence
        begun: set[int] = set()
        arrivals: _Arrivals = {}
        level: list[LegRecord] = []
        for record in self._records:
            if level and level[0].sequence != record.sequence:
                arrivals, level = _arrivals(level, found), []
            level.append(record)
            if record.sequence == first:
                shift = record.departure_date_variation or 0
                found[record.line] = [day - shift for day in operating_days(record)]
                begun.update(found[record.line])
                if first > 1 and record.departure_date_variation is None:
                    message = f"leg {first} follows no first leg; it is taken as the first one"
                    self._issues.add(Rule.SSIM_ITINERARY, message, record.line, 12)
            else:
                found[record.line] = self._of(record, arrivals, begun)
        return found

    def _of(self, record: LegRecord, arrivals: _Arrivals, begun: set[int]) -> list[int]:
        reached = arrivals.get(record.departure_airport, [])
        start, _ = utc_times(record)
        shift = record.departure_date_variation
        origins: list[int] = []
        contradicted = lost = False
        for day in operating_days(record):
            if shift is not None and day - shift in begun:
                origins.append(day - shift)
                continue
            origin = _last_before(reached, record, (day - EPOCH_ORDINAL) * DAY + start)
            contradicted |= origin is not None and shift is not None
            lost |= origin is None
            origins.append(day - (shift or 0) if origin is None else origin)
        if contradicted:
            message = "the date variation names a day on which the itinerary does not begin"
            self._issues.add(Rule.SSIM_DATE_VARIATION, message, record.line, 193)
        if lost:
            message = f"leg {record.sequence} follows no leg of its itinerary on some dates"
            self._issues.add(Rule.SSIM_ITINERARY, message, record.line, 12)
        return origins


def _arrivals(records: list[LegRecord], found: dict[int, list[int]]) -> _Arrivals:
    """Arrivals by station, in order of time."""
    arrivals: _Arrivals = {}
    for record in records:
        start, _ = utc_times(record)
        end = start + flight_minutes(record)
        at_station = arrivals.setdefault(record.arrival_airport, [])
        for day, origin in zip(operating_days(record), found[record.line], strict=True):
            minute = (day - EPOCH_ORDINAL) * DAY + end
            at_station.append(_Arrival(minute, record.suffix, origin))
    for at_station in arrivals.values():
        at_station.sort()
    return arrivals


def _last_before(reached: list[_Arrival], record: LegRecord, departure: int) -> int | None:
    """Day of origin of the last arrival that the departure can follow; None without one.

    Of arrivals at the same minute one with the record's suffix goes first.
    """
    latest = departure - record.transit_layover * DAY
    place = bisect.bisect_right(reached, latest, key=lambda arrival: arrival.minute)
    if not place or reached[place - 1].minute < latest - _MAX_STOP_MINUTES:
        return None
    minute = reached[place - 1].minute
    first = bisect.bisect_left(reached, (minute, record.suffix))
    alike = first < len(reached) and reached[first][:2] == (minute, record.suffix)
    return reached[first].origin if alike else reached[place - 1].origin
