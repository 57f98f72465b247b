"""Columns of a schedule's legs: one slot per leg, integers in arrays, repeated values once.

A leg of a schedule that flies every day repeats all but its day and its times; what repeats is kept
once as a `Series`. A slot is reused after its leg has left. Slots and series numbers depend on the
order of arrival, so nothing that leaves this process may depend on them.
"""

from array import array
from typing import NamedTuple, final

from read_node.lanes import Rotation

SLOT_BITS = 24
SLOT_MASK = (1 << SLOT_BITS) - 1
NO_SLOT = -1


class Series(NamedTuple):
    """What legs of one flight have in common; see `flightmesh.domain.values.Leg`."""

    carrier: str
    flight_number: int
    suffix: str
    departure_airport: str
    arrival_airport: str
    departure_offset: int
    arrival_offset: int
    aircraft_type: str
    service_type: str


@final
class LegColumns:
    """The legs of one schedule.

    Attributes:
        leg_id: UUID text by slot; empty for a free slot.
        rotation: rotation by slot; None for a free slot.
        series: number of the series by slot.
        day: number of the day of origin by slot.
        departure: minutes since 1970 UTC by slot.
        arrival: minutes since 1970 UTC by slot.
        marks: bits of the findings that begin at the leg; see `read_node.finding_lists`.
        successor: slot of the next leg of its lane as the checks last saw it, or NO_SLOT.
        series_list: series by number.
        series_legs: number of legs by series.
        departs_at: number of the departure airport by series.
        arrives_at: number of the arrival airport by series.
        type_of: number of the aircraft type by series; 0 is unknown.
        flight_of: number of the designator without its day by series.
        days: days of origin by number.
        airports: airport codes by number.
        longest: the longest leg there ever was, minutes.
        block_minutes: sum of all legs' minutes.
    """

    def __init__(self) -> None:
        self.leg_id: list[str] = []
        self.rotation: list[Rotation | None] = []
        self.series = array("i")
        self.day = array("i")
        self.departure = array("i")
        self.arrival = array("i")
        self.marks = bytearray()
        self.successor = array("i")
        self.series_list: list[Series] = []
        self.series_legs = array("i")
        self.departs_at = array("i")
        self.arrives_at = array("i")
        self.type_of = array("i")
        self.flight_of = array("i")
        self.days: list[str] = []
        self.airports: list[str] = []
        self.longest = 0
        self.block_minutes = 0
        self._free: list[int] = []
        self._series_number: dict[tuple[str | int, ...], int] = {}
        self._day_number: dict[str, int] = {}
        self._airport_number: dict[str, int] = {}
        self._type_number: dict[str, int] = {"": 0}
        self._flight_number: dict[tuple[str, int, str, str], int] = {}

    def __len__(self) -> int:
        return len(self.leg_id) - len(self._free)

    def add(  # noqa: PLR0917 - positional on the hot path
        self,
        rotation: Rotation,
        leg_id: str,
        day: str,
        departure: int,
        arrival: int,
        series: tuple[str | int, ...],
    ) -> int:
        """Takes a leg in; returns its slot. `series` has the fields of Series, in their order."""
        series_number = self._series_number.get(series)
        if series_number is None:
            series_number = self._new_series(series)
        day_number = self._day_number.get(day)
        if day_number is None:
            day_number = self._day_number[day] = len(self.days)
            self.days.append(day)
        minutes = arrival - departure
        self.block_minutes += minutes
        self.longest = max(self.longest, minutes)
        self.series_legs[series_number] += 1
        if self._free:
            return self._reuse(rotation, leg_id, day_number, departure, arrival, series_number)
        slot = len(self.leg_id)
        self.leg_id.append(leg_id)
        self.rotation.append(rotation)
        self.series.append(series_number)
        self.day.append(day_number)
        self.departure.append(departure)
        self.arrival.append(arrival)
        self.marks.append(0)
        self.successor.append(NO_SLOT)
        return slot

    def _reuse(  # noqa: PLR0917 - positional on the hot path
        self, rotation: Rotation, leg_id: str, day: int, departure: int, arrival: int, series: int
    ) -> int:
        slot = self._free.pop()
        self.leg_id[slot] = leg_id
        self.rotation[slot] = rotation
        self.series[slot] = series
        self.day[slot] = day
        self.departure[slot] = departure
        self.arrival[slot] = arrival
        return slot

    def remove(self, slot: int) -> None:
        """Frees the slot; its findings must be gone."""
        self.block_minutes -= self.arrival[slot] - self.departure[slot]
        self.series_legs[self.series[slot]] -= 1
        self.leg_id[slot] = ""
        self.rotation[slot] = None
        self.successor[slot] = NO_SLOT
        self._free.append(slot)

    def move(
        self, slot: int, departure: int, arrival: int, departure_offset: int, arrival_offset: int
    ) -> None:
        """Changes the times of a leg."""
        minutes = arrival - departure
        self.block_minutes += minutes - (self.arrival[slot] - self.departure[slot])
        self.longest = max(self.longest, minutes)
        self.departure[slot] = departure
        self.arrival[slot] = arrival
        old = self.series[slot]
        new = self.series_list[old]._replace(
            departure_offset=departure_offset, arrival_offset=arrival_offset
        )
        number = self._series_number.get(new)
        if number is None:
            number = self._new_series(new)
        self.series_legs[old] -= 1
        self.series_legs[number] += 1
        self.series[slot] = number

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
        return self.flight_of[self.series[slot]] << SLOT_BITS | self.day[slot]

    def slots_in_use(self) -> list[int]:
        """All slots that hold a leg."""
        return [slot for slot, rotation in enumerate(self.rotation) if rotation is not None]

    def order_of(self, slot: int) -> tuple[int, int, str, bytes]:
        """What legs are ordered by, on every replica alike."""
        rotation = self.rotation[slot]
        assert rotation is not None
        return self.departure[slot], self.arrival[slot], self.leg_id[slot], rotation.id

    def _new_series(self, values: tuple[str | int, ...]) -> int:
        series = Series(*values)  # type: ignore[arg-type]
        number = self._series_number[series] = len(self.series_list)
        self.series_list.append(series)
        self.series_legs.append(0)
        self.departs_at.append(self.airport_number(series.departure_airport))
        self.arrives_at.append(self.airport_number(series.arrival_airport))
        self.type_of.append(self.type_number(series.aircraft_type))
        flight = (*series[:3], series.departure_airport)
        self.flight_of.append(self._flight_number.setdefault(flight, len(self._flight_number)))
        return number
