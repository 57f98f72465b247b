"""Single aggregates as the write side knows them: state now or in the past, and history."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Final, Protocol, final

from clients import methods
from clients.methods import Method, Request, Response
from clients.values import timestamp
from flightmesh.api.shard.v1 import aggregate_service_pb2 as service

_PER_PAGE: Final = 1_000


class AggregatePath(Protocol):
    """Brings a question about one aggregate to the owner of its shard; `Owners` is one."""

    async def ask(
        self, schedule: str, aggregate_id: str, method: Method[Request, Response], request: Request
    ) -> Response:
        """Asks, trying again within the client's deadline; "" is the schedule's own aggregate."""


@final
class Aggregates:
    """Questions about single aggregates; answers are of committed events only.

    Every state takes `at_sequence` or `at_time` for the past, and raises Refused (for example
    ROTATION_NOT_FOUND) where there is nothing.
    """

    def __init__(self, path: AggregatePath) -> None:
        self._path = path

    async def rotation(
        self,
        schedule: str,
        rotation_id: str,
        *,
        at_sequence: int | None = None,
        at_time: dt.datetime | None = None,
    ) -> service.GetRotationResponse:
        """A rotation with its legs."""
        request = service.GetRotationRequest(
            schedule=schedule, aggregate_id=rotation_id, at_sequence=at_sequence
        )
        if at_time is not None:
            request.at_time.CopyFrom(timestamp(at_time, "at_time"))
        return await self._path.ask(schedule, rotation_id, methods.GET_ROTATION, request)

    async def airplane(
        self,
        schedule: str,
        airplane_id: str,
        *,
        at_sequence: int | None = None,
        at_time: dt.datetime | None = None,
    ) -> service.GetAirplaneResponse:
        """An airplane."""
        request = service.GetAirplaneRequest(
            schedule=schedule, aggregate_id=airplane_id, at_sequence=at_sequence
        )
        if at_time is not None:
            request.at_time.CopyFrom(timestamp(at_time, "at_time"))
        return await self._path.ask(schedule, airplane_id, methods.GET_AIRPLANE, request)

    async def airport(
        self,
        schedule: str,
        airport_id: str,
        *,
        at_sequence: int | None = None,
        at_time: dt.datetime | None = None,
    ) -> service.GetAirportResponse:
        """An airport."""
        request = service.GetAirportRequest(
            schedule=schedule, aggregate_id=airport_id, at_sequence=at_sequence
        )
        if at_time is not None:
            request.at_time.CopyFrom(timestamp(at_time, "at_time"))
        return await self._path.ask(schedule, airport_id, methods.GET_AIRPORT, request)

    async def schedule_state(
        self,
        schedule: str,
        *,
        at_sequence: int | None = None,
        at_time: dt.datetime | None = None,
    ) -> service.GetScheduleStateResponse:
        """A schedule's own state: whether it exists, title, checks."""
        request = service.GetScheduleStateRequest(schedule=schedule, at_sequence=at_sequence)
        if at_time is not None:
            request.at_time.CopyFrom(timestamp(at_time, "at_time"))
        return await self._path.ask(schedule, "", methods.GET_SCHEDULE_STATE, request)

    async def history(
        self,
        schedule: str,
        aggregate_id: str = "",
        *,
        include_refusals: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[service.HistoryRecord]:
        """What happened to an aggregate (the schedule itself if none is named), oldest first."""
        request = service.ListHistoryRequest(
            schedule=schedule, aggregate_id=aggregate_id, include_refusals=include_refusals
        )
        left = limit
        while left is None or left > 0:
            request.page_size = _PER_PAGE if left is None else min(left, _PER_PAGE)
            page = await self._path.ask(schedule, aggregate_id, methods.LIST_HISTORY, request)
            for record in page.records:
                yield record
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
            if left is not None:
                left -= len(page.records)
