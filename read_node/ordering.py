"""Findings and legs of a schedule in the order in which they are shown, from any point on. Pure.

A page token holds the order of the last item shown, not its number, so that pages stay in step
while the schedule changes: nothing is shown twice, and nothing that stays where it is is left out.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

from read_node.finding_lists import FINDING_SHIFT, Kind, in_order, slots_of
from read_node.lanes import Rotation
from read_node.legs import SLOT_BITS, SLOT_MASK
from read_node.schedule_model import Place, ScheduleModel


@dataclass(frozen=True, slots=True)
class FoundAt:
    """A finding with its place.

    Attributes:
        kind: its kind.
        order: first departure, then ids: what findings of a kind are ordered by.
        slots: slots of its legs, in order; for an unknown airplane the rotation's first and last.
        rotation: the rotation of an unknown airplane; None for other kinds.
    """

    kind: Kind
    order: Place
    slots: tuple[int, ...]
    rotation: Rotation | None = None


def shown_kinds(model: ScheduleModel) -> list[Kind]:
    """The kinds that the schedule's rules have on."""
    rules = model.rules
    off = set()
    if not rules.airplane_overlap:
        off.add(Kind.AIRPLANE_OVERLAP)
    if not rules.aircraft_type:
        off.add(Kind.AIRCRAFT_TYPE)
    if not rules.unknown_airplane:
        off.add(Kind.UNKNOWN_AIRPLANE)
    return [kind for kind in Kind if kind not in off]


def total(model: ScheduleModel, kind: Kind) -> int:
    """Number of findings of a kind that is on."""
    return len(model.unknown) if kind is Kind.UNKNOWN_AIRPLANE else len(model.lists[kind])


def version(model: ScheduleModel, kind: Kind) -> int:
    """A number that changes whenever a page of the kind's findings may."""
    if kind is Kind.UNKNOWN_AIRPLANE:
        return model.unknown_version
    return model.lists[kind].version


def findings_from(model: ScheduleModel, kind: Kind, after: Place | None) -> Iterator[FoundAt]:
    """The findings of a kind, in order, those up to and including `after` left out."""
    found = _unknown(model, after) if kind is Kind.UNKNOWN_AIRPLANE else _listed(model, kind, after)
    for each in found:
        if after is None or each.order > after:
            yield each


def _listed(model: ScheduleModel, kind: Kind, after: Place | None) -> Iterator[FoundAt]:
    keys = model.lists[kind].ordered()
    start = 0 if after is None else bisect_left(keys, after[0] << FINDING_SHIFT)

    def order(key: int) -> Place:
        first, second = slots_of(key)
        ids = (*_ids(model, first), *(_ids(model, second) if _is_pair(kind) else ("", "")))
        return key >> FINDING_SHIFT, *ids

    for key in in_order(keys, FINDING_SHIFT, start, order):
        slots: tuple[int, ...] = slots_of(key)
        if kind is Kind.DESIGNATOR:
            slots = tuple(model.designators.legs_of(slots[0]))
        elif not _is_pair(kind):
            slots = slots[:1]
        yield FoundAt(kind, order(key), slots)


def _is_pair(kind: Kind) -> bool:
    return kind in (Kind.CONTINUITY, Kind.GROUND_TIME, Kind.AIRPLANE_OVERLAP)


def _ids(model: ScheduleModel, slot: int) -> tuple[str, str]:
    rotation = model.legs.rotation[slot]
    assert rotation is not None
    return model.legs.leg_id[slot], rotation.id.hex()


def _unknown(model: ScheduleModel, after: Place | None) -> Iterator[FoundAt]:
    if model.unknown_order is None or model.unknown_order[0] != model.unknown_version:
        found = sorted(
            ((_unknown_place(model, each), each) for each in model.unknown.values()),
            key=itemgetter(0),
        )
        model.unknown_order = model.unknown_version, found
    ordered = model.unknown_order[1]
    start = 0 if after is None else bisect_right(ordered, after, key=itemgetter(0))
    for at in range(start, len(ordered)):
        order, rotation = ordered[at]
        ends = [key & SLOT_MASK for key in (rotation.keys[:1] + rotation.keys[1:][-1:])]
        yield FoundAt(Kind.UNKNOWN_AIRPLANE, order, tuple(ends), rotation)


def _unknown_place(model: ScheduleModel, rotation: Rotation) -> Place:
    if not rotation.keys:
        return 0, "", rotation.id.hex(), "", ""
    leg_id = model.legs.leg_id[rotation.keys[0] & SLOT_MASK]
    return rotation.keys[0] >> SLOT_BITS, leg_id, rotation.id.hex(), "", ""
