"""Changing the times of several legs of one rotation in turn, without an overlap. Pure."""

import bisect
from collections.abc import Sequence

from flightmesh.domain.values import Leg

Interval = tuple[int, int, str]
"""Departure, arrival and leg id."""


def first_overlap(intervals: Sequence[Interval], leg: Leg) -> Interval | None:
    """The first of the sorted, disjoint intervals that the leg overlaps; touching is none."""
    place = bisect.bisect_right(intervals, (leg.departure, leg.departure, ""))
    if place and intervals[place - 1][1] > leg.departure:
        return intervals[place - 1]
    if place < len(intervals) and intervals[place][0] < leg.arrival:
        return intervals[place]
    return None


def order_of_changes(pairs: Sequence[tuple[Leg, Leg]]) -> tuple[list[Leg], list[str]]:
    """An order in which legs can take their new times.

    Args:
        pairs: each leg as it is and as it is to be. Neither the old ones nor the new ones overlap
            each other.

    Returns:
        The new legs in order, and the ids of legs to take out before and to add afterwards, since
        the others go round in a circle.
    """
    occupied = sorted((old.departure, old.arrival, old.leg_id) for old, _ in pairs)
    waiting = {old.leg_id: (old, new) for old, new in pairs}
    ordered: list[Leg] = []
    cut: list[str] = []
    while waiting:
        progress = False
        # Later legs first frees the way where all move later; the way back, where all move earlier.
        keys = sorted(waiting, key=lambda leg_id: (waiting[leg_id][0].departure, leg_id))
        for leg_id in (*reversed(keys), *keys):
            if leg_id not in waiting:
                continue
            old, new = waiting[leg_id]
            mine = (old.departure, old.arrival, leg_id)
            occupied.remove(mine)
            if first_overlap(occupied, new) is None:
                bisect.insort(occupied, (new.departure, new.arrival, leg_id))
                ordered.append(new)
                del waiting[leg_id]
                progress = True
            else:
                bisect.insort(occupied, mine)
        if not progress:
            leg_id = keys[0]
            old, _ = waiting.pop(leg_id)
            occupied.remove((old.departure, old.arrival, leg_id))
            cut.append(leg_id)
    return ordered, cut
