"""The checks on lanes: continuity, ground time, overlap, aircraft type. Pure.

Legs of a lane follow each other by (departure, arrival, leg id). For a leg a and its successor b:

* continuity: a arrives at another airport than b departs from.
* ground time: b departs less than the needed minutes after a arrives, where needed is the greater
  of the minimum of a's arrival airport and the airplane's, 30 where neither is known. Negative
  minutes count as well: legs that overlap are too close, whatever else is said of them.

For each pair of legs of two rotations of one airplane: overlap, if each departs before the other
arrives. For each leg: its type and its airplane's are both known and differ.

`settle` looks only at what changed since it last ran.
"""

from bisect import bisect_left

from flightmesh.domain.values import DEFAULT_GROUND_MINUTES
from read_node.airports import required_minutes
from read_node.finding_lists import (
    AIRCRAFT_TYPE,
    CONTINUITY,
    GROUND_TIME,
    OVERLAP,
    PAIR,
    Kind,
    finding,
)
from read_node.lanes import Airplane, Lane, Rotation
from read_node.legs import NO_SLOT, SLOT_BITS, SLOT_MASK
from read_node.schedule_model import ScheduleModel, clean


def settle(model: ScheduleModel, limit: int | None = None) -> bool:
    """Brings the findings up to date; with a limit, of about that many lanes.

    Returns:
        Whether nothing is left to do.
    """
    model.airports.cover(len(model.legs.airports))
    dirty = model.dirty
    count = len(dirty) if limit is None else min(limit, len(dirty))
    for _ in range(count):
        lane = dirty.pop()
        if not (isinstance(lane, Rotation) and lane.airplane is not None):
            _settle_lane(model, lane)
        clean(lane)
    if dirty:
        return False
    if model.airports.changed:
        _settle_airports(model, model.airports.changed)
        model.airports.changed.clear()
    return True


def _settle_lane(model: ScheduleModel, lane: Lane) -> None:
    keys = lane.lane_keys()
    several = isinstance(lane, Airplane) and len(lane.rotations) > 1
    # A leg that overlaps a changed one may have departed long before.
    reach = model.legs.longest if isinstance(lane, Airplane) else 0
    start = bisect_left(keys, (lane.low - reach) << SLOT_BITS)
    if start:
        # The leg before the window has another successor now; so may those that depart with it.
        start = bisect_left(keys, keys[start - 1] >> SLOT_BITS << SLOT_BITS)
    stop = bisect_left(keys, (lane.high + 1) << SLOT_BITS)
    end = stop
    if stop < len(keys):
        end = bisect_left(keys, ((keys[stop] >> SLOT_BITS) + 1) << SLOT_BITS)
    if several:
        end = max(end, bisect_left(keys, (lane.high + reach + 1) << SLOT_BITS))
    slots = [key & SLOT_MASK for key in keys[start:end]]
    departures = {key >> SLOT_BITS for key in keys[start:end]}
    if len(departures) != len(slots):
        slots.sort(key=model.legs.order_of)
    overlapping = _check_pairs(model, lane, slots, stop - start)
    model.designators.touch(slots)
    # A leg that overlaps any later one overlaps its successor.
    if (several and overlapping) or model.overlaps:
        _check_overlaps(model, slots, stop - start)


def _check_pairs(model: ScheduleModel, lane: Lane, slots: list[int], count: int) -> bool:
    """Checks each leg with its successor; returns whether any of them overlap."""
    overlapping = False
    legs = model.legs
    departure, arrival, route = legs.departure, legs.arrival, legs.route
    departs_at, arrives_at = legs.departs_at, legs.arrives_at
    all_marks, successors = legs.marks, legs.successor
    airport_minimums = model.airports.minimums
    airplane_type, airplane_minimum = _known_of(lane)
    last = len(slots) - 1
    successor = slots[0] if slots else NO_SLOT
    for at in range(count):
        slot = successor
        marks = 0
        if airplane_type:
            leg_type = legs.type_of[legs.equipment[slot]]
            if leg_type and leg_type != airplane_type:
                marks = AIRCRAFT_TYPE
        if at < last:
            successor = slots[at + 1]
            airport = arrives_at[route[slot]]
            if airport != departs_at[route[successor]]:
                marks |= CONTINUITY
            required = airport_minimums[airport]
            if airplane_minimum > required:  # noqa: PLR1730 - this runs for every leg
                required = airplane_minimum
            ground = departure[successor] - arrival[slot]
            if ground < (required if required >= 0 else DEFAULT_GROUND_MINUTES):
                marks |= GROUND_TIME
                if ground < 0:
                    overlapping = True
        else:
            successor = NO_SLOT
        old = all_marks[slot]
        if marks or old:
            _record(model, slot, successor, marks)
        successors[slot] = successor
    return overlapping


def _known_of(lane: Lane) -> tuple[int, int]:
    """Type number (0 = unknown) and minimum minutes (-1 = unknown) of the lane's airplane."""
    if not isinstance(lane, Airplane):
        return 0, -1
    return lane.type_number, -1 if lane.minimum is None else lane.minimum


def _record(model: ScheduleModel, slot: int, successor: int, marks: int) -> None:
    """Replaces the findings that begin at a leg, except overlaps."""
    legs, lists = model.legs, model.lists
    departure, old_successor, old = legs.departure[slot], legs.successor[slot], legs.marks[slot]
    for mark, kind in ((CONTINUITY, Kind.CONTINUITY), (GROUND_TIME, Kind.GROUND_TIME)):
        if old & mark and not (marks & mark and successor == old_successor):
            lists[kind].discard(finding(departure, slot, old_successor))
        if marks & mark:
            lists[kind].add(finding(departure, slot, successor))
    if marks & AIRCRAFT_TYPE:
        lists[Kind.AIRCRAFT_TYPE].add(finding(departure, slot))
    elif old & AIRCRAFT_TYPE:
        lists[Kind.AIRCRAFT_TYPE].discard(finding(departure, slot))
    legs.marks[slot] = marks | old & ~(PAIR | AIRCRAFT_TYPE)


def _check_overlaps(model: ScheduleModel, slots: list[int], count: int) -> None:
    legs = model.legs
    departure, arrival, rotation = legs.departure, legs.arrival, legs.rotation
    for at in range(count):
        slot = slots[at]
        ends = arrival[slot]
        later = at + 1
        found: list[int] = []
        while later < len(slots) and departure[slots[later]] < ends:
            if rotation[slots[later]] is not rotation[slot]:
                found.append(slots[later])
            later += 1
        if found or legs.marks[slot] & OVERLAP:
            _record_overlaps(model, slot, tuple(found))


def _record_overlaps(model: ScheduleModel, slot: int, found: tuple[int, ...]) -> None:
    legs, listed = model.legs, model.lists[Kind.AIRPLANE_OVERLAP]
    departure = legs.departure[slot]
    for other in model.overlaps.pop(slot, ()):
        if other not in found:
            listed.discard(finding(departure, slot, other))
    for other in found:
        listed.add(finding(departure, slot, other))
    if found:
        model.overlaps[slot] = found
        legs.marks[slot] |= OVERLAP
    else:
        legs.marks[slot] &= ~OVERLAP


def _settle_airports(model: ScheduleModel, changed: set[int]) -> None:
    """Looks again at the ground times at airports whose minimum changed; lanes are settled."""
    legs = model.legs
    routes_there = {n for n, airport in enumerate(legs.arrives_at) if airport in changed}
    listed = model.lists[Kind.GROUND_TIME]
    for slot, number in enumerate(legs.route):
        successor = legs.successor[slot]
        if successor == NO_SLOT or number not in routes_there:
            continue
        minimum = model.airports.minimums[legs.arrives_at[number]]
        rotation = legs.rotation[slot]
        assert rotation is not None
        required = required_minutes(minimum, _known_of(rotation.airplane or rotation)[1])
        key = finding(legs.departure[slot], slot, successor)
        if legs.departure[successor] - legs.arrival[slot] < required:
            legs.marks[slot] |= GROUND_TIME
            listed.add(key)
        elif legs.marks[slot] & GROUND_TIME:
            legs.marks[slot] &= ~GROUND_TIME
            listed.discard(key)
