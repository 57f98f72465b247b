"""Flights with tail numbers, as the on-time data of the US BTS: CSV without a header.

One rotation per tail number, of that name, and one airplane of that registration. Times are the
scheduled ones, local by airport; the day of origin is the local date of departure. Arrival is the
first instant with its local time after departure. Aircraft and service type stay empty. For local
times that are ambiguous or do not exist see `local_time`.

A row without a tail number, or with an airport whose time zone is not known, gives no leg. In a
rotation legs stand in order of departure, and one that overlaps the last leg kept is refused.
"""

import datetime as dt
import functools
import re
from collections.abc import Mapping
from typing import Final, final

from flightmesh.domain.values import Leg, designator
from flightmesh.loading import reference
from flightmesh.loading.assignments import rotation_order, without_overlap
from flightmesh.loading.dates import iso_day
from flightmesh.loading.issues import IssueLog, Rule
from flightmesh.loading.lines import LineSplitter
from flightmesh.loading.local_time import LocalTimes
from flightmesh.loading.plan import (
    LoadPlan,
    PlannedAirplane,
    PlannedRotation,
    planned_airplane,
    planned_rotation,
    summarise,
)
from flightmesh.loading.source_legs import DuplicateHandling, LegCollector, SourceLeg

# Columns, from 0; departure and arrival are the scheduled ones.
_YEAR, _MONTH, _DAY = 0, 1, 2
_DEPARTURE, _ARRIVAL = 5, 7
_CARRIER, _NUMBER, _TAIL, _ORIGIN, _DESTINATION = 8, 9, 10, 16, 17
_FIELDS: Final = 18
_NO_TAIL_NUMBER: Final = frozenset({"", "NA", "\\N", "000000", "UNKNOW", "UNKNOWN", "NULL"})
_REGISTRATION: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{0,9}")
_CARRIER_FORM: Final = re.compile(r"[A-Z0-9]{2,3}")
_IATA: Final = re.compile(r"[A-Z]{3}")


class _BadRow(Exception):
    """A row gives no leg; says column (of the field, from 1), rule and reason."""

    def __init__(self, field: int, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.rule = rule
        self.message = message


@functools.lru_cache(maxsize=4_096)
def _date(year: str, month: str, day: str) -> int:
    return dt.date(int(year), int(month), int(day)).toordinal()


@functools.lru_cache(maxsize=4_096)
def _time(text: str) -> int:
    """Hhmm, without or with zeros on the left, 0 to 2400, in minutes."""
    digits = text.strip()
    if not digits.isdecimal() or len(digits) > 4 or int(digits) > 2400 or int(digits) % 100 > 59:
        raise ValueError(f"{text[:20]!r} is no time hhmm between 0 and 2400")
    return int(digits) // 100 * 60 + int(digits) % 100


@final
class FlightsPlanner:
    """Reads flights that arrive in pieces, and ends in a plan.

    Args:
        schedule: name of the schedule.
        duplicates: what happens to a designator that comes twice.
        strict: whether the plan is refused if anything is wrong with the file.
        time_zones: IATA code to zone name, where it goes before the reference data.
    """

    def __init__(
        self,
        schedule: str,
        duplicates: DuplicateHandling = DuplicateHandling.REPORT,
        *,
        strict: bool = False,
        time_zones: Mapping[str, str] | None = None,
    ) -> None:
        self._schedule = schedule
        self._duplicates = duplicates
        self._strict = strict
        self._issues = IssueLog()
        self._splitter = LineSplitter()
        self._collector = LegCollector(schedule, duplicates, self._issues)
        self._times = LocalTimes(time_zones)
        self._line = 0
        self._records = 0
        self._lines_rejected = 0

    @property
    def records(self) -> int:
        """Rows read so far."""
        return self._records

    def feed(self, piece: bytes) -> None:
        """Takes a piece of the file."""
        self._read(self._splitter.feed(piece))

    def finish(self) -> LoadPlan:
        """The plan. The planner is used up."""
        self._read(self._splitter.finish())
        if not self._records:
            self._issues.add(Rule.FILE_EMPTY, "the file holds no flight")
        airplanes, rotations, overlapping = self._rotations()
        summary = summarise(self._issues, strict=self._strict)
        collector = self._collector
        return LoadPlan(
            schedule=self._schedule,
            duplicates=self._duplicates,
            airplanes=airplanes,
            rotations=rotations,
            records=self._records,
            items=collector.items,
            rejected=collector.rejected + overlapping,
            lines_rejected=self._lines_rejected,
            duplicate_designators=collector.duplicate_designators,
            issue_counts=summary.issue_counts,
            issues=summary.issues,
            refused=summary.refused,
        )

    def _read(self, lines: list[bytes]) -> None:
        for raw in lines:
            self._line += 1
            if not raw.strip():
                continue
            self._records += 1
            fields = raw.decode("latin-1").replace('"', "").split(",")
            try:
                self._row(fields)
            except _BadRow as bad:
                column = sum(len(field) + 1 for field in fields[: bad.field]) + 1
                self._issues.add(bad.rule, bad.message, self._line, column)

    def _row(self, fields: list[str]) -> None:
        if len(fields) < _FIELDS:
            self._lines_rejected += 1
            message = f"the row has {len(fields)} fields, fewer than {_FIELDS}"
            raise _BadRow(0, Rule.FLIGHTS_COLUMNS, message)
        try:
            day = _date(fields[_YEAR], fields[_MONTH], fields[_DAY])
        except (ValueError, OverflowError):
            self._lines_rejected += 1
            text = "-".join(fields[:3])
            raise _BadRow(0, Rule.FLIGHTS_DATE, f"{text[:40]!r} is no date") from None
        carrier, number = fields[_CARRIER].strip(), fields[_NUMBER].strip()
        if not _CARRIER_FORM.fullmatch(carrier):
            raise self._unnamed(_CARRIER, f"{carrier[:20]!r} is no airline designator")
        if not number.isdecimal() or not 1 <= int(number[:9]) <= 9999:
            raise self._unnamed(_NUMBER, f"{number[:20]!r} is no flight number 1 to 9999")
        name = designator(carrier, int(number), "", iso_day(day), fields[_ORIGIN].strip())
        try:
            source = self._leg(fields, day, carrier, int(number), name)
        except _BadRow:
            self._collector.refuse(name)
            raise
        self._collector.add(source)

    def _unnamed(self, field: int, message: str) -> _BadRow:
        self._lines_rejected += 1
        return _BadRow(field, Rule.FLIGHTS_FLIGHT, message)

    def _leg(self, fields: list[str], day: int, carrier: str, number: int, name: str) -> SourceLeg:
        tail = fields[_TAIL].strip()
        if tail in _NO_TAIL_NUMBER:
            raise _BadRow(_TAIL, Rule.FLIGHTS_TAIL_NUMBER, f"{name} has no tail number")
        if not _REGISTRATION.fullmatch(tail):
            message = f"{tail[:20]!r} is no registration (1 to 10 of A-Z, 0-9 and '-')"
            raise _BadRow(_TAIL, Rule.FLIGHTS_TAIL_NUMBER, message)
        origin = self._airport(fields, _ORIGIN, name)
        destination = self._airport(fields, _DESTINATION, name)
        departs, arrives = self._time(fields, _DEPARTURE), self._time(fields, _ARRIVAL)
        departure, departure_offset = self._times.instant(origin, day, departs)
        arrival, arrival_offset = self._times.next_instant(destination, arrives, departure)
        leg = Leg(
            self._collector.next_id(name),
            carrier,
            number,
            "",
            iso_day(day),
            origin,
            destination,
            departure,
            arrival,
            departure_offset,
            arrival_offset,
        )
        return SourceLeg(leg, self._line, rotation=tail)

    def _airport(self, fields: list[str], field: int, name: str) -> str:
        iata = fields[field].strip()
        if not _IATA.fullmatch(iata):
            message = f"{iata[:20]!r} is no IATA airport code"
            raise _BadRow(field, Rule.FLIGHTS_AIRPORT, message)
        if self._times.zone(iata) is None:
            message = f"{name}: the time zone of {iata} is not known, so its local times are not"
            raise _BadRow(field, Rule.TIME_ZONE_UNKNOWN, message)
        if not reference.known(iata):
            message = f"{iata} is not in the reference data; its time zone was given"
            self._issues.add_once(Rule.AIRPORT_UNKNOWN, iata, message, self._line)
        return iata

    @staticmethod
    def _time(fields: list[str], field: int) -> int:
        try:
            return _time(fields[field])
        except ValueError as error:
            raise _BadRow(field, Rule.FLIGHTS_TIME, str(error)) from None

    def _rotations(
        self,
    ) -> tuple[tuple[PlannedAirplane, ...], tuple[PlannedRotation, ...], int]:
        tails: dict[str, list[SourceLeg]] = {}
        for source in self._collector.legs():
            tails.setdefault(source.rotation, []).append(source)
        rotations, rejected = [], 0
        for tail, members in tails.items():
            legs, left_out = without_overlap(tail, members, self._issues)
            rejected += left_out
            rotations.append(planned_rotation(self._schedule, tail, tail, legs))
        airplanes = tuple(planned_airplane(self._schedule, tail, stated=False) for tail in tails)
        return airplanes, tuple(sorted(rotations, key=rotation_order)), rejected
