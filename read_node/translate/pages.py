"""Pages: for each kind of query the part of its reply that changes only with the schedule.

The position and, for findings, the totals are left out: they change with every entry, and are put
before the page when it is sent (see `read_node.translate.answers`).
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, final

from google.protobuf.message import Message

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.errors import InvalidInput
from flightmesh.rpc.json_codec import encode_json
from read_node.finding_lists import in_order
from read_node.legs import SLOT_BITS, SLOT_MASK
from read_node.ordering import FoundAt, findings_from, shown_kinds
from read_node.page_tokens import read_token, write_token
from read_node.schedule_model import ScheduleModel
from read_node.schedules import Schedules
from read_node.selection import (
    LegFilter,
    Window,
    airplanes_named,
    rotation_in_window,
    select_legs,
    touches,
)
from read_node.translate import replies, requests, wire
from read_node.translate.leg_writer import LegWriter


@final
class Page:
    """A page: its message and the legs or findings in it, which are serialized already.

    Args:
        message: the response without the items.
        items: the items of its repeated field, in the encoding asked for.
        field: name of that field; empty if the message has all.
    """

    def __init__(self, message: Message, items: Sequence[bytes] = (), field: str = "") -> None:
        self._message = message
        self._items = items
        self._field = field

    def serialized(self) -> bytes:
        """As protobuf."""
        data = self._message.SerializeToString()
        return data + _repeated(self._message, self._field, self._items) if self._items else data

    def json(self) -> bytes:
        """As JSON."""
        data = encode_json(self._message)
        return _with_items(data, self._field, self._items) if self._items else data


def _repeated(message: Message, field: str, items: Sequence[bytes]) -> bytes:
    """A repeated field of serialized messages."""
    tag = wire.tag(message.DESCRIPTOR.fields_by_name[field].number)
    parts: list[bytes] = []
    for item in items:
        parts += (tag, wire.varint(len(item)), item)
    return b"".join(parts)


def _with_items(data: bytes, field: str, items: Sequence[bytes]) -> bytes:
    """JSON text with items in an array that is empty so far; text in it has its quotes escaped."""
    head, found, tail = data.partition(b'"%s":[]' % field.encode())
    assert found
    return b"".join((head, b'"%s":[' % field.encode(), b",".join(items), b"]", tail))


def list_schedules(schedules: Schedules) -> Page:
    """The schedules with their statistics."""
    models = schedules.current()
    summaries = [replies.schedule_summary(model) for model in models]
    return Page(pb.ListSchedulesResponse(schedules=summaries))


def get_schedule(model: ScheduleModel, _request: pb.GetScheduleRequest, _writer: LegWriter) -> Page:
    """One schedule with its statistics."""
    return Page(pb.GetScheduleResponse(schedule=replies.schedule_summary(model)))


def list_findings(model: ScheduleModel, request: pb.ListFindingsRequest, writer: LegWriter) -> Page:
    """A page of findings."""
    place: Any = read_token(request.page_token, int, int, str, str, str, str)
    size = requests.page_size(request.page_size)
    found = _passing(model, request, place)
    page = list(islice(found, size + 1))
    reply = pb.ListFindingsResponse()
    if len(page) > size:
        reply.next_page_token = write_token(page[size - 1].kind, *page[size - 1].order)
    return Page(reply, _written(model, page[:size], writer), "findings")


def _written(model: ScheduleModel, page: list[FoundAt], writer: LegWriter) -> list[bytes]:
    legs = iter(writer.write([slot for found in page for slot in found.slots]))
    items = []
    for found in page:
        finding = replies.finding(model, found)
        own = list(islice(legs, len(found.slots)))
        if writer.as_json:
            items.append(_with_items(encode_json(finding), "legs", own))
        else:
            items.append(finding.SerializeToString() + _repeated(finding, "legs", own))
    return items


def _passing(
    model: ScheduleModel, request: pb.ListFindingsRequest, place: Any
) -> Iterator[FoundAt]:
    window = requests.window(request)
    airplanes = airplanes_named(model, request.airplane) if request.airplane else None
    airport = model.legs.known_airport(request.airport) if request.airport else None
    shown = shown_kinds(model)
    for kind in requests.kinds(request.kind):
        if kind not in shown or (place is not None and kind < place[0]):
            continue
        after = place[1:] if place is not None and kind == place[0] else None
        for found in findings_from(model, kind, after):
            if _passes(model, found, airplanes, airport, window):
                yield found


def _passes(
    model: ScheduleModel, found: FoundAt, airplanes: list[Any] | None, airport: Any, window: Window
) -> bool:
    slots: Any = found.slots
    if found.rotation is not None:
        slots = [key & SLOT_MASK for key in found.rotation.keys]
    if airplanes is not None:
        rotations = [found.rotation] if found.rotation else [model.legs.rotation[s] for s in slots]
        if not any(rotation and rotation.airplane in airplanes for rotation in rotations):
            return False
    if airport is None and window.is_open():
        return True
    anywhere = airport is None or any(touches(model, slot, airport, Window()) for slot in slots)
    return anywhere and any(touches(model, slot, None, window) for slot in slots)


def list_legs(model: ScheduleModel, request: pb.ListLegsRequest, writer: LegWriter) -> Page:
    """A page of legs."""
    place: Any = read_token(request.page_token, int, int, str, str)
    most = requests.MAX_PAGE if writer.as_json else requests.MAX_LEGS_PAGE
    size = requests.page_size(request.page_size, most)
    wanted = requests.leg_filter(request)
    found = list(islice(_legs_after(model, wanted, place), size + 1))
    if wanted.is_open():
        total = len(model.legs)
    else:
        total = sum(len(keys) for keys in select_legs(model, wanted))
    reply = pb.ListLegsResponse(total=total)
    if len(found) > size:
        reply.next_page_token = write_token(*_leg_place(model, found[size - 1]))
    return Page(reply, writer.write(found[:size]), "legs")


def _leg_place(model: ScheduleModel, slot: int) -> tuple[int, int, str, str]:
    departure, arrival, leg_id, rotation_id = model.legs.order_of(slot)
    return departure, arrival, leg_id, rotation_id.hex()


def _legs_after(model: ScheduleModel, wanted: LegFilter, place: Any) -> Iterator[int]:
    first = place[0] if place else -(1 << 40)
    for keys in _runs_from(model, wanted, first):
        for key in in_order(keys, SLOT_BITS, 0, lambda key: model.legs.order_of(key & SLOT_MASK)):
            slot = key & SLOT_MASK
            if key >> SLOT_BITS < first:
                continue
            if place is None or _leg_place(model, slot) > place:
                yield slot


def _runs_from(model: ScheduleModel, wanted: LegFilter, first: int) -> Iterator[list[int]]:
    if wanted.is_open():
        return model.days.ordered_from(first)
    return select_legs(model, wanted)


def list_rotations(
    model: ScheduleModel, request: pb.ListRotationsRequest, _writer: LegWriter
) -> Page:
    """A page of rotations."""
    place: Any = read_token(request.page_token, str, str)
    size = requests.page_size(request.page_size)
    window = requests.window(request)
    if request.airplane:
        named = airplanes_named(model, request.airplane)
        names = sorted((r.name, r.id) for a in named for r in a.rotations.values())
    else:
        names = model.names_of_rotations()
    if request.unassigned or not window.is_open():
        names = [
            each
            for each in names
            if not (request.unassigned and model.rotations[each[1]].airplane)
            and rotation_in_window(model, model.rotations[each[1]], window)
        ]
    start = bisect_right(names, _named(place)) if place else 0
    shown = names[start : start + size]
    summaries = [replies.rotation_summary(model, model.rotations[each[1]]) for each in shown]
    reply = pb.ListRotationsResponse(rotations=summaries, total=len(names))
    if start + size < len(names):
        reply.next_page_token = write_token(shown[-1][0], shown[-1][1].hex())
    return Page(reply)


def _named(place: Any) -> tuple[str, bytes]:
    name, identity = place
    try:
        return name, bytes.fromhex(identity)
    except ValueError as error:
        raise InvalidInput("page_token", "is no page token of this listing") from error


def list_airplanes(
    model: ScheduleModel, request: pb.ListAirplanesRequest, _writer: LegWriter
) -> Page:
    """A page of airplanes."""
    place: Any = read_token(request.page_token, str, str)
    size = requests.page_size(request.page_size)
    names = sorted((a.shown_registration(), a.id) for a in model.airplanes.values())
    start = bisect_right(names, _named(place)) if place else 0
    shown = names[start : start + size]
    summaries = [replies.airplane_summary(model.airplanes[each[1]]) for each in shown]
    reply = pb.ListAirplanesResponse(airplanes=summaries, total=len(names))
    if start + size < len(names):
        reply.next_page_token = write_token(shown[-1][0], shown[-1][1].hex())
    return Page(reply)


def list_airports(
    model: ScheduleModel, request: pb.ListAirportsRequest, _writer: LegWriter
) -> Page:
    """A page of airports."""
    place: Any = read_token(request.page_token, str)
    size = requests.page_size(request.page_size)
    counts = model.airports_shown()
    codes = list(counts)
    start = bisect_right(codes, place[0]) if place else 0
    shown = codes[start : start + size]
    summaries = [replies.airport_summary(model, iata, *counts[iata]) for iata in shown]
    reply = pb.ListAirportsResponse(airports=summaries, total=len(codes))
    if start + size < len(codes):
        reply.next_page_token = write_token(shown[-1])
    return Page(reply)
