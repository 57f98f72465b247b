"""A made-up airline's schedule, for first steps and tests. Deterministic: no randomness, no clock.

About 60 airplanes fly out and back from two hubs over two weeks; a rotation is an airplane's day
(or its trip, on long flights). A few findings of each kind are put in on purpose: see
`sample_flaws`.
"""

import datetime as dt
from typing import Final, NamedTuple, final

import msgspec

from flightmesh import ids
from flightmesh.domain.values import Leg, Minute
from flightmesh.ids import LegId
from flightmesh.loading import reference
from flightmesh.loading.dates import iso_day
from flightmesh.loading.local_time import DAY, EPOCH_ORDINAL, LocalTimes
from flightmesh.loading.plan import (
    LoadPlan,
    PlannedAirplane,
    PlannedAirport,
    planned_airplane,
    planned_rotation,
)
from flightmesh.loading.sample_flaws import put_in_flaws
from flightmesh.loading.sample_network import FLEETS, HUB_GROUND_MINUTES, HUBS, Fleet, Spoke

CARRIER: Final = "ZZ"
DEFAULT_DAYS: Final = 14
_FIRST_DEPARTURE: Final = 6 * 60
_LAST_ARRIVAL: Final = 23 * 60 + 30
_LONG_FLIGHT: Final = 360
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_MULTIPLIER: Final = 0x9E3779B97F4A7C15


class DraftRotation(msgspec.Struct):
    """A rotation while the schedule is being made; legs have no ids yet."""

    name: str
    registration: str
    legs: list[Leg]


def mixed(*numbers: int) -> int:
    """A number that depends on all the numbers but shows no pattern (a multiplicative hash)."""
    value = 0
    for number in numbers:
        value = (value ^ number + 1) * _MULTIPLIER & (1 << 64) - 1
        value ^= value >> 29
    return value >> 16


def sample_schedule(schedule: str, first_day: dt.date, days: int = DEFAULT_DAYS) -> LoadPlan:
    """The plan of the sample schedule.

    Args:
        schedule: name of the schedule that ids are derived from.
        first_day: date of the first departures, local at the hubs.
        days: number of days, at least 7.

    Raises:
        ValueError: fewer than 7 days.
    """
    if days < 7:
        raise ValueError(f"{days} days are too few for a sample schedule; at least 7")
    times = LocalTimes()
    airplanes: list[PlannedAirplane] = []
    drafts: list[DraftRotation] = []
    for fleet_number, fleet in enumerate(FLEETS):
        for _ in range(fleet.size):
            line = len(airplanes)
            registration = f"{CARRIER}-{_LETTERS[fleet_number]}{_LETTERS[line % 24]}{line:02}"
            airplane = planned_airplane(
                schedule, registration, fleet.aircraft_type, fleet.minimum_ground_minutes
            )
            airplanes.append(airplane)
            flown = _Line(fleet, line, registration, times).fly(first_day.toordinal(), days)
            drafts.extend(flown)
    put_in_flaws(drafts)
    drafts.sort(key=lambda draft: (draft.legs[0].departure, draft.name))
    rotations = _with_ids(schedule, drafts)
    return LoadPlan(
        schedule=schedule,
        airplanes=tuple(airplanes),
        airports=_airports(schedule),
        rotations=tuple(
            planned_rotation(schedule, draft.name, draft.registration, draft.legs)
            for draft in rotations
        ),
        records=sum(len(draft.legs) for draft in rotations),
        items=sum(len(draft.legs) for draft in rotations),
        duplicate_designators=_repeated(rotations),
    )


class _Trip(NamedTuple):
    """A flight out and back: its spoke, and the time on the ground there."""

    spoke: Spoke
    ground: int

    @property
    def minutes(self) -> int:
        return self.spoke.out + self.ground + self.spoke.back


@final
class _Line:
    """One airplane's flying."""

    def __init__(self, fleet: Fleet, line: int, registration: str, times: LocalTimes) -> None:
        self._fleet = fleet
        self._line = line
        self._registration = registration
        self._times = times

    def fly(self, first_day: int, days: int) -> list[DraftRotation]:
        """The airplane's rotations, in order."""
        drafts = []
        ready = 0
        for day in range(first_day, first_day + days):
            start, _ = self._times.instant(self._fleet.hub, day, self._first_departure(day))
            if start < ready:
                continue
            legs = self._day(day, start)
            if legs:
                ready = legs[-1].arrival + self._fleet.minimum_ground_minutes
                name = f"{self._registration}/{iso_day(day)}"
                drafts.append(DraftRotation(name, self._registration, legs))
        return drafts

    def _first_departure(self, day: int) -> int:
        long_haul = self._fleet.spokes[0].out > _LONG_FLIGHT
        earliest = _FIRST_DEPARTURE + (4 * 60 if long_haul else 0)
        return earliest + 5 * (mixed(self._line, day % 7) % 24)

    def _day(self, day: int, start: int) -> list[Leg]:
        hub = self._fleet.hub
        end, _ = self._times.instant(hub, day, _LAST_ARRIVAL)
        legs: list[Leg] = []
        departure = start
        for number in range(5):
            trip = self._trip(day, number)
            if legs and departure + trip.minutes > end:
                break
            there = departure + trip.spoke.out
            legs.append(self._leg(2 * number, (hub, trip.spoke.iata), departure, there))
            back = there + trip.ground
            home = back + trip.spoke.back
            legs.append(self._leg(2 * number + 1, (trip.spoke.iata, hub), back, home))
            departure = home + self._ground(day, number + 7)
        return legs

    def _trip(self, day: int, number: int) -> _Trip:
        spokes = self._fleet.spokes
        spoke = spokes[mixed(self._line, day % 7, number) % len(spokes)]
        return _Trip(spoke, self._ground(day, number))

    def _ground(self, day: int, number: int) -> int:
        least = max(self._fleet.minimum_ground_minutes, HUB_GROUND_MINUTES)
        return least + 5 * (mixed(self._line, day % 7, number, 3) % 5)

    def _leg(self, place: int, route: tuple[str, str], departure: int, arrival: int) -> Leg:
        origin, destination = route
        departure_offset = self._times.offset(origin, departure)
        local_day = (departure + departure_offset) // DAY + EPOCH_ORDINAL
        return Leg(
            LegId(""),
            CARRIER,
            100 + 10 * self._line + place,
            "",
            iso_day(local_day),
            origin,
            destination,
            Minute(departure),
            Minute(arrival),
            departure_offset,
            self._times.offset(destination, arrival),
            self._fleet.aircraft_type,
            "J",
        )


def _with_ids(schedule: str, drafts: list[DraftRotation]) -> list[DraftRotation]:
    occurrences: dict[str, int] = {}
    for draft in drafts:
        for place, leg in enumerate(draft.legs):
            occurrence = occurrences.get(leg.designator, 0)
            occurrences[leg.designator] = occurrence + 1
            leg_id = ids.leg_id(schedule, leg.designator, occurrence)
            draft.legs[place] = msgspec.structs.replace(leg, leg_id=leg_id)
    return drafts


def _repeated(drafts: list[DraftRotation]) -> int:
    counts: dict[str, int] = {}
    for draft in drafts:
        for leg in draft.legs:
            counts[leg.designator] = counts.get(leg.designator, 0) + 1
    return sum(count > 1 for count in counts.values())


def _airports(schedule: str) -> tuple[PlannedAirport, ...]:
    codes = sorted({*HUBS, *(spoke.iata for fleet in FLEETS for spoke in fleet.spokes)})
    return tuple(
        PlannedAirport(
            ids.airport_id(schedule, iata),
            iata,
            HUB_GROUND_MINUTES if iata in HUBS else None,
            reference.time_zone(iata) or "",
        )
        for iata in codes
    )
