"""Queries over whole schedules, page by page.

Every query waits until the read model has the highest position this client has seen, unless the
client's settings or the call say otherwise (`min_position=""`).
"""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, TypedDict, TypeVar, Unpack, final

from google.protobuf.message import Message

from clients import methods
from clients.connection import Connection
from clients.methods import Method
from clients.positions import PositionKeeper
from clients.values import timestamp
from flightmesh.api.read.v1 import query_service_pb2 as query

Page = TypeVar("Page", bound=Message)
Asked = TypeVar("Asked", bound=Message)

LEGS_PER_PAGE: Final = 10_000
PER_PAGE: Final = 1_000


class FindingFilters(TypedDict, total=False):
    """Which findings; filters combine, an absent one lets everything pass.

    Attributes:
        kinds: only these kinds.
        airplane: UUID or registration.
        airport: IATA code that a leg of the finding touches.
        start: only findings with a leg that ends after it.
        end: only findings with a leg that begins before it.
        limit: at most so many findings.
        min_position: wait for this position instead of the highest seen.
    """

    kinds: Sequence[query.FindingKind]
    airplane: str
    airport: str
    start: dt.datetime | None
    end: dt.datetime | None
    limit: int | None
    min_position: str | None


class LegFilters(TypedDict, total=False):
    """Which legs; filters combine, an absent one lets everything pass.

    Attributes:
        rotation_id: UUID of a rotation.
        airplane: UUID or registration.
        airport: IATA code, departure or arrival.
        start: only legs that end after it.
        end: only legs that begin before it.
        carrier: airline designator.
        flight_number: flight number; any if 0.
        day_of_origin: YYYY-MM-DD.
        limit: at most so many legs.
        min_position: wait for this position instead of the highest seen.
    """

    rotation_id: str
    airplane: str
    airport: str
    start: dt.datetime | None
    end: dt.datetime | None
    carrier: str
    flight_number: int
    day_of_origin: str
    limit: int | None
    min_position: str | None


@final
class Queries:
    """The queries of a client.

    Args:
        connection: the servers to ask.
        positions: gives min_position, and is told of every answer's position.
    """

    def __init__(self, connection: Connection, positions: PositionKeeper) -> None:
        self._connection = connection
        self._positions = positions

    async def schedules(self, *, min_position: str | None = None) -> list[query.ScheduleSummary]:
        """The schedules with their statistics, by name."""
        request = query.ListSchedulesRequest(min_position=self._floor(min_position))
        response = await self._ask(methods.LIST_SCHEDULES, request)
        return list(response.schedules)

    async def schedule(
        self, schedule: str, *, min_position: str | None = None
    ) -> query.ScheduleSummary:
        """One schedule with its statistics."""
        request = query.GetScheduleRequest(
            schedule=schedule, min_position=self._floor(min_position)
        )
        return (await self._ask(methods.GET_SCHEDULE, request)).schedule

    def finding_pages(
        self, schedule: str, **filters: Unpack[FindingFilters]
    ) -> AsyncIterator[query.ListFindingsResponse]:
        """Pages of findings, each with the totals of the whole schedule and its position."""
        request = query.ListFindingsRequest(
            schedule=schedule,
            kind=filters.get("kinds", ()),
            airplane=filters.get("airplane", ""),
            airport=filters.get("airport", ""),
            min_position=self._floor(filters.get("min_position")),
        )
        _set_window(request, filters.get("start"), filters.get("end"))
        limit = filters.get("limit")
        return self._pages(methods.LIST_FINDINGS, request, "findings", PER_PAGE, limit)

    async def findings(
        self, schedule: str, **filters: Unpack[FindingFilters]
    ) -> AsyncIterator[query.Finding]:
        """The findings in order of kind, then of first departure, then of leg id."""
        async for page in self.finding_pages(schedule, **filters):
            for finding in page.findings:
                yield finding

    def leg_pages(
        self, schedule: str, **filters: Unpack[LegFilters]
    ) -> AsyncIterator[query.ListLegsResponse]:
        """Pages of legs, each with the number of legs that pass the filters."""
        request = query.ListLegsRequest(
            schedule=schedule,
            rotation_id=filters.get("rotation_id", ""),
            airplane=filters.get("airplane", ""),
            airport=filters.get("airport", ""),
            carrier=filters.get("carrier", ""),
            flight_number=filters.get("flight_number", 0),
            day_of_origin=filters.get("day_of_origin", ""),
            min_position=self._floor(filters.get("min_position")),
        )
        _set_window(request, filters.get("start"), filters.get("end"))
        return self._pages(methods.LIST_LEGS, request, "legs", LEGS_PER_PAGE, filters.get("limit"))

    async def legs(
        self, schedule: str, **filters: Unpack[LegFilters]
    ) -> AsyncIterator[query.PlacedLeg]:
        """The legs in order of departure, arrival, leg id."""
        async for page in self.leg_pages(schedule, **filters):
            for leg in page.legs:
                yield leg

    async def rotations(
        self,
        schedule: str,
        *,
        airplane: str = "",
        unassigned: bool = False,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        limit: int | None = None,
        min_position: str | None = None,
    ) -> AsyncIterator[query.RotationSummary]:
        """The rotations in order of name, then of id; filters as for legs."""
        request = query.ListRotationsRequest(
            schedule=schedule,
            airplane=airplane,
            unassigned=unassigned,
            min_position=self._floor(min_position),
        )
        _set_window(request, start, end)
        async for page in self._pages(
            methods.LIST_ROTATIONS, request, "rotations", PER_PAGE, limit
        ):
            for rotation in page.rotations:
                yield rotation

    async def airplanes(
        self, schedule: str, *, limit: int | None = None, min_position: str | None = None
    ) -> AsyncIterator[query.AirplaneSummary]:
        """The airplanes in order of registration, then of id."""
        request = query.ListAirplanesRequest(
            schedule=schedule, min_position=self._floor(min_position)
        )
        async for page in self._pages(
            methods.LIST_AIRPLANES, request, "airplanes", PER_PAGE, limit
        ):
            for airplane in page.airplanes:
                yield airplane

    async def airports(
        self, schedule: str, *, limit: int | None = None, min_position: str | None = None
    ) -> AsyncIterator[query.AirportSummary]:
        """The airports defined or used, in order of code."""
        request = query.ListAirportsRequest(
            schedule=schedule, min_position=self._floor(min_position)
        )
        async for page in self._pages(methods.LIST_AIRPORTS, request, "airports", PER_PAGE, limit):
            for airport in page.airports:
                yield airport

    def _floor(self, min_position: str | None) -> str:
        if min_position is not None:
            return min_position
        return self._positions.token if self._connection.config.read_your_writes else ""

    async def _ask(self, method: Method[Asked, Page], request: Asked) -> Page:
        response = await self._connection.unary(method, request)
        self._positions.saw(_field(response, "position"))
        return response

    async def _pages(
        self,
        method: Method[Asked, Page],
        request: Asked,
        items: str,
        page_size: int,
        limit: int | None,
    ) -> AsyncIterator[Page]:
        left = limit
        while left is None or left > 0:
            _set(request, "page_size", page_size if left is None else min(left, page_size))
            page = await self._ask(method, request)
            yield page
            token = _field(page, "next_page_token")
            if not token:
                return
            _set(request, "page_token", token)
            if left is not None:
                left -= len(_field(page, items))


def _field(message: Message, name: str) -> Any:
    return getattr(message, name)


def _set(message: Message, name: str, value: object) -> None:
    setattr(message, name, value)


def _set_window(request: Message, start: dt.datetime | None, end: dt.datetime | None) -> None:
    # "from" is a keyword of Python, so the field cannot be named in the constructor.
    if start is not None:
        _field(request, "from").CopyFrom(timestamp(start, "from"))
    if end is not None:
        _field(request, "to").CopyFrom(timestamp(end, "to"))
