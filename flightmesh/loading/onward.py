"""Onward flights: which dated leg the aircraft of a leg flies next. Pure.

An onward flight names airline, number, suffix and whole days of layover. It means that flight's
first departure from the arrival station, at or after the arrival and the layover. Files leave the
layover blank even where the first match is more than a day away, so no upper limit applies.
"""

import bisect
import itertools
from collections.abc import Sequence
from typing import Final

from flightmesh.loading.issues import IssueLog, Rule
from flightmesh.loading.source_legs import SourceLeg

_LAYOVER_MINUTES: Final = 24 * 60

FlightAt = tuple[str, int, str, str]
Departures = dict[FlightAt, list[tuple[int, int]]]


def departures_by_flight(legs: Sequence[SourceLeg]) -> Departures:
    """Departures (minute, index of the leg) by flight and station, in order of time."""
    found: Departures = {}
    for index, source in enumerate(legs):
        leg = source.leg
        key = (leg.carrier, leg.flight_number, leg.suffix, leg.departure_airport)
        found.setdefault(key, []).append((leg.departure, index))
    for departures in found.values():
        departures.sort()
    return found


def resolve(source: SourceLeg, departures: Departures) -> int | None:
    """Index of the leg that the aircraft flies next; None if there is none or none is named."""
    onward, leg = source.onward, source.leg
    if onward is None:
        return None
    key = (onward.carrier, onward.flight_number, onward.suffix, leg.arrival_airport)
    candidates = departures.get(key, [])
    ready = leg.arrival + onward.layover * _LAYOVER_MINUTES
    place = bisect.bisect_left(candidates, (ready, -1))
    return candidates[place][1] if place < len(candidates) else None


def follow(legs: Sequence[SourceLeg], issues: IssueLog) -> dict[int, int]:
    """For each leg that is followed by another one of the same aircraft, the index of that leg.

    A flight's own next leg comes first, where it departs from the station that the leg arrives at;
    else the onward flight. A leg follows one leg only: of several that name it, the first to
    arrive. Every step leads from an arrival to a departure not before it, so steps never form a
    circle and legs joined by them never overlap.
    """
    departures = departures_by_flight(legs)
    after = _same_flight(legs)
    taken = set(after.values())
    order = sorted(range(len(legs)), key=lambda index: (legs[index].leg.arrival, index))
    for index in order:
        source = legs[index]
        if source.onward is None or index in after:
            continue
        target = resolve(source, departures)
        onward = source.onward
        name = f"{onward.carrier}{onward.flight_number}{onward.suffix}"
        place = f"{source.leg.designator}, onward {name} from {source.leg.arrival_airport}"
        if target is None:
            message = f"{place}: the file has no such departure afterwards"
            issues.add(Rule.SSIM_ONWARD_UNRESOLVED, message, source.line, 138)
        elif target in taken:
            message = f"{place}: another leg is followed by it already"
            issues.add(Rule.SSIM_ONWARD_TAKEN, message, source.line, 138)
        else:
            after[index] = target
            taken.add(target)
    return after


def _same_flight(legs: Sequence[SourceLeg]) -> dict[int, int]:
    flights: dict[tuple[str, int, str, str], list[int]] = {}
    for index, source in enumerate(legs):
        leg = source.leg
        key = (leg.carrier, leg.flight_number, leg.suffix, leg.day_of_origin)
        flights.setdefault(key, []).append(index)
    after: dict[int, int] = {}
    for indices in flights.values():
        indices.sort(key=lambda index: (legs[index].leg.departure, legs[index].leg.arrival, index))
        for here, there in itertools.pairwise(indices):
            first, second = legs[here].leg, legs[there].leg
            connects = first.arrival_airport == second.departure_airport
            if connects and second.departure >= first.arrival:
                after[here] = there
    return after
