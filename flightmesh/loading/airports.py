"""Airports from CSV: IATA code, minimum ground time in minutes, and time zone.

An empty time zone stands for the one of the reference data, if it knows the airport.
"""

from typing import Final

from flightmesh import ids
from flightmesh.domain import values
from flightmesh.loading import reference
from flightmesh.loading.airplanes import ground_minutes
from flightmesh.loading.csv_rows import Row
from flightmesh.loading.plan import PlannedAirport

COLUMNS: Final = ("iata", "minimum_ground_minutes", "time_zone")


def airport_of(schedule: str, row: Row) -> PlannedAirport:
    """The airport of a row.

    Raises:
        InvalidInput: a field is malformed, or the time zone does not exist.
    """
    iata, zone = row.fields["iata"], row.fields["time_zone"]
    values.check_iata(iata, "iata")
    minutes = ground_minutes(row.fields["minimum_ground_minutes"])
    values.check_ground_minutes(minutes)
    if zone:
        reference.zone(zone)
    return PlannedAirport(
        ids.airport_id(schedule, iata), iata, minutes, zone or reference.time_zone(iata) or ""
    )
