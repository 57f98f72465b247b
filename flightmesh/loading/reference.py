"""Reference data of airports: which IATA codes exist, and their time zones.

The only module that opens `airportsdata`; it does so at the first question, once per process.
"""

import functools
import zoneinfo

import airportsdata

from flightmesh.errors import InvalidInput


@functools.cache
def _time_zones() -> dict[str, str]:
    return {code: row["tz"] for code, row in airportsdata.load("IATA").items()}


def known(iata: str) -> bool:
    """Whether an airport of that IATA code is in the reference data."""
    return iata in _time_zones()


def time_zone(iata: str) -> str | None:
    """Name of the airport's time zone in the IANA database; None for an unknown airport."""
    return _time_zones().get(iata) or None


@functools.cache
def zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        InvalidInput: the database has no such zone.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("time_zone", f"{name[:60]!r} is no time zone") from None
