"""Local times of airports, as minutes since 1970 UTC, by the IANA time zone database.

Days are proleptic ordinals (`datetime.date.toordinal`), times of day are minutes from midnight.
A day without a change of the UTC offset is looked up once and then costs one dictionary access.

Odd local times (PEP 495): an ambiguous one (clocks go back) means its first occurrence, `fold=0`;
one that does not exist (clocks go forward) is shifted forward by the length of the gap.
"""

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from typing import Final, final

from flightmesh.domain.values import EPOCH, Minute
from flightmesh.errors import InvalidInput
from flightmesh.loading import reference

DAY: Final = 1_440
EPOCH_ORDINAL: Final = EPOCH.toordinal()


def offset_at(zone: zoneinfo.ZoneInfo, minute: int) -> int:
    """Local time minus UTC at an instant, minutes, rounded to the nearest one."""
    instant = (EPOCH + dt.timedelta(minutes=minute)).astimezone(zone)
    return _minutes(instant.utcoffset())


def _minutes(offset: dt.timedelta | None) -> int:
    assert offset is not None
    return round(offset.total_seconds() / 60)


@final
class LocalTimes:
    """Local times by airport; knows the reference data and the zones that the caller adds.

    Args:
        time_zones: IATA code to zone name, where it goes before the reference data.
    """

    def __init__(self, time_zones: Mapping[str, str] | None = None) -> None:
        self._names = dict(time_zones or {})
        self._zones: dict[str, zoneinfo.ZoneInfo | None] = {}
        self._local_days: dict[tuple[str, int], int | None] = {}
        self._utc_days: dict[tuple[str, int], int | None] = {}

    def zone(self, iata: str) -> zoneinfo.ZoneInfo | None:
        """The airport's time zone; None if it is not known, or not in the database."""
        if iata not in self._zones:
            name = self._names.get(iata) or reference.time_zone(iata)
            try:
                self._zones[iata] = reference.zone(name) if name else None
            except InvalidInput:
                self._zones[iata] = None
        return self._zones[iata]

    def instant(self, iata: str, day: int, time: int) -> tuple[Minute, int]:
        """The instant of a local time, and the airport's UTC offset at that instant.

        Args:
            iata: airport with a known zone (see `zone`).
            day: ordinal of the local date.
            time: minutes from local midnight; 1440 and more lie on later days.
        """
        day, time = day + time // DAY, time % DAY
        offset = self._constant_local(iata, day)
        if offset is not None:
            return Minute((day - EPOCH_ORDINAL) * DAY + time - offset), offset
        read_with = self._offset_of_local(iata, day, time, 0)
        minute = Minute((day - EPOCH_ORDINAL) * DAY + time - read_with)
        return minute, self.offset(iata, minute)

    def next_instant(self, iata: str, time: int, after: int) -> tuple[Minute, int]:
        """The first instant later than `after` at which the airport's clocks show a time of day.

        Of an ambiguous time both occurrences count; a time that does not exist on a day counts
        shifted forward. Returns the instant and the airport's UTC offset then.
        """
        time %= DAY
        day = EPOCH_ORDINAL + (after + self.offset(iata, after)) // DAY
        while True:
            minute, offset = self.instant(iata, day, time)
            if minute > after:
                return minute, offset
            if self._constant_local(iata, day) is None:
                offset = self._offset_of_local(iata, day, time, 1)
                minute = Minute((day - EPOCH_ORDINAL) * DAY + time - offset)
                # In a gap this reading lies before the first one, so it is never taken.
                if minute > after:
                    return minute, offset
            day += 1

    def offset(self, iata: str, minute: int) -> int:
        """Local time minus UTC at an instant, minutes, at an airport with a known zone."""
        day = minute // DAY
        key = (iata, day)
        if key not in self._utc_days:
            start = offset_at(self._known(iata), day * DAY)
            end = offset_at(self._known(iata), day * DAY + DAY)
            self._utc_days[key] = start if start == end else None
        offset = self._utc_days[key]
        return offset_at(self._known(iata), minute) if offset is None else offset

    def _constant_local(self, iata: str, day: int) -> int | None:
        key = (iata, day)
        if key not in self._local_days:
            start = self._offset_of_local(iata, day, 0, 0)
            end = self._offset_of_local(iata, day + 1, 0, 1)
            self._local_days[key] = start if start == end else None
        return self._local_days[key]

    def _offset_of_local(self, iata: str, day: int, time: int, fold: int) -> int:
        midnight = dt.datetime.fromordinal(day)
        local = midnight.replace(
            hour=time // 60, minute=time % 60, fold=fold, tzinfo=self._known(iata)
        )
        return _minutes(local.utcoffset())

    def _known(self, iata: str) -> zoneinfo.ZoneInfo:
        zone = self.zone(iata)
        if zone is None:
            raise ValueError(f"no time zone is known for {iata}")
        return zone
