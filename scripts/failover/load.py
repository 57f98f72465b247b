"""Commands to chosen shards, and a steady load of them that notes failures and pauses."""

import asyncio
import itertools
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from clients.aio import FlightmeshClient
from flightmesh import ids
from flightmesh.api.schedule.v1 import commands_pb2 as commands
from flightmesh.api.shard.v1 import command_service_pb2 as service
from flightmesh.errors import FlightmeshError

# A command that is not acknowledged by then has failed; the mesh's own limit.
DEADLINE_S = 10.0


class Sender:
    """Sends commands, each to a new airplane of a chosen shard.

    Args:
        client: the way into the mesh.
        schedule: an existing schedule.
        shard_count: number of shards.
    """

    def __init__(self, client: FlightmeshClient, schedule: str, shard_count: int) -> None:
        self._client = client
        self._schedule = schedule
        self._shard_count = shard_count
        self._airplanes: dict[int, list[str]] = {shard: [] for shard in range(shard_count)}

    def _airplane_of(self, shard: int) -> str:
        """The id of a new airplane of that shard; ids of other shards are kept for later."""
        while not self._airplanes[shard]:
            airplane = str(uuid.uuid4())
            self._airplanes[ids.shard_of(airplane, self._shard_count)].append(airplane)
        return self._airplanes[shard].pop()

    async def send(self, shard: int, deadline_s: float = 30.0) -> Any:
        """One command; raises a FlightmeshError if it is not acknowledged in time."""
        airplane = self._airplane_of(shard)
        request = service.ExecuteRequest(
            schedule=self._schedule,
            aggregate_id=airplane,
            register_airplane=commands.RegisterAirplane(
                registration=f"F{airplane[:5].upper()}", aircraft_type="320"
            ),
        )
        return await self._client.commands.execute(request, deadline_s)

    async def first_acks(self, shards: Iterable[int], began_s: float) -> list[float]:
        """Sends one command to each shard; seconds from began_s until each was acknowledged."""

        async def one(shard: int) -> float:
            await self.send(shard)
            return time.monotonic() - began_s

        return sorted(await asyncio.gather(*(one(shard) for shard in shards)))


@dataclass
class SteadyLoad:
    """Commands at a steady rate over all shards, from `start` to `stop`.

    Attributes:
        latencies: seconds from sending to acknowledgement, in the order of sending.
        failures: what commands failed with.
    """

    sender: Sender
    shard_count: int
    rate: float
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def start(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()
        self._pacer = asyncio.create_task(self._pace())

    async def stop(self) -> None:
        """Ends the sending and waits for what is under way."""
        self._pacer.cancel()
        await asyncio.gather(self._pacer, *self._under_way, return_exceptions=True)

    async def _pace(self) -> None:
        began_s = time.monotonic()
        for number in itertools.count():
            await asyncio.sleep(max(0.0, began_s + number / self.rate - time.monotonic()))
            task = asyncio.create_task(self._one(number % self.shard_count))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _one(self, shard: int) -> None:
        began_s = time.monotonic()
        try:
            await self.sender.send(shard, DEADLINE_S)
        except FlightmeshError as error:
            self.failures.append(str(error))
        else:
            self.latencies.append(time.monotonic() - began_s)
