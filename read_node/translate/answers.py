"""Answers as bytes: a cached page with a fresh head before it.

A page is kept until what it shows may have changed. The head (position, totals) changes with every
entry, so it is made apart: serialized protobuf messages are joined by writing one after the other,
and JSON objects by their commas. A request is known by its bytes: a repeated one is not parsed.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final
from weakref import WeakKeyDictionary

from google.protobuf.message import DecodeError

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.errors import InvalidInput
from flightmesh.position import Position
from flightmesh.rpc.json_codec import encode_json
from read_node.finding_lists import Kind
from read_node.ordering import version
from read_node.schedule_model import ScheduleModel
from read_node.schedules import Schedules
from read_node.translate import pages, replies, requests
from read_node.translate.leg_writer import LegWriter

_NO_POSITION = b'{"position":"",'
# Larger pages are made anew each time rather than kept.
_LARGEST_KEPT = 512 * 1024
# All kept pages together; beyond it the oldest go.
_MOST_KEPT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Method:
    """One rpc of the query service.

    Attributes:
        name: as in the .proto.
        request: type of its request.
        response: type of its response.
        page: makes a page; None for the list of schedules.
    """

    name: str
    request: type[Any]
    response: type[Any]
    page: Callable[[ScheduleModel, Any, LegWriter], pages.Page] | None


METHODS: dict[str, Method] = {
    # Keys are the fields of the message Query.
    "list_schedules": Method(
        "ListSchedules", pb.ListSchedulesRequest, pb.ListSchedulesResponse, None
    ),
    "get_schedule": Method(
        "GetSchedule", pb.GetScheduleRequest, pb.GetScheduleResponse, pages.get_schedule
    ),
    "list_findings": Method(
        "ListFindings", pb.ListFindingsRequest, pb.ListFindingsResponse, pages.list_findings
    ),
    "list_legs": Method("ListLegs", pb.ListLegsRequest, pb.ListLegsResponse, pages.list_legs),
    "list_rotations": Method(
        "ListRotations", pb.ListRotationsRequest, pb.ListRotationsResponse, pages.list_rotations
    ),
    "list_airplanes": Method(
        "ListAirplanes", pb.ListAirplanesRequest, pb.ListAirplanesResponse, pages.list_airplanes
    ),
    "list_airports": Method(
        "ListAirports", pb.ListAirportsRequest, pb.ListAirportsResponse, pages.list_airports
    ),
}


Pages = dict[bool, tuple[Any, bytes]]
"""By encoding (True = JSON): what a page was made from, and the page."""


@final
@dataclass(slots=True)
class Question:
    """A request that was read once, with the pages last made for it.

    Attributes:
        method: its rpc.
        request: the message, without min_position.
        min_position: position to wait for; None for any.
        kinds: kinds of findings it shows; empty for other queries.
        pages: by encoding (True = JSON): what the page was made from, and the page.
        heads: the same for heads.
    """

    method: Method
    request: Any
    min_position: Position | None
    kinds: tuple[Kind, ...] = ()
    pages: Pages = field(default_factory=dict)
    heads: dict[bool, tuple[Any, bytes]] = field(default_factory=dict)


@final
class Answers:
    """Reads requests and answers them from the models.

    Args:
        schedules: the models, settled before each call.
        most_questions: how many distinct requests are remembered.
        most_kept: bytes of all kept pages together.

    Attributes:
        hits, misses: pages that were kept, and those that had to be made.
        kept_bytes: size of all kept pages.
    """

    def __init__(
        self, schedules: Schedules, most_questions: int = 4096, most_kept: int = _MOST_KEPT
    ) -> None:
        self._schedules = schedules
        self._most = most_questions
        self._most_kept = most_kept
        self._questions: OrderedDict[tuple[str, bytes], Question] = OrderedDict()
        self._writers: WeakKeyDictionary[ScheduleModel, dict[bool, LegWriter]]
        self._writers = WeakKeyDictionary()
        # Where each kept page is, oldest first, and its size.
        self._kept: OrderedDict[tuple[int, bool], tuple[Pages, int]] = OrderedDict()
        self.hits = 0
        self.misses = 0
        self.kept_bytes = 0

    def question(self, method: Method, data: bytes) -> Question:
        """The question that a serialized request asks.

        Raises:
            InvalidInput: it cannot be read.
        """
        known = self._questions.get((method.name, data))
        if known is not None:
            return known
        try:
            request = method.request.FromString(data)
        except DecodeError as error:
            raise InvalidInput("", "the request cannot be read") from error
        return self.question_of(method, request, data)

    def question_of(self, method: Method, request: Any, data: bytes) -> Question:
        """The question that a request asks; `data` is the request, serialized."""
        known = self._questions.get((method.name, data))
        if known is not None:
            return known
        if request.min_position:
            wait = Position.parse(request.min_position, "min_position")
            # Every caller has its own position; the pages are the same for all.
            request.min_position = ""
            plain = self.question_of(method, request, request.SerializeToString())
            return Question(method, request, wait, plain.kinds, plain.pages, plain.heads)
        asked = method.request is pb.ListFindingsRequest
        kinds = tuple(requests.kinds(request.kind)) if asked else ()
        question = Question(method, request, None, kinds)
        self._keep((method.name, data), question)
        return question

    def question_in(self, query: pb.Query) -> Question:
        """The question that a query of a batch asks.

        Raises:
            InvalidInput: it is empty.
        """
        data = query.SerializeToString()
        known = self._questions.get(("", data))
        if known is not None:
            return known
        name = query.WhichOneof("query")
        if name is None:
            raise InvalidInput("query", "is empty")
        request = getattr(query, name)
        question = self.question_of(METHODS[name], request, request.SerializeToString())
        if question.min_position is None:
            self._keep(("", data), question)
        return question

    def _keep(self, key: tuple[str, bytes], question: Question) -> None:
        self._questions[key] = question
        if len(self._questions) > self._most:
            self._questions.popitem(last=False)

    def answer(self, question: Question, position: str, as_json: bool = False) -> bytes:
        """The reply, serialized.

        Args:
            question: what is asked.
            position: token of the position that the models are at.
            as_json: JSON instead of protobuf.

        Raises:
            Refused: there is no such schedule.
            InvalidInput: the page token is no token of this listing.
        """
        if question.method.page is None:
            stamp: Any = self._schedules.version
            model = None
        else:
            model = self._schedules.get(question.request.schedule)
            if question.kinds:
                versions = [version(model, kind) for kind in question.kinds]
                stamp = (model.incarnation, model.rules, *versions)
            else:
                stamp = (model.incarnation, model.version)
        known = question.pages.get(as_json)
        if known is not None and known[0] == stamp:
            page = known[1]
            self.hits += 1
        else:
            page = self._make_page(question, model, as_json)
            self._keep_page(question.pages, as_json, stamp, page)
            self.misses += 1
        return self._head(question, model, position, as_json) + page

    def _keep_page(self, place: Pages, as_json: bool, stamp: Any, page: bytes) -> None:
        """Keeps a page in place of the one before, and lets the oldest go if all are too large."""
        where = (id(place), as_json)
        if (before := self._kept.pop(where, None)) is not None:
            self.kept_bytes -= before[1]
        if len(page) > _LARGEST_KEPT:
            place.pop(as_json, None)
            return
        place[as_json] = stamp, page
        self._kept[where] = place, len(page)
        self.kept_bytes += len(page)
        while self.kept_bytes > self._most_kept:
            (_, encoding), (oldest, size) = self._kept.popitem(last=False)
            oldest.pop(encoding, None)
            self.kept_bytes -= size

    def _make_page(self, question: Question, model: ScheduleModel | None, as_json: bool) -> bytes:
        if model is None or question.method.page is None:
            page = pages.list_schedules(self._schedules)
        else:
            page = question.method.page(model, question.request, self._writer(model, as_json))
        if not as_json:
            return page.serialized()
        text = page.json()
        assert text.startswith(_NO_POSITION)
        return text[len(_NO_POSITION) :]

    def _writer(self, model: ScheduleModel, as_json: bool) -> LegWriter:
        writers = self._writers.setdefault(model, {})
        writer = writers.get(as_json)
        if writer is None:
            writer = writers[as_json] = LegWriter(model.legs, as_json)
        return writer

    def _head(
        self, question: Question, model: ScheduleModel | None, position: str, as_json: bool
    ) -> bytes:
        stamp: Any = position
        if question.kinds and model is not None:
            stamp = (position, model.incarnation, model.version)
        known = question.heads.get(as_json)
        if known is not None and known[0] == stamp:
            return known[1]
        head = self._make_head(question, model, position, as_json)
        question.heads[as_json] = stamp, head
        return head

    def _make_head(
        self, question: Question, model: ScheduleModel | None, position: str, as_json: bool
    ) -> bytes:
        with_totals = bool(question.kinds) and model is not None
        if not as_json:
            message = question.method.response(position=position)
            if with_totals and model is not None:
                message.totals.CopyFrom(replies.totals(model))
                message.totals.SetInParent()
            return bytes(message.SerializeToString())
        head = b'{"position":"%s",' % position.encode()
        if with_totals and model is not None:
            head += b'"totals":%s,' % encode_json(replies.totals(model))
        return head
