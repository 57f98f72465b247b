"""The model of one incarnation of one schedule: what its events add up to. Pure.

Every method takes one event. It changes legs, rotations and airplanes at once and notes what the
checks have to look at again; `read_node.checks` then brings the findings up to date.
"""

from bisect import bisect_left, insort
from typing import final

from flightmesh.domain.values import FindingRules
from read_node.airports import AirportDefinition, Airports
from read_node.day_index import DayIndex
from read_node.designators import Designators
from read_node.finding_lists import AIRCRAFT_TYPE as WRONG_TYPE
from read_node.finding_lists import CONTINUITY, GROUND_TIME, OVERLAP, KeyList, Kind, finding
from read_node.lanes import NO_HIGH, NO_LOW, Airplane, Lane, Rotation
from read_node.leg_intake import leg_adder
from read_node.legs import NO_SLOT, SLOT_BITS, SLOT_MASK, LegColumns

# Place of a finding among those of its kind: first departure, then ids.
Place = tuple[int, str, str, str, str]

# Up to so many legs of a rotation are searched one by one.
_FEW_LEGS = 32


@final
class ScheduleModel:
    """One incarnation of a schedule.

    Attributes:
        name: the schedule's name.
        incarnation: which creation of that name this is.
        title: for people.
        rules: the optional checks that are on.
        born: whether its ScheduleCreated has arrived; until then nobody is shown it.
        version: grows with every change.
        rotations: by aggregate id.
        airplanes: by aggregate id, those that assignments name included.
        unknown: rotations assigned to airplanes that do not exist, by id.
        unknown_version: grows whenever a page of unknown airplanes may look different.
        unknown_order: them in order with their places, and the unknown_version they are of.
        lists: findings by kind, except those of unknown airplanes.
        overlaps: later legs that overlap a leg, by the leg's slot.
        dirty: lanes that the checks have to look at.
        assigned: number of rotations with an airplane.
        rotation_names: (name, id) of all rotations in order, from the first time it is asked for.
    """

    def __init__(self, name: str, incarnation: int) -> None:
        self.name = name
        self.incarnation = incarnation
        self.title = ""
        self.rules = FindingRules()
        self.born = False
        self.version = 0
        self.legs = LegColumns()
        self.days = DayIndex(self.legs)
        self.airports = Airports()
        self.rotations: dict[bytes, Rotation] = {}
        self.airplanes: dict[bytes, Airplane] = {}
        self.unknown: dict[bytes, Rotation] = {}
        self.unknown_version = 0
        self.unknown_order: tuple[int, list[tuple[Place, Rotation]]] | None = None
        self.lists: dict[Kind, KeyList[int]] = {
            kind: KeyList() for kind in Kind if kind is not Kind.UNKNOWN_AIRPLANE
        }
        self.overlaps: dict[int, tuple[int, ...]] = {}
        self.designators = Designators(self.legs, self.lists[Kind.DESIGNATOR])
        self.dirty: list[Lane] = []
        self.assigned = 0
        self.rotation_names: KeyList[tuple[str, bytes]] | None = None
        self._take_in = leg_adder(self.legs, self.days, self.designators)

    # Schedule

    def created(self, title: str, rules: FindingRules) -> None:
        """The schedule began."""
        self.title, self.rules, self.born = title, rules, True

    # Rotations

    def create_rotation(self, rotation_id: bytes, name: str) -> Rotation:
        """A rotation began; one of the same id is gone by then."""
        rotation = self.rotations[rotation_id] = Rotation(rotation_id, name)
        if self.rotation_names is not None:
            self.rotation_names.add((name, rotation_id))
        return rotation

    def remove_rotation(self, rotation: Rotation) -> None:
        """A rotation ended, with its legs."""
        self.unassign(rotation)
        for key in list(rotation.keys):
            self._drop_leg(rotation, key & SLOT_MASK)
        del self.rotations[rotation.id]
        if self.rotation_names is not None:
            self.rotation_names.discard((rotation.name, rotation.id))

    def assign(self, rotation: Rotation, airplane_id: bytes, registration: str) -> None:
        """A rotation was given to an airplane, whether that exists or not."""
        self._leave_airplane(rotation)
        airplane = self.airplanes.get(airplane_id)
        if airplane is None:
            airplane = self.airplanes[airplane_id] = Airplane(airplane_id)
        rotation.airplane, rotation.registration = airplane, registration
        airplane.rotations[rotation.id] = rotation
        if airplane.merged is not None:
            for key in rotation.keys:
                insort(airplane.merged, key)
        self.assigned += 1
        if not airplane.registered:
            self.unknown[rotation.id] = rotation
            self.unknown_version += 1
        self._touch_span(airplane, rotation)

    def unassign(self, rotation: Rotation) -> None:
        """A rotation has no airplane any more."""
        if rotation.airplane is not None:
            self._leave_airplane(rotation)
            self._touch_span(rotation, rotation)

    def _leave_airplane(self, rotation: Rotation) -> None:
        airplane = rotation.airplane
        successor = self.legs.successor
        for key in rotation.keys:
            slot = key & SLOT_MASK
            if successor[slot] != NO_SLOT or self.legs.marks[slot]:
                self._clear_lane_findings(slot)
        if airplane is None:
            return
        del airplane.rotations[rotation.id]
        if airplane.merged is not None:
            for key in rotation.keys:
                del airplane.merged[bisect_left(airplane.merged, key)]
        self.assigned -= 1
        rotation.airplane, rotation.registration = None, ""
        if self.unknown.pop(rotation.id, None) is not None:
            self.unknown_version += 1
        self._touch_span(airplane, rotation)
        self._forget_if_unused(airplane)

    # Legs

    def add_leg(  # noqa: PLR0917 - positional on the hot path
        self,
        rotation: Rotation,
        leg_id: str,
        day: str,
        departure: int,
        arrival: int,
        flight: tuple[str, int, str],
        route: tuple[str, str, int, int],
        equipment: tuple[str, str],
    ) -> None:
        """A leg joined a rotation; see `read_node.leg_intake`."""
        key = self._take_in(rotation, leg_id, day, departure, arrival, flight, route, equipment)
        if rotation.slots is not None:
            rotation.slots[leg_id] = key & SLOT_MASK
        lane: Lane
        if rotation.airplane is None:
            lane = rotation
        else:
            lane = rotation.airplane
            if lane.merged is not None:
                insort(lane.merged, key)
            if not lane.registered:
                self.unknown_version += 1
        # The same as touch(), in place: this is the path that every replay takes most.
        if lane.low == NO_LOW:
            self.dirty.append(lane)
        if departure < lane.low:  # noqa: PLR1730 - see leg_intake
            lane.low = departure
        if departure > lane.high:  # noqa: PLR1730
            lane.high = departure

    def remove_leg(self, rotation: Rotation, leg_id: str) -> None:
        """A leg left its rotation."""
        self._drop_leg(rotation, self.slot_of(rotation, leg_id))

    def change_leg_times(  # noqa: PLR0917 - positional on the hot path
        self,
        rotation: Rotation,
        leg_id: str,
        departure: int,
        arrival: int,
        departure_offset: int,
        arrival_offset: int,
    ) -> None:
        """A leg moved in time."""
        slot = self.slot_of(rotation, leg_id)
        self._take_from_lane(rotation, slot)
        old_key = self.legs.departure[slot] << SLOT_BITS | slot
        before = self.designators.changing(slot)
        self.legs.move(slot, departure, arrival, departure_offset, arrival_offset)
        self.designators.changed(slot, before)
        self.days.discard(old_key)
        key = departure << SLOT_BITS | slot
        self.days.add(key)
        insort(rotation.keys, key)
        airplane = rotation.airplane
        if airplane is not None and airplane.merged is not None:
            insort(airplane.merged, key)
        self.touch(airplane or rotation, departure, departure)

    def slot_of(self, rotation: Rotation, leg_id: str) -> int:
        """Slot of a leg of a rotation; raises KeyError if it is not there."""
        if rotation.slots is None:
            leg_ids = self.legs.leg_id
            if len(rotation.keys) <= _FEW_LEGS:
                for key in rotation.keys:
                    if leg_ids[key & SLOT_MASK] == leg_id:
                        return key & SLOT_MASK
            else:
                slots = (key & SLOT_MASK for key in rotation.keys)
                rotation.slots = {leg_ids[slot]: slot for slot in slots}
        return (rotation.slots or {})[leg_id]

    def _drop_leg(self, rotation: Rotation, slot: int) -> None:
        legs = self.legs
        leg_id = legs.leg_id[slot]
        self._take_from_lane(rotation, slot)
        self.designators.remove(slot)
        key = legs.departure[slot] << SLOT_BITS | slot
        legs.remove(slot)
        self.days.discard(key)
        if rotation.slots is not None:
            del rotation.slots[leg_id]

    def _take_from_lane(self, rotation: Rotation, slot: int) -> None:
        self._clear_lane_findings(slot)
        departure = self.legs.departure[slot]
        key = departure << SLOT_BITS | slot
        del rotation.keys[bisect_left(rotation.keys, key)]
        airplane = rotation.airplane
        if airplane is not None and airplane.merged is not None:
            del airplane.merged[bisect_left(airplane.merged, key)]
        self.touch(airplane or rotation, departure, departure)

    # Airplanes and airports

    def register_airplane(
        self,
        airplane_id: bytes,
        registration: str,
        aircraft_type: str,
        minimum: int | None,
        sequence: int,
    ) -> None:
        """An airplane joined the schedule."""
        airplane = self.airplanes.get(airplane_id)
        if airplane is None:
            airplane = self.airplanes[airplane_id] = Airplane(airplane_id)
        airplane.registered, airplane.registration = True, registration
        for rotation in airplane.rotations.values():
            self.unknown.pop(rotation.id, None)
            self.unknown_version += 1
        self.change_airplane(airplane, aircraft_type, minimum, sequence)

    def change_airplane(
        self, airplane: Airplane, aircraft_type: str, minimum: int | None, sequence: int
    ) -> None:
        """What is known of an airplane changed."""
        airplane.aircraft_type = aircraft_type
        airplane.type_number = self.legs.type_number(aircraft_type)
        airplane.minimum = minimum
        airplane.sequence = sequence
        self._touch_all(airplane)

    def retire_airplane(self, airplane: Airplane) -> None:
        """An airplane left the schedule; rotations may still name it."""
        airplane.registered, airplane.registration = False, ""
        for rotation in airplane.rotations.values():
            self.unknown[rotation.id] = rotation
            self.unknown_version += 1
        self.change_airplane(airplane, "", None, 0)
        self._forget_if_unused(airplane)

    def define_airport(self, definition: AirportDefinition) -> None:
        """What is known of an airport was stated."""
        self.airports.define(self.legs.airport_number(definition.iata), definition)

    def _forget_if_unused(self, airplane: Airplane) -> None:
        if not airplane.registered and not airplane.rotations:
            self.airplanes.pop(airplane.id, None)

    def names_of_rotations(self) -> list[tuple[str, bytes]]:
        """(name, id) of all rotations, ascending; do not change it."""
        if self.rotation_names is None:
            self.rotation_names = KeyList()
            for rotation in self.rotations.values():
                self.rotation_names.add((rotation.name, rotation.id))
        return self.rotation_names.ordered()

    def airports_shown(self) -> dict[str, tuple[int, int]]:
        """Departures and arrivals of each airport that is defined or used, by code."""
        legs = self.legs
        departures = [0] * len(legs.airports)
        arrivals = [0] * len(legs.airports)
        for route, count in enumerate(legs.route_legs):
            departures[legs.departs_at[route]] += count
            arrivals[legs.arrives_at[route]] += count
        defined = self.airports.defined()
        return {
            iata: (departures[number], arrivals[number])
            for number, iata in sorted(enumerate(legs.airports), key=lambda each: each[1])
            if iata in defined or departures[number] or arrivals[number]
        }

    # What the checks have to look at

    def touch(self, lane: Lane, low: int, high: int) -> None:
        """Notes that something departing from low to high (minutes) changed on the lane."""
        if lane.low == NO_LOW:
            self.dirty.append(lane)
        lane.low = min(lane.low, low)
        lane.high = max(lane.high, high)
        if isinstance(lane, Airplane) and not lane.registered:
            self.unknown_version += 1

    def _touch_span(self, lane: Lane, rotation: Rotation) -> None:
        if rotation.keys:
            self.touch(lane, rotation.keys[0] >> SLOT_BITS, rotation.keys[-1] >> SLOT_BITS)

    def _touch_all(self, lane: Airplane) -> None:
        for rotation in lane.rotations.values():
            self._touch_span(lane, rotation)

    def _clear_lane_findings(self, slot: int) -> None:
        """Takes out the findings that begin at the leg, before it moves or leaves its lane."""
        legs = self.legs
        marks = legs.marks[slot]
        departure, successor = legs.departure[slot], legs.successor[slot]
        if marks & CONTINUITY:
            self.lists[Kind.CONTINUITY].discard(finding(departure, slot, successor))
        if marks & GROUND_TIME:
            self.lists[Kind.GROUND_TIME].discard(finding(departure, slot, successor))
        if marks & WRONG_TYPE:
            self.lists[Kind.AIRCRAFT_TYPE].discard(finding(departure, slot))
        if marks & OVERLAP:
            for other in self.overlaps.pop(slot):
                self.lists[Kind.AIRPLANE_OVERLAP].discard(finding(departure, slot, other))
        legs.marks[slot] = 0
        legs.successor[slot] = NO_SLOT


def clean(lane: Lane) -> None:
    """Forgets the lane's window of changes."""
    lane.low, lane.high = NO_LOW, NO_HIGH
