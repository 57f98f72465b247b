"""Kinds of findings and the ordered lists that hold them. Pure.

A finding of two legs or one is an integer: first departure << 48 | slot << 24 | second slot (0
where there is none). So a sorted list of integers is sorted by first departure; equal ones are
put in order by leg id when they are read.
"""

import enum
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar, final

from read_node.legs import SLOT_BITS, SLOT_MASK

FINDING_SHIFT: Final = 2 * SLOT_BITS


class Kind(enum.IntEnum):
    """Kind of finding; the numbers are those of the public API."""

    CONTINUITY = 1
    GROUND_TIME = 2
    DESIGNATOR = 3
    AIRPLANE_OVERLAP = 4
    AIRCRAFT_TYPE = 5
    UNKNOWN_AIRPLANE = 6


# Marks of a leg, one bit each: which findings begin at it.
CONTINUITY: Final = 1
GROUND_TIME: Final = 2
AIRCRAFT_TYPE: Final = 4
OVERLAP: Final = 8
PAIR: Final = CONTINUITY | GROUND_TIME

# Above this many changes, sorting anew is cheaper than inserting one by one.
_FEW = 64


def finding(departure: int, first: int, second: int = 0) -> int:
    """A finding of one or two legs as an integer."""
    return departure << FINDING_SHIFT | first << SLOT_BITS | second


def slots_of(key: int) -> tuple[int, int]:
    """First and second slot of a finding."""
    return key >> SLOT_BITS & SLOT_MASK, key & SLOT_MASK


K = TypeVar("K", int, tuple[str, bytes])


@final
class KeyList(Generic[K]):
    """Keys in order; the order is made when it is asked for.

    Attributes:
        version: grows with every call that adds or takes out, also where the key itself stays: what
            is shown of it may have changed.
    """

    def __init__(self) -> None:
        self.version = 0
        self._members: set[K] = set()
        self._sorted: list[K] = []
        self._changed: list[K] = []

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, key: K) -> bool:
        return key in self._members

    def add(self, key: K) -> None:
        """Takes a key in. Idempotent."""
        if key not in self._members:
            self._members.add(key)
            self._note(key)
        self.version += 1

    def discard(self, key: K) -> None:
        """Takes a key out. Idempotent."""
        if key in self._members:
            self._members.remove(key)
            self._note(key)
        self.version += 1

    def fill(self, keys: list[K]) -> None:
        """Takes in all keys at once; the list must be new."""
        self._members.update(keys)
        self._changed = keys
        self.version += 1

    def _note(self, key: K) -> None:
        # Of a list that nobody reads, no more is noted than decides how it will be sorted.
        if len(self._changed) <= _FEW:
            self._changed.append(key)

    def ordered(self) -> list[K]:
        """The keys, ascending; do not change it."""
        if len(self._changed) > _FEW:
            self._sorted = sorted(self._members)
        else:
            for key in self._changed:
                self._bring_up_to_date(key)
        self._changed.clear()
        return self._sorted

    def _bring_up_to_date(self, key: K) -> None:
        at = bisect_left(self._sorted, key)
        present = at < len(self._sorted) and self._sorted[at] == key
        if key in self._members:
            if not present:
                insort(self._sorted, key)
        elif present:
            del self._sorted[at]


def in_order(keys: list[int], shift: int, start: int, tie: Callable[[int], Any]) -> Iterator[int]:
    """Walks ascending keys from an index on; those equal above `shift` bits come in order of `tie`.

    The index must not lie within a group of equal keys.
    """
    at, end = start, len(keys)
    while at < end:
        head = keys[at] >> shift
        stop = at + 1
        while stop < end and keys[stop] >> shift == head:
            stop += 1
        if stop == at + 1:
            yield keys[at]
        else:
            yield from sorted(keys[at:stop], key=tie)
        at = stop
