"""Legs that share a designator, in the order that gives them their ids again. Pure.

Imported legs have ids derived from the designator and an occurrence; an export lists them in order
of occurrence, so that an import of it gives the same ids. Legs with other ids come after them.
"""

from collections.abc import Iterable

from flightmesh import ids
from flightmesh.domain.values import Leg
from flightmesh.loading.plan import leg_order


def by_occurrence(schedule: str, legs: Iterable[Leg]) -> dict[str, list[Leg]]:
    """The legs by designator; those of one designator in order of occurrence.

    Args:
        schedule: name of the schedule that the ids were derived from.
        legs: in any order.
    """
    found: dict[str, list[Leg]] = {}
    for leg in legs:
        found.setdefault(leg.designator, []).append(leg)
    for designator, same in found.items():
        if len(same) > 1:
            derived = {ids.leg_id(schedule, designator, n): n for n in range(len(same))}
            same.sort(key=lambda leg: (derived.get(leg.leg_id, len(derived)), *leg_order(leg)))
    return found
