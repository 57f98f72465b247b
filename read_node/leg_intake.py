"""Taking a leg in: the one step that a replay does more often than all others together. Pure.

`leg_adder` binds everything the step touches once per model, so that a leg costs a few accesses to
dictionaries and arrays, no attribute look-ups. It does what the parts' own methods would do.
"""

from bisect import insort
from typing import Protocol

from read_node.day_index import DayIndex
from read_node.designators import Designators
from read_node.lanes import Rotation
from read_node.legs import SLOT_BITS, LegColumns

_DAY_MINUTES = 24 * 60


class AddLeg(Protocol):
    """Takes a leg into the columns, its rotation, the day index and the designators."""

    def __call__(  # noqa: PLR0917 - positional on the hot path
        self,
        rotation: Rotation,
        leg_id: str,
        day: str,
        departure: int,
        arrival: int,
        flight: tuple[str, int, str],
        route: tuple[str, str, int, int],
        equipment: tuple[str, str],
        /,
    ) -> int:
        """Returns the leg's key. The tuples have the fields of Flight, Route and Equipment."""


def leg_adder(legs: LegColumns, days: DayIndex, designators: Designators) -> AddLeg:
    """The function that takes legs into these parts of one model."""
    flight_number, route_number = legs.flight_number, legs.route_number
    equipment_number, day_number = legs.equipment_number, legs.day_number
    free, new_slot = legs.free, legs.new_slot
    leg_ids, rotations, flights, routes = legs.leg_id, legs.rotation, legs.flight, legs.route
    equipments, day_of, departures, arrivals = (
        legs.equipment,
        legs.day,
        legs.departure,
        legs.arrival,
    )
    route_legs, departs_at = legs.route_legs, legs.departs_at
    buckets, sorted_days, add_to_days = days.buckets, days.sorted_days, days.add
    single, repeat = designators.single, designators.repeat

    def add_leg(  # noqa: PLR0917 - positional on the hot path
        rotation: Rotation,
        leg_id: str,
        day: str,
        departure: int,
        arrival: int,
        flight: tuple[str, int, str],
        route: tuple[str, str, int, int],
        equipment: tuple[str, str],
        /,
    ) -> int:
        flight_at, route_at, day_at = flight_number[flight], route_number[route], day_number[day]
        slot = free.pop() if free else new_slot()
        leg_ids[slot] = leg_id
        rotations[slot] = rotation
        flights[slot] = flight_at
        routes[slot] = route_at
        equipments[slot] = equipment_number[equipment]
        day_of[slot] = day_at
        departures[slot] = departure
        arrivals[slot] = arrival
        route_legs[route_at] += 1
        minutes = arrival - departure
        legs.block_minutes += minutes
        if minutes > legs.longest:  # noqa: PLR1730 - a call of max costs more than all of it
            legs.longest = minutes
        designator = (flight_at << 20 | day_at) << 20 | departs_at[route_at]
        if single.setdefault(designator, slot) != slot:
            repeat(designator, slot)
        key = departure << SLOT_BITS | slot
        bucket = departure // _DAY_MINUTES
        if bucket in buckets and bucket not in sorted_days:
            buckets[bucket].append(key)
        else:
            add_to_days(key)
        keys = rotation.keys
        if keys and key < keys[-1]:
            insort(keys, key)
        else:
            keys.append(key)
        return key

    return add_leg
