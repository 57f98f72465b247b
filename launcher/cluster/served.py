"""Waiting until the mesh as a whole serves."""

from typing import Final

from clients.aio import FlightmeshClient
from clients.config import ClientConfig
from flightmesh.clock import Clock
from flightmesh.errors import RetryableError, Unavailable

_LIMIT_S: Final = 60.0
_PAUSE_S: Final = 0.05


async def until_served(address: str, shard_count: int, clock: Clock) -> None:
    """Returns when every shard's owner says that it serves it.

    Args:
        address: gRPC host:port of a process of the mesh.
        shard_count: number of shards.
        clock: for pauses.

    Raises:
        Unavailable: some are not served within a minute.
    """
    deadline = clock.monotonic_s() + _LIMIT_S
    served = 0
    async with FlightmeshClient(ClientConfig((address,), source="launcher")) as client:
        while clock.monotonic_s() < deadline:
            try:
                shard_map = await client.mesh.shard_map(with_last_sequences=True)
                rows = shard_map.assignments
                served = sum(row.HasField("last_sequence") for row in rows)
            except RetryableError:
                served = 0
            if served >= shard_count:
                return
            await clock.sleep(_PAUSE_S)
    raise Unavailable(f"only {served} of {shard_count} shards are served")
