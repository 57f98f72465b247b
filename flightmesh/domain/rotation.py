"""The Rotation aggregate: legs that one airplane is to fly one after another. Pure.

The one rule kept on write: no two legs of a rotation overlap (touching is allowed). So the legs
are ordered by departure and by arrival at once, and a new leg need only be compared with its
neighbours: the check costs O(log n).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from flightmesh.domain import refusal
from flightmesh.domain.commands import (
    AddLeg,
    AddLegs,
    AssignRotationToAirplane,
    ChangeLegTimes,
    CreateRotation,
    RemoveLeg,
    RemoveRotation,
    RotationCommand,
    UnassignRotation,
)
from flightmesh.domain.events import (
    LegAdded,
    LegRemoved,
    LegTimesChanged,
    RotationAssignedToAirplane,
    RotationCreated,
    RotationEvent,
    RotationRemoved,
    RotationUnassigned,
)
from flightmesh.domain.refusal import Refusal
from flightmesh.domain.schedule import ScheduleState
from flightmesh.domain.values import Leg, iso_minute
from flightmesh.ids import AggregateId, LegId

Events = Sequence[RotationEvent]


class RotationState(msgspec.Struct):
    """State of a rotation; the default is the one that never existed.

    `evolve` changes it in place (a rotation may hold thousands of legs); nobody else does.

    Attributes:
        legs: legs by id, in no order.
        order: legs by departure.
        departures: the departures of `order`, for bisection.
    """

    schedule: str = ""
    incarnation: int = 0
    exists: bool = False
    name: str = ""
    airplane_id: AggregateId = AggregateId("")
    registration: str = ""
    legs: dict[LegId, Leg] = msgspec.field(default_factory=dict)
    order: list[Leg] = msgspec.field(default_factory=list)
    departures: list[int] = msgspec.field(default_factory=list)


def decide(
    state: RotationState, command: RotationCommand, schedule: ScheduleState
) -> Events | Refusal:
    """The events that the command makes, or why it is refused.

    Args:
        state: the rotation now.
        command: well-formed, see `commands.check`.
        schedule: its schedule, which exists.
    """
    alive = state.exists and state.incarnation == schedule.incarnation
    if isinstance(command, CreateRotation):
        if alive:
            return Refusal(refusal.ROTATION_EXISTS, "the rotation exists")
        return [RotationCreated(schedule.schedule, schedule.incarnation, command.name)]
    if not alive:
        if state.incarnation:
            return Refusal(refusal.ROTATION_REMOVED, "the rotation was removed")
        return Refusal(refusal.ROTATION_NOT_FOUND, "there is no such rotation")
    match command:
        case AddLeg(leg):
            return _add(state, (leg,))
        case AddLegs(legs):
            return _add(state, legs)
        case RemoveLeg(leg_id):
            return [LegRemoved(leg_id)] if leg_id in state.legs else _no_leg(leg_id)
        case ChangeLegTimes():
            return _change_times(state, command)
        case RemoveRotation():
            return [RotationRemoved()]
        case AssignRotationToAirplane(airplane_id, registration):
            same = (airplane_id, registration) == (state.airplane_id, state.registration)
            return [] if same else [RotationAssignedToAirplane(airplane_id, registration)]
        case UnassignRotation():
            return [RotationUnassigned()] if state.airplane_id else []


def _add(state: RotationState, legs: Sequence[Leg]) -> Events | Refusal:
    new: list[Leg] = []
    seen: dict[LegId, Leg] = {}
    for leg in legs:
        present = state.legs.get(leg.leg_id) or seen.get(leg.leg_id)
        if present is not None:
            if present == leg:
                continue
            return Refusal(
                refusal.LEG_EXISTS,
                f"leg {leg.leg_id} is in the rotation with other values",
                {"leg_id": leg.leg_id},
            )
        seen[leg.leg_id] = leg
        new.append(leg)
        other = overlapping(state, leg)
        if other is not None:
            return _overlap(leg, other)
    return _overlap_among(new) or [LegAdded(leg) for leg in new]


def _overlap_among(legs: Sequence[Leg]) -> Refusal | None:
    if len(legs) < 2:
        return None
    by_departure = sorted(legs, key=lambda leg: (leg.departure, leg.arrival))
    for first, second in pairwise(by_departure):
        if second.departure < first.arrival:
            return _overlap(second, first)
    return None


def _change_times(state: RotationState, command: ChangeLegTimes) -> Events | Refusal:
    leg = state.legs.get(command.leg_id)
    if leg is None:
        return _no_leg(command.leg_id)
    departure_offset, arrival_offset = command.departure_offset, command.arrival_offset
    moved = msgspec.structs.replace(
        leg,
        departure=command.departure,
        arrival=command.arrival,
        departure_offset=leg.departure_offset if departure_offset is None else departure_offset,
        arrival_offset=leg.arrival_offset if arrival_offset is None else arrival_offset,
    )
    if moved == leg:
        return []
    other = overlapping(state, moved)
    if other is not None:
        return _overlap(moved, other)
    return [
        LegTimesChanged(
            leg.leg_id,
            moved.departure,
            moved.arrival,
            moved.departure_offset,
            moved.arrival_offset,
        )
    ]


def overlapping(state: RotationState, leg: Leg) -> Leg | None:
    """A leg of the rotation, other than one of the same id, that overlaps the given one.

    The legs do not overlap each other, so those that overlap the given one are neighbours in the
    order; at most one of them has its id.
    """
    # First leg departing at or after the new arrival: everything from there on is clear of it.
    i = bisect_left(state.departures, leg.arrival) - 1
    while i >= 0 and state.order[i].arrival > leg.departure:
        if state.order[i].leg_id != leg.leg_id:
            return state.order[i]
        i -= 1
    return None


def _overlap(leg: Leg, other: Leg) -> Refusal:
    return Refusal(
        refusal.LEG_OVERLAP,
        f"leg {_label(leg)} overlaps leg {_label(other)} of the same rotation",
        {"leg_id": leg.leg_id, "overlapping_leg_id": other.leg_id},
    )


def _label(leg: Leg) -> str:
    return (
        f"{leg.carrier}{leg.flight_number}{leg.suffix} {leg.departure_airport} "
        f"{iso_minute(leg.departure)} - {iso_minute(leg.arrival)} {leg.arrival_airport}"
    )


def _no_leg(leg_id: str) -> Refusal:
    return Refusal(
        refusal.LEG_NOT_FOUND, f"leg {leg_id} is not in the rotation", {"leg_id": leg_id}
    )


def evolve(state: RotationState, event: RotationEvent) -> RotationState:
    """The state after the event; takes the given state over."""
    match event:
        case LegAdded(leg):
            _insert(state, leg)
        case LegRemoved(leg_id):
            _take_out(state, leg_id)
        case LegTimesChanged(leg_id, departure, arrival, departure_offset, arrival_offset):
            leg = _take_out(state, leg_id)
            _insert(
                state,
                msgspec.structs.replace(
                    leg,
                    departure=departure,
                    arrival=arrival,
                    departure_offset=departure_offset,
                    arrival_offset=arrival_offset,
                ),
            )
        case RotationCreated(schedule, incarnation, name):
            return RotationState(schedule, incarnation, True, name)
        case RotationRemoved():
            return RotationState(state.schedule, state.incarnation)
        case RotationAssignedToAirplane(airplane_id, registration):
            state.airplane_id, state.registration = airplane_id, registration
        case RotationUnassigned():
            state.airplane_id, state.registration = AggregateId(""), ""
    return state


def restored(state: RotationState, legs: Iterable[Leg]) -> RotationState:
    """Fills a state that was saved without its order (see the codec's snapshots)."""
    for leg in legs:
        _insert(state, leg)
    return state


def _insert(state: RotationState, leg: Leg) -> None:
    i = bisect_right(state.departures, leg.departure)
    state.departures.insert(i, leg.departure)
    state.order.insert(i, leg)
    state.legs[leg.leg_id] = leg


def _take_out(state: RotationState, leg_id: LegId) -> Leg:
    leg = state.legs.pop(leg_id)
    # No two legs overlap, so departures are unique and bisection finds the leg.
    i = bisect_left(state.departures, leg.departure)
    del state.departures[i]
    del state.order[i]
    return leg
