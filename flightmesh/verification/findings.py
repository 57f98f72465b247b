"""The findings of a schedule computed from scratch, by the rules of docs/findings.md. Pure.

Simple on purpose, and without code of the read side, which keeps findings up to date event by
event: two ways that should come to the same. Quadratic only in legs of one airplane that overlap.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from flightmesh.domain.values import FindingRules, Leg

# Minutes on the ground where neither the airport nor the airplane says how many.
_DEFAULT_MINUTES: Final = 30


class AirplaneFacts(NamedTuple):
    """What findings rest on of a registered airplane.

    Attributes:
        aircraft_type: IATA type; empty if unknown.
        minimum_ground_minutes: minutes; None if unknown.
    """

    aircraft_type: str
    minimum_ground_minutes: int | None


class PlacedLeg(NamedTuple):
    """A leg, its rotation, and the airplane of that (empty if unassigned)."""

    leg: Leg
    rotation_id: str
    airplane_id: str


class FoundFinding(NamedTuple):
    """One finding.

    Attributes:
        kind: as in docs/findings.md.
        ids: legs in order of departure; of an unknown airplane the rotation.
        minutes: on the ground, or of overlap, where the kind has them.
        required: minutes that were needed, where the kind has them.
    """

    kind: str
    ids: tuple[str, ...]
    minutes: int | None = None
    required: int | None = None


def compute_findings(
    legs: Sequence[PlacedLeg],
    rotations: Mapping[str, str],
    airplanes: Mapping[str, AirplaneFacts],
    airports: Mapping[str, int | None],
    rules: FindingRules,
) -> set[FoundFinding]:
    """All findings of a schedule.

    Args:
        legs: all legs.
        rotations: rotation → its airplane's id; empty if unassigned.
        airplanes: the registered ones by id.
        airports: code → minimum minutes on the ground, of those that are defined.
        rules: the optional checks that are on.
    """
    found = set(_designators(legs))
    for key, lane in _lanes(legs).items():
        airplane = airplanes.get(key)
        found.update(_pairs(lane, airplane, airports))
        if rules.airplane_overlap:
            found.update(_overlaps(lane))
        if rules.aircraft_type and airplane is not None and airplane.aircraft_type:
            found.update(_types(lane, airplane.aircraft_type))
    if rules.unknown_airplane:
        for rotation_id, airplane_id in rotations.items():
            if airplane_id and airplane_id not in airplanes:
                found.add(FoundFinding("unknown_airplane", (rotation_id,)))
    return found


def _in_order(placed: PlacedLeg) -> tuple[int, int, str, str]:
    return placed.leg.departure, placed.leg.arrival, placed.leg.leg_id, placed.rotation_id


def _lanes(legs: Sequence[PlacedLeg]) -> dict[str, list[PlacedLeg]]:
    """The legs of each airplane, and of each rotation without one, in order."""
    lanes: dict[str, list[PlacedLeg]] = defaultdict(list)
    for placed in sorted(legs, key=_in_order):
        lanes[placed.airplane_id or placed.rotation_id].append(placed)
    return lanes


def _pairs(
    lane: Sequence[PlacedLeg], airplane: AirplaneFacts | None, airports: Mapping[str, int | None]
) -> Iterator[FoundFinding]:
    for (first, *_), (second, *_) in pairwise(lane):
        ids = (first.leg_id, second.leg_id)
        if first.arrival_airport != second.departure_airport:
            yield FoundFinding("continuity", ids)
        said = (
            airports.get(first.arrival_airport),
            airplane.minimum_ground_minutes if airplane else None,
        )
        known = [minutes for minutes in said if minutes is not None]
        required = max(known) if known else _DEFAULT_MINUTES
        minutes = second.departure - first.arrival
        if minutes < required:
            yield FoundFinding("ground_time", ids, minutes, required)


def _overlaps(lane: Sequence[PlacedLeg]) -> Iterator[FoundFinding]:
    for place, one in enumerate(lane):
        for other in lane[place + 1 :]:
            if other.leg.departure >= one.leg.arrival:
                break  # and so do all that follow
            if one.rotation_id != other.rotation_id:
                ids = (one.leg.leg_id, other.leg.leg_id)
                ends = min(one.leg.arrival, other.leg.arrival)
                yield FoundFinding("airplane_overlap", ids, ends - other.leg.departure)


def _types(lane: Sequence[PlacedLeg], aircraft_type: str) -> Iterator[FoundFinding]:
    for placed in lane:
        if placed.leg.aircraft_type not in ("", aircraft_type):
            yield FoundFinding("aircraft_type", (placed.leg.leg_id,))


def _designators(legs: Sequence[PlacedLeg]) -> Iterator[FoundFinding]:
    named: dict[str, list[str]] = defaultdict(list)
    for placed in sorted(legs, key=_in_order):
        named[placed.leg.designator].append(placed.leg.leg_id)
    for ids in named.values():
        if len(ids) > 1:
            yield FoundFinding("designator", tuple(ids))
