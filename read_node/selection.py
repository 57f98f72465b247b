"""Which legs and airplanes a query's filters let pass. Pure.

A window passes a leg that ends after `start` and begins before `end`, both in minutes, None = open.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from flightmesh.ids import id_bytes, is_uuid
from read_node.lanes import Airplane, Rotation
from read_node.legs import NO_SLOT, SLOT_BITS, SLOT_MASK
from read_node.schedule_model import ScheduleModel

_EARLIEST = -(1 << 31)
_LATEST = 1 << 31


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes since 1970 UTC that a leg must touch."""

    start: int | None = None
    end: int | None = None

    def is_open(self) -> bool:
        """Whether it lets every leg pass."""
        return self.start is None and self.end is None


@dataclass(frozen=True, slots=True)
class LegFilter:
    """Filters of legs; empty or zero lets everything pass."""

    rotation_id: str = ""
    airplane: str = ""
    airport: str = ""
    carrier: str = ""
    flight_number: int = 0
    day_of_origin: str = ""
    window: Window = Window()

    def is_open(self) -> bool:
        """Whether it lets every leg pass."""
        return self == LegFilter()


def airplanes_named(model: ScheduleModel, name: str) -> list[Airplane]:
    """Airplanes of that id or registration; as assigned where nobody registered them."""
    if is_uuid(name):
        airplane = model.airplanes.get(id_bytes(name))
        return [airplane] if airplane else []
    return [
        airplane
        for airplane in model.airplanes.values()
        if (
            airplane.registration == name
            if airplane.registered
            else any(r.registration == name for r in airplane.rotations.values())
        )
    ]


def touches(model: ScheduleModel, slot: int, airport: int | None, window: Window) -> bool:
    """Whether the leg touches an airport (by number, None = any) and the window."""
    legs = model.legs
    if airport is not None:
        route = legs.route[slot]
        if airport not in (legs.departs_at[route], legs.arrives_at[route]):
            return False
    if window.start is not None and legs.arrival[slot] <= window.start:
        return False
    return window.end is None or legs.departure[slot] < window.end


def rotation_in_window(model: ScheduleModel, rotation: Rotation, window: Window) -> bool:
    """Whether a leg of the rotation touches the window."""
    if window.is_open():
        return True
    end = _LATEST if window.end is None else window.end
    # Legs of a rotation do not overlap: the last that begins in time is also the last to end.
    before = bisect_left(rotation.keys, end << SLOT_BITS)
    if not before:
        return False
    arrival = model.legs.arrival[rotation.keys[before - 1] & SLOT_MASK]
    return window.start is None or arrival > window.start


def select_legs(model: ScheduleModel, wanted: LegFilter) -> Iterator[list[int]]:
    """Keys of the legs that pass, ascending over all lists."""
    flights, routes = _flights_of(model, wanted), _routes_of(model, wanted)
    legs = model.legs
    day = NO_SLOT
    if wanted.day_of_origin:
        if wanted.day_of_origin not in legs.days:
            return
        day = legs.days.index(wanted.day_of_origin)
    window = wanted.window
    for keys in _candidates(model, wanted):
        passing = keys
        if flights is not None:
            passing = [key for key in passing if legs.flight[key & SLOT_MASK] in flights]
        if routes is not None:
            passing = [key for key in passing if legs.route[key & SLOT_MASK] in routes]
        if day != NO_SLOT:
            passing = [key for key in passing if legs.day[key & SLOT_MASK] == day]
        yield passing if window.is_open() else _touching(model, passing, window)


def _touching(model: ScheduleModel, keys: list[int], window: Window) -> list[int]:
    arrival = model.legs.arrival
    start = _EARLIEST if window.start is None else window.start
    end = _LATEST if window.end is None else window.end
    return [key for key in keys if key >> SLOT_BITS < end and arrival[key & SLOT_MASK] > start]


def _candidates(model: ScheduleModel, wanted: LegFilter) -> Iterator[list[int]]:
    if wanted.rotation_id:
        rotation = None
        if is_uuid(wanted.rotation_id):
            rotation = model.rotations.get(id_bytes(wanted.rotation_id))
        named = airplanes_named(model, wanted.airplane) if wanted.airplane else None
        if rotation and (named is None or rotation.airplane in named):
            yield rotation.keys
    elif wanted.airplane:
        keys: list[int] = []
        for airplane in airplanes_named(model, wanted.airplane):
            keys += airplane.lane_keys()
        yield sorted(keys)
    else:
        start = wanted.window.start
        first = _EARLIEST if start is None else start - model.legs.longest
        yield from model.days.ordered_from(first)


def _flights_of(model: ScheduleModel, wanted: LegFilter) -> set[int] | None:
    """Numbers of the flights that pass; None for all."""
    if not (wanted.carrier or wanted.flight_number):
        return None
    return {
        number
        for number, flight in enumerate(model.legs.flights)
        if wanted.carrier in ("", flight.carrier)
        and wanted.flight_number in (0, flight.flight_number)
    }


def _routes_of(model: ScheduleModel, wanted: LegFilter) -> set[int] | None:
    """Numbers of the routes that pass; None for all."""
    if not wanted.airport:
        return None
    return {
        number
        for number, route in enumerate(model.legs.routes)
        if wanted.airport in (route.departure_airport, route.arrival_airport)
    }
