"""Does the read side have of a schedule what the owners of the shards have (I7)?

The two sides share no code but the events: the owners build aggregates, the read nodes columns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from clients.aio import FlightmeshClient
from clients.cli import write_side
from clients.cli.write_side import Airplane, Airport, Rotation, Value
from flightmesh.api.schedule.v1.types_pb2 import Leg

# Aggregates asked for at once.
_AT_ONCE: Final = 32
# Looks at an aggregate before it counts as wrong: somebody may edit it between two questions.
_LOOKS: Final = 4
# Between looks at the list of schedules: as long as an event may be on its way to a read node.
_PAUSE_S: Final = 0.5

Values = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing a schedule.

    Attributes:
        compared: number of aggregates that one side has at least.
        wrong: what differs, each as a sentence.
    """

    compared: int
    wrong: list[str]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type of aggregate, and how each side is asked."""

    name: str
    of_reader: Callable[[FlightmeshClient, str], Awaitable[Values]]
    of_owner: Callable[[FlightmeshClient, str, str], Awaitable[Value | None]]


async def compare_schedules(client: FlightmeshClient, reader: FlightmeshClient) -> Comparison:
    """Compares which schedules there are; as `compare`."""
    read: set[str] = set()
    owned: set[str] = set()
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_PAUSE_S)
        read = {summary.schedule for summary in await reader.queries.schedules()}
        owned = await write_side.schedules(client)
        if read == owned:
            break
    missing = [f"schedule {name} is not on the read side" for name in sorted(owned - read)]
    stray = [f"schedule {name} is on the read side only" for name in sorted(read - owned)]
    return Comparison(len(read | owned), missing + stray)


async def compare(client: FlightmeshClient, reader: FlightmeshClient, schedule: str) -> Comparison:
    """Compares every rotation, airplane and airport that either side has of a schedule.

    Args:
        client: asks the owners.
        reader: asks the read side.
        schedule: name of the schedule.

    Raises:
        FlightmeshError: a side does not answer.
    """
    compared, wrong = 0, []
    for kind in _KINDS:
        read = await kind.of_reader(reader, schedule)
        written = await write_side.ids_of(client, schedule, kind.name)
        suspects: Iterable[str] = sorted(read.keys() | set(written))
        existing: set[str] = set(read)
        owned: dict[str, Value | None] = {}
        for look in range(_LOOKS):
            if look:
                read = await kind.of_reader(reader, schedule)
            owned = await _owned(client, kind, schedule, suspects)
            existing.update(key for key, value in owned.items() if value is not None)
            suspects = [key for key, value in owned.items() if value != read.get(key)]
            if not suspects:
                break
        compared += len(existing)
        wrong += [_told(kind.name, key, read.get(key), owned[key]) for key in suspects]
    return Comparison(compared, wrong)


async def _owned(
    client: FlightmeshClient, kind: _Kind, schedule: str, ids: Iterable[str]
) -> dict[str, Value | None]:
    waiting = list(ids)
    found: dict[str, Value | None] = {}
    for start in range(0, len(waiting), _AT_ONCE):
        batch = waiting[start : start + _AT_ONCE]
        values = await asyncio.gather(*(kind.of_owner(client, schedule, key) for key in batch))
        found.update(zip(batch, values, strict=True))
    return found


def _told(kind: str, key: str, read: Value | None, owned: Value | None) -> str:
    if read is None:
        return f"{kind} {key} is not on the read side"
    if owned is None:
        return f"{kind} {key} is on the read side only"
    parts = [name for name in owned._fields if getattr(owned, name) != getattr(read, name, None)]
    return f"{kind} {key} has other {' and '.join(parts)} on the read side"


async def _rotations(reader: FlightmeshClient, schedule: str) -> Values:
    legs: dict[str, dict[str, Leg]] = {}
    async for placed in reader.queries.legs(schedule):
        legs.setdefault(placed.rotation_id, {})[placed.leg.leg_id] = placed.leg
    found: Values = {}
    async for each in reader.queries.rotations(schedule):
        key = each.rotation_id
        found[key] = Rotation(each.name, each.airplane_id, legs.pop(key, {}))
    # Legs of rotations that are not listed: seen between two questions, or wrong.
    found.update((key, Rotation("", "", stray)) for key, stray in legs.items())
    return found


async def _airplanes(reader: FlightmeshClient, schedule: str) -> Values:
    found: Values = {}
    async for each in reader.queries.airplanes(schedule):
        if each.registered:
            known = each.HasField("minimum_ground_minutes")
            minutes = each.minimum_ground_minutes if known else -1
            found[each.airplane_id] = Airplane(each.registration, each.aircraft_type, minutes)
    return found


async def _airports(reader: FlightmeshClient, schedule: str) -> Values:
    found: Values = {}
    async for each in reader.queries.airports(schedule):
        if each.airport_id:
            known = each.HasField("minimum_ground_minutes")
            minutes = each.minimum_ground_minutes if known else -1
            found[each.airport_id] = Airport(each.iata, minutes, each.time_zone)
    return found


_KINDS: Final = (
    _Kind("rotation", _rotations, write_side.rotation),
    _Kind("airplane", _airplanes, write_side.airplane),
    _Kind("airport", _airports, write_side.airport),
)
