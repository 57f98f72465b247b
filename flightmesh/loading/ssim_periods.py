"""Operating days to periods of operation: the inverse of expanding them. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from flightmesh.loading.ssim_layout import MAX_PERIOD_DAYS


class Period(NamedTuple):
    """First and last day (ordinals, both operating) and the mask of weekdays (bit 0 is Monday)."""

    first: int
    last: int
    days: int


def _weekday(day: int) -> int:
    return (day - 1) % 7


def _week(day: int) -> int:
    return (day - 1) // 7


def periods(days: Sequence[int]) -> list[Period]:
    """Periods that give exactly these days; days are sorted and differ.

    Consecutive calendar weeks with the same weekdays become one period; a first and a last week
    that the period's ends cut off count as equal. None is longer than may be read again.
    """
    weeks: list[Period] = []
    for day in days:
        bit = 1 << _weekday(day)
        if weeks and _week(weeks[-1].last) == _week(day):
            last = weeks[-1]
            weeks[-1] = Period(last.first, day, last.days | bit)
        else:
            weeks.append(Period(day, day, bit))
    found: list[Period] = []
    for week in weeks:
        joined = _join(found[-1], week) if found else None
        if joined:
            found[-1] = joined
        else:
            found.append(week)
    return found


def _join(period: Period, week: Period) -> Period | None:
    if _week(period.last) + 1 != _week(week.first):
        return None
    if week.last - period.first >= MAX_PERIOD_DAYS:
        return None
    until_end = (1 << _weekday(week.last) + 1) - 1
    if period.days & until_end == week.days and _last_full(period):
        return Period(period.first, week.last, period.days)
    from_start = -1 << _weekday(period.first)
    one_week = _week(period.first) == _week(period.last)
    if one_week and week.days & from_start == period.days:
        return Period(period.first, week.last, week.days)
    return None


def _last_full(period: Period) -> bool:
    """Whether the period's last week holds all its weekdays, so that one more week may follow."""
    return period.days >> _weekday(period.last) + 1 == 0
