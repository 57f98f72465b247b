"""All legs of a schedule in order of departure, in buckets of one day. Pure.

A bucket that was read is kept sorted. One that was not is a heap of keys, outdated ones among them,
which is put in order when it is read, or when too many keys are outdated: so a replay costs one
append per leg, and edits that nobody looks at take no memory.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import final

from read_node.legs import SLOT_BITS, SLOT_MASK, LegColumns

_DAY = 24 * 60 << SLOT_BITS
# Outdated keys in a bucket that nobody has read.
_MOST_OUTDATED = 1_000


@final
class DayIndex:
    """Leg keys (departure << 24 | slot) by day of departure.

    Attributes:
        buckets: keys by day.
        sorted_days: days whose keys are in order.
    """

    def __init__(self, legs: LegColumns) -> None:
        self._legs = legs
        self.buckets: dict[int, list[int]] = {}
        self.sorted_days: set[int] = set()
        self._outdated: dict[int, int] = {}

    def add(self, key: int) -> None:
        """Takes a leg in."""
        day = key // _DAY
        bucket = self.buckets.get(day)
        if bucket is None:
            self.buckets[day] = [key]
        elif day not in self.sorted_days:
            bucket.append(key)
        else:
            at = bisect_left(bucket, key)
            # It is there where a leg goes back, and its outdated key was taken for the present one.
            if at == len(bucket) or bucket[at] != key:
                bucket.insert(at, key)

    def fill(self, keys: list[int]) -> None:
        """Takes in all legs at once; the index must be new and the keys ascending."""
        start = 0
        while start < len(keys):
            day = keys[start] // _DAY
            stop = bisect_left(keys, (day + 1) * _DAY, start)
            self.buckets[day] = keys[start:stop]
            self.sorted_days.add(day)
            start = stop

    def discard(self, key: int) -> None:
        """Takes a leg out; its columns must tell by now that it has gone or moved."""
        day = key // _DAY
        if day not in self.sorted_days:
            outdated = self._outdated[day] = self._outdated.get(day, 0) + 1
            if outdated <= _MOST_OUTDATED:
                return
        bucket = self._bucket(day)
        at = bisect_left(bucket, key)
        # Putting the bucket in order has left it out, unless the leg keeps its departure.
        if at < len(bucket) and bucket[at] == key:
            del bucket[at]

    def ordered_from(self, first: int) -> Iterator[list[int]]:
        """The legs departing at minute `first` or later, ascending, a list per day."""
        first_key = first << SLOT_BITS
        for day in sorted(self.buckets):
            if (day + 1) * _DAY <= first_key:
                continue
            bucket = self._bucket(day)
            start = bisect_left(bucket, first_key)
            if start < len(bucket):
                yield bucket[start:] if start else bucket

    def first_departure(self) -> int | None:
        """The earliest departure; None if there are no legs."""
        for day in sorted(self.buckets):
            bucket = self._bucket(day)
            if bucket:
                return bucket[0] >> SLOT_BITS
        return None

    def last_arrival(self) -> int | None:
        """The latest arrival; None if there are no legs."""
        latest: int | None = None
        arrival = self._legs.arrival
        for day in sorted(self.buckets, reverse=True):
            bucket = self._bucket(day)
            if latest is not None and (day + 1) * 24 * 60 + self._legs.longest <= latest:
                break
            if bucket:
                last = max(arrival[key & SLOT_MASK] for key in bucket)
                latest = last if latest is None else max(latest, last)
        return latest

    def _bucket(self, day: int) -> list[int]:
        if day not in self.sorted_days:
            self.buckets[day] = sorted(set(filter(self._holds, self.buckets[day])))
            self.sorted_days.add(day)
            self._outdated.pop(day, None)
        return self.buckets[day]

    def _holds(self, key: int) -> bool:
        slot = key & SLOT_MASK
        return (
            self._legs.departure[slot] == key >> SLOT_BITS and self._legs.rotation[slot] is not None
        )
