"""Dates as proleptic ordinals and as text. Pure."""

import datetime as dt
import functools


@functools.lru_cache(maxsize=8_192)
def iso_day(ordinal: int) -> str:
    """An ordinal as YYYY-MM-DD."""
    return dt.date.fromordinal(ordinal).isoformat()


@functools.lru_cache(maxsize=8_192)
def ordinal_of(iso: str) -> int:
    """YYYY-MM-DD as an ordinal.

    Raises:
        ValueError: the text is no such date.
    """
    day = dt.date.fromisoformat(iso)
    if day.isoformat() != iso:
        raise ValueError(f"{iso!r} is no date YYYY-MM-DD")
    return day.toordinal()
