"""What the owners of the shards have of a schedule: the write side, as the doctor asks it.

Values are plain and comparable; what does not exist is None.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple

from clients.aio import FlightmeshClient
from flightmesh.api.coordinator.v1.shard_map_service_pb2 import ShardAssignment
from flightmesh.api.schedule.v1.types_pb2 import Leg
from flightmesh.errors import Refused, RetryableError, Unavailable

# Times that a shard's owner is looked for: it may be moving.
_TRIES: Final = 20
_PAUSE_S: Final = 0.25
# Shards asked for at once.
_AT_ONCE: Final = 32


class Rotation(NamedTuple):
    """A rotation that exists: name, airplane (id; empty if unassigned), leg id → leg."""

    name: str
    airplane_id: str
    legs: dict[str, Leg]


class Airplane(NamedTuple):
    """A registered airplane: registration, type, minutes on the ground (-1 if unknown)."""

    registration: str
    aircraft_type: str
    minimum_ground_minutes: int


class Airport(NamedTuple):
    """A defined airport: code, minutes on the ground (-1 if unknown), time zone."""

    iata: str
    minimum_ground_minutes: int
    time_zone: str


Value = Rotation | Airplane | Airport


async def ids_of(client: FlightmeshClient, schedule: str, aggregate_type: str) -> list[str]:
    """Ids of a schedule's aggregates of a type in all shards, removed ones included.

    Raises:
        FlightmeshError: an owner does not answer.
    """

    async def ask(address: str, shard: int) -> list[str]:
        return await client.mesh.aggregate_ids(address, shard, schedule, aggregate_type)

    return await _of_all_shards(client, ask)


async def schedules(client: FlightmeshClient) -> set[str]:
    """Names of the schedules that exist; raises as `ids_of`."""
    return set(await _of_all_shards(client, client.mesh.schedule_names))


async def _of_all_shards(
    client: FlightmeshClient, ask: Callable[[str, int], Awaitable[list[str]]]
) -> list[str]:
    """What the owners of all shards tell, asked by address and shard."""
    told: dict[int, list[str]] = {}
    slots = asyncio.Semaphore(_AT_ONCE)

    async def look(row: ShardAssignment) -> None:
        async with slots:
            # Else it is asked for again when the map has been read anew.
            with suppress(RetryableError):
                told[row.shard] = await ask(row.address, row.shard)

    left: list[ShardAssignment] = []
    for _ in range(_TRIES):
        rows = (await client.mesh.shard_map()).assignments
        left = [row for row in rows if row.shard not in told]
        await asyncio.gather(*(look(row) for row in left if row.address))
        if rows and all(row.shard in told for row in rows):
            return [each for shard in sorted(told) for each in told[shard]]
        await asyncio.sleep(_PAUSE_S)
    shard = min((row.shard for row in left), default=0)
    raise Unavailable(f"no owner tells its aggregates of shard {shard}")


async def rotation(client: FlightmeshClient, schedule: str, aggregate_id: str) -> Rotation | None:
    """A rotation with its legs."""
    try:
        state = await client.aggregates.rotation(schedule, aggregate_id)
    except Refused:
        return None
    return Rotation(state.name, state.airplane_id, {leg.leg_id: leg for leg in state.legs})


async def airplane(client: FlightmeshClient, schedule: str, aggregate_id: str) -> Airplane | None:
    """An airplane."""
    try:
        state = await client.aggregates.airplane(schedule, aggregate_id)
    except Refused:
        return None
    minutes = state.minimum_ground_minutes if state.HasField("minimum_ground_minutes") else -1
    return Airplane(state.registration, state.aircraft_type, minutes)


async def airport(client: FlightmeshClient, schedule: str, aggregate_id: str) -> Airport | None:
    """An airport."""
    try:
        state = await client.aggregates.airport(schedule, aggregate_id)
    except Refused:
        return None
    minutes = state.minimum_ground_minutes if state.HasField("minimum_ground_minutes") else -1
    return Airport(state.iata, minutes, state.time_zone)
