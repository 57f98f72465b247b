"""Which flight designators are on more than one leg. Pure.

One finding per repeated designator. It stands in its list at the first of its legs, in the order of
departure, arrival, leg id.
"""

from collections.abc import Iterable
from typing import final

from read_node.finding_lists import KeyList, finding
from read_node.legs import LegColumns


@final
class Designators:
    """Legs by flight designator.

    Args:
        legs: the columns.
        found: the list of the findings.

    Attributes:
        single: a leg of each designator; of a repeated one, any of its legs.
    """

    def __init__(self, legs: LegColumns, found: KeyList[int]) -> None:
        self._legs = legs
        self._found = found
        self.single: dict[int, int] = {}
        self._repeated: dict[int, list[int]] = {}
        self._slots: set[int] = set()

    def repeat(self, designator: int, slot: int) -> None:
        """A leg came whose designator `single` has already."""
        slots = self._repeated.setdefault(designator, [self.single[designator]])
        if len(slots) > 1:
            self._found.discard(self._finding(slots))
        slots.append(slot)
        self._slots.update(slots)
        self._sort(slots)
        self._found.add(self._finding(slots))

    def remove(self, slot: int) -> None:
        """A leg goes; its columns still hold."""
        designator = self._legs.designator_of(slot)
        slots = self._repeated.get(designator)
        if slots is None:
            del self.single[designator]
            return
        self._found.discard(self._finding(slots))
        slots.remove(slot)
        self._slots.discard(slot)
        self.single[designator] = slots[0]
        if len(slots) == 1:
            del self._repeated[designator]
            self._slots.discard(slots[0])
        else:
            self._found.add(self._finding(slots))

    def changing(self, slot: int) -> int | None:
        """A leg is about to move in time; returns what `changed` has to be given."""
        slots = self._repeated.get(self._legs.designator_of(slot))
        return None if slots is None else self._finding(slots)

    def changed(self, slot: int, before: int | None) -> None:
        """A leg has moved in time."""
        if before is None:
            return
        slots = self._repeated[self._legs.designator_of(slot)]
        self._found.discard(before)
        self._sort(slots)
        self._found.add(self._finding(slots))

    def touch(self, slots: Iterable[int]) -> None:
        """Something that is shown with legs has changed."""
        if not self._slots.isdisjoint(slots):
            self._found.version += 1

    def dump(self) -> list[list[int]]:
        """The legs of each repeated designator, in order, copied: all that a snapshot needs."""
        return [slots.copy() for slots in self._repeated.values()]

    def load(self, repeated: list[list[int]]) -> None:
        """Makes everything anew from the columns and `dump`; must be new, the list of findings too.

        Raises:
            ValueError: the columns and `repeated` do not fit together.
        """
        legs = self._legs
        airports = legs.departs_at
        columns = zip(legs.flight, legs.day, legs.route, legs.rotation, strict=True)
        self.single.update(
            {
                (flight << 20 | day) << 20 | airports[route]: slot
                for slot, (flight, day, route, rotation) in enumerate(columns)
                if rotation is not None
            }
        )
        for group in repeated:
            self._repeated[legs.designator_of(group[0])] = group
            self._slots.update(group)
        if len(self.single) + len(self._slots) - len(self._repeated) != len(legs):
            raise ValueError("repeated designators do not fit the legs")
        self._found.fill([self._finding(group) for group in repeated])

    def legs_of(self, slot: int) -> list[int]:
        """All legs of the leg's designator, in order; do not change it."""
        return self._repeated.get(self._legs.designator_of(slot)) or [slot]

    def repeated(self) -> list[list[int]]:
        """The legs of each repeated designator."""
        return list(self._repeated.values())

    def _sort(self, slots: list[int]) -> None:
        slots.sort(key=self._legs.order_of)

    def _finding(self, slots: list[int]) -> int:
        return finding(self._legs.departure[slots[0]], slots[0])
