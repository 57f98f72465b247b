"""A schedule as CSV files, in pieces: legs, assignments, airplanes and airports.

The last three are what `assignments`, `airplanes` and `airports` read. Times are UTC.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from flightmesh.domain.values import Leg, iso_minute
from flightmesh.ids import AggregateId, LegId
from flightmesh.loading import airplanes, airports, assignments
from flightmesh.loading.occurrences import by_occurrence
from flightmesh.loading.plan import leg_order
from flightmesh.loading.schedule_state import StoredAirplane, StoredAirport

LEG_COLUMNS: Final = (
    "carrier",
    "flight_number",
    "suffix",
    "day_of_origin",
    "departure_airport",
    "arrival_airport",
    "departure_utc",
    "arrival_utc",
    "departure_utc_offset_minutes",
    "arrival_utc_offset_minutes",
    "aircraft_type",
    "service_type",
    "rotation_id",
    "rotation",
    "registration",
    "leg_id",
)
_ROWS_PER_PIECE: Final = 500
_Value = str | int | None


class ExportedLeg(msgspec.Struct, frozen=True, gc=False):
    """A leg with its rotation and the registration of its airplane (empty without one)."""

    leg: Leg
    rotation_id: AggregateId
    rotation: str = ""
    registration: str = ""


def export_legs(legs: Iterable[ExportedLeg]) -> Iterator[bytes]:
    """All legs, in order of departure."""
    ordered = sorted(legs, key=lambda exported: leg_order(exported.leg))
    return _csv(LEG_COLUMNS, (_leg_row(exported) for exported in ordered))


def export_assignments(schedule: str, legs: Iterable[ExportedLeg]) -> Iterator[bytes]:
    """The rotation of each leg.

    Rotations are named by their names, or by their ids where a name is empty or not the only one.
    Legs that share a designator stand in order of occurrence.
    """
    exported = {one.leg.leg_id: one for one in legs}
    names = _rotation_names(exported)
    rows = (
        _assignment_row(exported[leg.leg_id], names)
        for _, same in sorted(
            by_occurrence(schedule, (one.leg for one in exported.values())).items()
        )
        for leg in same
    )
    return _csv(assignments.COLUMNS, rows)


def export_airplanes(fleet: Iterable[StoredAirplane]) -> Iterator[bytes]:
    """All airplanes, by registration."""
    rows: Iterable[Sequence[_Value]] = (
        (airplane.registration, airplane.aircraft_type, airplane.minimum_ground_minutes)
        for airplane in sorted(fleet, key=lambda airplane: airplane.registration)
    )
    return _csv(airplanes.COLUMNS, rows)


def export_airports(network: Iterable[StoredAirport]) -> Iterator[bytes]:
    """All airports, by IATA code."""
    rows: Iterable[Sequence[_Value]] = (
        (airport.iata, airport.minimum_ground_minutes, airport.time_zone)
        for airport in sorted(network, key=lambda airport: airport.iata)
    )
    return _csv(airports.COLUMNS, rows)


def _leg_row(exported: ExportedLeg) -> Sequence[_Value]:
    leg = exported.leg
    return (
        leg.carrier,
        leg.flight_number,
        leg.suffix,
        leg.day_of_origin,
        leg.departure_airport,
        leg.arrival_airport,
        iso_minute(leg.departure),
        iso_minute(leg.arrival),
        leg.departure_offset,
        leg.arrival_offset,
        leg.aircraft_type,
        leg.service_type,
        exported.rotation_id,
        exported.rotation,
        exported.registration,
        leg.leg_id,
    )


def _assignment_row(exported: ExportedLeg, names: Mapping[AggregateId, str]) -> Sequence[_Value]:
    leg = exported.leg
    return (
        leg.carrier,
        leg.flight_number,
        leg.suffix,
        leg.day_of_origin,
        leg.departure_airport,
        names[exported.rotation_id],
        exported.registration,
    )


def _rotation_names(exported: Mapping[LegId, ExportedLeg]) -> dict[AggregateId, str]:
    names = {one.rotation_id: one.rotation for one in exported.values()}
    uses = Counter(names.values())
    return {
        rotation_id: name if name and uses[name] == 1 else rotation_id
        for rotation_id, name in names.items()
    }


def _csv(header: Sequence[str], rows: Iterable[Sequence[_Value]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    for number, row in enumerate(rows, 1):
        writer.writerow(row)
        if number % _ROWS_PER_PIECE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
