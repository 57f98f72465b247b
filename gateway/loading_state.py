"""What a schedule holds now, read page by page from a read node."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, final

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.codec.legs import leg_of
from flightmesh.errors import Refused
from flightmesh.ids import AggregateId, LegId
from flightmesh.loading.export_csv import ExportedLeg
from flightmesh.loading.schedule_state import (
    ScheduleState,
    StoredAirplane,
    StoredAirport,
    StoredRotation,
)
from flightmesh.routing.query_router import QueryRouter

_LEGS_PER_PAGE: Final = 5_000
_ITEMS_PER_PAGE: Final = 1_000

_RESPONSES: Final[Mapping[str, Any]] = {
    "get_schedule": pb.GetScheduleResponse,
    "list_legs": pb.ListLegsResponse,
    "list_rotations": pb.ListRotationsResponse,
    "list_airplanes": pb.ListAirplanesResponse,
    "list_airports": pb.ListAirportsResponse,
}


def _minutes(message: Any) -> int | None:
    if message.HasField("minimum_ground_minutes"):
        return int(message.minimum_ground_minutes)
    return None


@final
class ScheduleReader:
    """Reads one schedule.

    Args:
        queries: asks a read node; it carries the highest position seen.
        schedule: name of the schedule.
        min_position: position token that every answer must have reached.
        timeout_s: deadline of each page.
    """

    def __init__(
        self, queries: QueryRouter, schedule: str, min_position: str = "", timeout_s: float = 30.0
    ) -> None:
        self._queries = queries
        self._schedule = schedule
        self._min_position = min_position
        self._timeout_s = timeout_s

    async def exists(self) -> bool:
        """Whether the read node knows the schedule."""
        try:
            await self._ask("get_schedule", pb.GetScheduleRequest)
        except Refused as refused:
            if refused.reason in ("SCHEDULE_NOT_FOUND", "SCHEDULE_DELETED"):
                return False
            raise
        return True

    async def state(self) -> ScheduleState:
        """Legs, rotations, airplanes and airports that are there."""
        legs: dict[LegId, Any] = {}
        async for exported in self.legs({}):
            legs[exported.leg.leg_id] = (exported.leg, exported.rotation_id)
        rotations = {
            AggregateId(r.rotation_id): StoredRotation(
                r.name, AggregateId(r.airplane_id) if r.airplane_id else None
            )
            async for r in self._items("list_rotations", pb.ListRotationsRequest, "rotations")
        }
        return ScheduleState(legs, rotations, await self.airplanes(), await self.airports())

    async def rotation_names(self) -> dict[str, str]:
        """Name of each rotation by id."""
        return {
            r.rotation_id: r.name
            async for r in self._items("list_rotations", pb.ListRotationsRequest, "rotations")
        }

    async def legs(self, names: dict[str, str]) -> AsyncIterator[ExportedLeg]:
        """All legs in order of departure, with the names of their rotations as given."""
        async for placed in self._items("list_legs", pb.ListLegsRequest, "legs", _LEGS_PER_PAGE):
            yield ExportedLeg(
                leg_of(placed.leg),
                AggregateId(placed.rotation_id),
                names.get(placed.rotation_id, ""),
                placed.registration,
            )

    async def airplanes(self) -> dict[AggregateId, StoredAirplane]:
        """The registered airplanes."""
        return {
            AggregateId(a.airplane_id): StoredAirplane(a.registration, a.aircraft_type, _minutes(a))
            async for a in self._items("list_airplanes", pb.ListAirplanesRequest, "airplanes")
            if a.registered
        }

    async def airports(self) -> dict[AggregateId, StoredAirport]:
        """The defined airports."""
        return {
            AggregateId(a.airport_id): StoredAirport(a.iata, _minutes(a), a.time_zone)
            async for a in self._items("list_airports", pb.ListAirportsRequest, "airports")
            if a.airport_id
        }

    async def _items(
        self, kind: str, request: Any, member: str, page_size: int = _ITEMS_PER_PAGE
    ) -> AsyncIterator[Any]:
        token = ""
        while True:
            page = await self._ask(kind, request, page_size=page_size, page_token=token)
            for item in getattr(page, member):
                yield item
            token = page.next_page_token
            if not token:
                return

    async def _ask(self, kind: str, request: Any, **fields: Any) -> Any:
        asked = request(schedule=self._schedule, min_position=self._min_position, **fields)
        members: dict[str, Any] = {kind: asked}
        result = await self._queries.query(pb.Query(**members), self._timeout_s)
        return _RESPONSES[kind].FromString(result.reply)
