"""Airplanes from CSV: registration, aircraft type and minimum ground time in minutes."""

from typing import Final

from flightmesh.errors import InvalidInput
from flightmesh.loading.csv_rows import Row
from flightmesh.loading.plan import PlannedAirplane, planned_airplane

COLUMNS: Final = ("registration", "aircraft_type", "minimum_ground_minutes")


def airplane_of(schedule: str, row: Row) -> PlannedAirplane:
    """The airplane of a row.

    Raises:
        InvalidInput: a field is malformed.
    """
    return planned_airplane(
        schedule,
        row.fields["registration"],
        row.fields["aircraft_type"],
        ground_minutes(row.fields["minimum_ground_minutes"]),
    )


def ground_minutes(text: str) -> int | None:
    """Minutes; None for an empty field.

    Raises:
        InvalidInput: the text is no whole number.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise InvalidInput("minimum_ground_minutes", f"{text[:20]!r} is no whole number")
    return int(text)
