"""Do the legs that the read side lists equal those that the write side folds (I7)?

The two sides share no code but the events: the owners build rotations, the read nodes columns.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from clients.aio import FlightmeshClient
from flightmesh.api.schedule.v1.types_pb2 import Leg
from flightmesh.errors import Refused

# Rotations asked for at once.
_AT_ONCE: Final = 32
# Looks at a rotation before it counts as wrong: somebody may edit it between two questions.
_LOOKS: Final = 4

Legs = dict[str, Leg]


async def wrong_rotations(
    client: FlightmeshClient, reader: FlightmeshClient, schedule: str
) -> tuple[int, list[str]]:
    """Compares every rotation of a schedule that has legs on the read side.

    Args:
        client: asks the owners.
        reader: asks the read side.
        schedule: name of the schedule.

    Returns:
        Number of rotations compared, and the ids of those that differ.

    Raises:
        FlightmeshError: a side does not answer.
    """
    read: dict[str, Legs] = {}
    async for placed in reader.queries.legs(schedule):
        read.setdefault(placed.rotation_id, {})[placed.leg.leg_id] = placed.leg
    suspects: Iterable[str] = read
    for look in range(_LOOKS):
        if look:
            for rotation in suspects:
                read[rotation] = await _read_side(reader, schedule, rotation)
        suspects = await _differing(client, schedule, suspects, read)
        if not suspects:
            break
    return len(read), sorted(suspects)


async def _differing(
    client: FlightmeshClient, schedule: str, rotations: Iterable[str], read: dict[str, Legs]
) -> list[str]:
    waiting = list(rotations)
    wrong = []
    for start in range(0, len(waiting), _AT_ONCE):
        batch = waiting[start : start + _AT_ONCE]
        states = await asyncio.gather(*(_write_side(client, schedule, r) for r in batch))
        wrong += [r for r, legs in zip(batch, states, strict=True) if legs != read[r]]
    return wrong


async def _write_side(client: FlightmeshClient, schedule: str, rotation: str) -> Legs:
    try:
        state = await client.aggregates.rotation(schedule, rotation)
    except Refused:
        return {}  # removed: it has no legs
    return {leg.leg_id: leg for leg in state.legs}


async def _read_side(reader: FlightmeshClient, schedule: str, rotation: str) -> Legs:
    legs = reader.queries.legs(schedule, rotation_id=rotation)
    return {placed.leg.leg_id: placed.leg async for placed in legs}
