"""Columns of a schedule's legs: one slot per leg, integers in arrays, repeated values once.

What legs have in common is kept once and numbered: the flight (carrier, number, suffix), the route
(airports and their offsets to UTC), the equipment (aircraft and service type), the day. A slot is
reused after its leg has left. Slots and numbers depend on the order of arrival, so nothing that
leaves this process may depend on them.
"""

from array import array
from collections.abc import Callable
from typing import NamedTuple, TypeVar, final

import msgspec

from read_node.lanes import Rotation

SLOT_BITS = 24
SLOT_MASK = (1 << SLOT_BITS) - 1
NO_SLOT = -1


class Flight(NamedTuple):
    """A flight designator without its day and airport."""

    carrier: str
    flight_number: int
    suffix: str


class Route(NamedTuple):
    """From where to where, with the offsets to UTC in minutes."""

    departure_airport: str
    arrival_airport: str
    departure_offset: int
    arrival_offset: int


class Equipment(NamedTuple):
    """What flies; empty where unknown."""

    aircraft_type: str
    service_type: str


V = TypeVar("V")


@final
class Numbers(dict[V, int]):
    """Numbers of values; a value not seen before gets one when it is asked for.

    Args:
        new: keeps a new value and returns its number.
    """

    def __init__(self, new: Callable[[V], int]) -> None:
        super().__init__()
        self._new = new

    def __missing__(self, value: V) -> int:
        number = self[value] = self._new(value)
        return number


class LegsImage(msgspec.Struct, array_like=True, gc=False):
    """What a snapshot holds of the columns; see LegColumns. Arrays are bytes of this machine.

    Not among it are the legs' ids, which are kept apart, and their rotations: the image of the
    rotations names their legs.
    """

    flight: bytes
    route: bytes
    equipment: bytes
    day: bytes
    departure: bytes
    arrival: bytes
    marks: bytes
    successor: bytes
    free: bytes
    flights: list[Flight]
    routes: list[Route]
    route_legs: bytes
    departs_at: bytes
    arrives_at: bytes
    equipments: list[Equipment]
    type_of: bytes
    days: list[str]
    airports: list[str]
    types: list[str]
    longest: int
    block_minutes: int


_SLOT_COLUMNS = ("flight", "route", "equipment", "day", "departure", "arrival", "successor")
_ARRAYS = (*_SLOT_COLUMNS, "route_legs", "departs_at", "arrives_at", "type_of")
_LISTS = ("flights", "routes", "equipments", "days", "airports")


@final
class LegColumns:
    """The legs of one schedule.

    Attributes:
        leg_id: UUID text by slot; empty for a free slot.
        rotation: rotation by slot; None for a free slot.
        flight: number of the flight by slot.
        route: number of the route by slot.
        equipment: number of the equipment by slot.
        day: number of the day of origin by slot.
        departure: minutes since 1970 UTC by slot.
        arrival: minutes since 1970 UTC by slot.
        marks: bits of the findings that begin at the leg; see `read_node.finding_lists`.
        successor: slot of the next leg of its lane as the checks last saw it, or NO_SLOT.
        flights: flights by number.
        routes: routes by number.
        route_legs: number of legs by route.
        departs_at: number of the departure airport by route.
        arrives_at: number of the arrival airport by route.
        equipments: equipment by number.
        type_of: number of the aircraft type by equipment; 0 is unknown.
        days: days of origin by number.
        airports: airport codes by number.
        longest: the longest leg there ever was, minutes.
        block_minutes: sum of all legs' minutes.
        free: slots without a leg.
        flight_number: number by flight; so route_number, equipment_number, day_number.
    """

    def __init__(self) -> None:
        self.leg_id: list[str] = []
        self.rotation: list[Rotation | None] = []
        self.flight = array("i")
        self.route = array("i")
        self.equipment = array("i")
        self.day = array("i")
        self.departure = array("i")
        self.arrival = array("i")
        self.marks = bytearray()
        self.successor = array("i")
        self.flights: list[Flight] = []
        self.routes: list[Route] = []
        self.route_legs = array("i")
        self.departs_at = array("i")
        self.arrives_at = array("i")
        self.equipments: list[Equipment] = []
        self.type_of = array("i")
        self.days: list[str] = []
        self.airports: list[str] = []
        self.longest = 0
        self.block_minutes = 0
        self.free: list[int] = []
        self.flight_number = Numbers(self._new_flight)
        self.route_number = Numbers(self._new_route)
        self.equipment_number = Numbers(self._new_equipment)
        self.day_number = Numbers(self._new_day)
        self._airport_number: dict[str, int] = {}
        self._type_number: dict[str, int] = {"": 0}

    def __len__(self) -> int:
        return len(self.leg_id) - len(self.free)

    def new_slot(self) -> int:
        """Makes room for some hundreds of legs; returns the first slot, the others are free."""
        first = len(self.leg_id)
        room = max(64, min(4096, first // 8))
        self.leg_id += [""] * room
        self.rotation += [None] * room
        for column in (
            self.flight,
            self.route,
            self.equipment,
            self.day,
            self.departure,
            self.arrival,
        ):
            column.extend([0] * room)
        self.marks.extend(bytes(room))
        self.successor.extend([NO_SLOT] * room)
        self.free.extend(range(first + room - 1, first, -1))
        return first

    def remove(self, slot: int) -> None:
        """Frees the slot; its findings must be gone."""
        self.block_minutes -= self.arrival[slot] - self.departure[slot]
        self.route_legs[self.route[slot]] -= 1
        self.leg_id[slot] = ""
        self.rotation[slot] = None
        self.successor[slot] = NO_SLOT
        self.free.append(slot)

    def move(
        self, slot: int, departure: int, arrival: int, departure_offset: int, arrival_offset: int
    ) -> None:
        """Changes the times of a leg."""
        minutes = arrival - departure
        self.block_minutes += minutes - (self.arrival[slot] - self.departure[slot])
        self.longest = max(self.longest, minutes)
        self.departure[slot] = departure
        self.arrival[slot] = arrival
        old = self.route[slot]
        if self.routes[old][2:] == (departure_offset, arrival_offset):
            return
        new = self.routes[old]._replace(
            departure_offset=departure_offset, arrival_offset=arrival_offset
        )
        number = self.route_number[new]
        self.route_legs[old] -= 1
        self.route_legs[number] += 1
        self.route[slot] = number

    def airport_number(self, iata: str) -> int:
        """Number of the airport; a new one for a code not seen before."""
        number = self._airport_number.get(iata)
        if number is None:
            number = self._airport_number[iata] = len(self.airports)
            self.airports.append(iata)
        return number

    def known_airport(self, iata: str) -> int:
        """Number of the airport, NO_SLOT for a code not seen before."""
        return self._airport_number.get(iata, NO_SLOT)

    def type_number(self, aircraft_type: str) -> int:
        """Number of the aircraft type; 0 is the unknown one."""
        return self._type_number.setdefault(aircraft_type, len(self._type_number))

    def designator_of(self, slot: int) -> int:
        """A number that two legs share exactly if they share their flight designator."""
        airport = self.departs_at[self.route[slot]]
        return (self.flight[slot] << 20 | self.day[slot]) << 20 | airport

    def slots_in_use(self) -> list[int]:
        """All slots that hold a leg."""
        return [slot for slot, rotation in enumerate(self.rotation) if rotation is not None]

    def order_of(self, slot: int) -> tuple[int, int, str, bytes]:
        """What legs are ordered by, on every replica alike."""
        rotation = self.rotation[slot]
        assert rotation is not None
        return self.departure[slot], self.arrival[slot], self.leg_id[slot], rotation.id

    def dump(self) -> LegsImage:
        """The columns as they are now, copied, without leg_id and rotation."""
        arrays = {name: getattr(self, name).tobytes() for name in _ARRAYS}
        lists = {name: getattr(self, name).copy() for name in _LISTS}
        return LegsImage(
            marks=bytes(self.marks),
            free=array("i", self.free).tobytes(),
            types=list(self._type_number),
            longest=self.longest,
            block_minutes=self.block_minutes,
            **arrays,
            **lists,
        )

    def load(self, image: LegsImage) -> None:
        """Takes an image over; the columns must be new but for leg_id, rotation be None throughout.

        Raises:
            ValueError: the image's columns do not fit together.
        """
        for name in _ARRAYS:
            getattr(self, name).frombytes(getattr(image, name))
        for name in _LISTS:
            getattr(self, name).extend(getattr(image, name))
        self.marks.extend(image.marks)
        free = array("i")
        free.frombytes(image.free)
        self.free.extend(free)
        self.longest, self.block_minutes = image.longest, image.block_minutes
        self.flight_number.update({flight: n for n, flight in enumerate(self.flights)})
        self.route_number.update({route: n for n, route in enumerate(self.routes)})
        self.equipment_number.update({kind: n for n, kind in enumerate(self.equipments)})
        self.day_number.update({day: n for n, day in enumerate(self.days)})
        self._airport_number.update({iata: n for n, iata in enumerate(self.airports)})
        self._type_number.update({kind: n for n, kind in enumerate(image.types)})
        lengths = {len(getattr(self, name)) for name in _SLOT_COLUMNS}
        lengths |= {len(self.marks), len(self.rotation)}
        if lengths != {len(self.leg_id)}:
            raise ValueError("columns of different lengths")

    def _new_day(self, day: str) -> int:
        """Number of a day not seen before."""
        number = len(self.days)
        self.days.append(day)
        return number

    def _new_flight(self, flight: tuple[str, int, str]) -> int:
        """Number of a flight not seen before."""
        number = len(self.flights)
        self.flights.append(Flight(*flight))
        return number

    def _new_route(self, route: tuple[str, str, int, int]) -> int:
        """Number of a route not seen before."""
        number = len(self.routes)
        self.routes.append(Route(*route))
        self.route_legs.append(0)
        self.departs_at.append(self.airport_number(route[0]))
        self.arrives_at.append(self.airport_number(route[1]))
        return number

    def _new_equipment(self, equipment: tuple[str, str]) -> int:
        """Number of an equipment not seen before."""
        number = len(self.equipments)
        self.equipments.append(Equipment(*equipment))
        self.type_of.append(self.type_number(equipment[0]))
        return number
