"""Which stored legs and rotations a file means, where they have ids of their own. Pure.

What files bring has ids derived from what they say; what planners make by the API has others. An
export names both by designators and names alone, and a file that is loaded over a planner's leg
means that leg. So a rotation is known by its name (or by its id, as exports name those without a
name of their own), and a leg by its designator, if no stored one has the derived id.
"""

from collections.abc import Mapping, Sequence

import msgspec

from flightmesh.domain.values import Leg
from flightmesh.ids import AggregateId, LegId
from flightmesh.loading.occurrences import by_occurrence
from flightmesh.loading.plan import LoadPlan, PlannedRotation
from flightmesh.loading.schedule_state import ScheduleState, StoredRotation


def as_stored(plan: LoadPlan, state: ScheduleState) -> tuple[PlannedRotation, ...]:
    """The plan's rotations, with the ids that they and their legs have in the schedule."""
    if not state.rotations:
        return plan.rotations
    rotations = _rotation_ids(plan.rotations, state.rotations)
    legs = _leg_ids(plan, state)
    return tuple(_renamed(each, rotations[each.rotation_id], legs) for each in plan.rotations)


def _renamed(
    rotation: PlannedRotation, rotation_id: AggregateId, legs: Mapping[LegId, LegId]
) -> PlannedRotation:
    named = rotation.legs
    if any(leg.leg_id in legs for leg in named):
        named = tuple(
            msgspec.structs.replace(leg, leg_id=legs.get(leg.leg_id, leg.leg_id)) for leg in named
        )
    elif rotation_id == rotation.rotation_id:
        return rotation
    return msgspec.structs.replace(rotation, rotation_id=rotation_id, legs=named)


def _rotation_ids(
    planned: Sequence[PlannedRotation], stored: Mapping[AggregateId, StoredRotation]
) -> dict[AggregateId, AggregateId]:
    named: dict[str, list[AggregateId]] = {}
    for rotation_id, rotation in stored.items():
        named.setdefault(rotation.name, []).append(rotation_id)
    found = {each.rotation_id: each.rotation_id for each in planned}
    # No two may mean the same one.
    taken = found.keys() & stored.keys()
    for each in planned:
        if each.rotation_id in stored:
            continue
        own = AggregateId(each.name)
        meant = (own,) if own in stored else named.get(each.name, ())
        if len(meant) == 1 and meant[0] not in taken:
            found[each.rotation_id] = meant[0]
            taken.add(meant[0])
    return found


def _leg_ids(plan: LoadPlan, state: ScheduleState) -> dict[LegId, LegId]:
    """For legs of the plan that are stored under another id: that id."""
    planned = {leg.leg_id: leg for rotation in plan.rotations for leg in rotation.legs}
    lacking = [leg for leg_id, leg in planned.items() if leg_id not in state.legs]
    if not lacking:
        return {}
    wanted = {leg.designator for leg in lacking}
    unnamed: list[Leg] = [
        leg
        for leg_id, (leg, _) in state.legs.items()
        if leg_id not in planned and leg.designator in wanted
    ]
    stored = by_occurrence(plan.schedule, unnamed)
    return {
        leg.leg_id: other.leg_id
        for designator, legs in by_occurrence(plan.schedule, lacking).items()
        for leg, other in zip(legs, stored.get(designator, ()), strict=False)
    }
