"""How much load is sent, and the callers that send it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Self

import grpc

from clients.load.measurement import Recorder, WrongReply
from flightmesh.errors import FlightmeshError


@dataclass(frozen=True, slots=True)
class LoadShape:
    """How much load, and how it is sent.

    Attributes:
        schedule: schedule that is loaded; created by the caller.
        callers: closed loops at once; for streams, batches under way at once.
        operations: operations at most.
        seconds: length of the run at most.
        legs: legs per rotation.
        batch: operations per message of a stream.
        page_size: findings per page of a query.
        timeout_s: deadline of one reply.
    """

    schedule: str
    callers: int = 50
    operations: int = 1_000_000
    seconds: float = 10.0
    legs: int = 150
    batch: int = 100
    page_size: int = 10
    timeout_s: float = 30.0

    def lasting(self, seconds: float) -> Self:
        """The same load for another time."""
        return replace(self, seconds=seconds)


async def run_callers(
    shape: LoadShape,
    recorder: Recorder,
    caller: Callable[[int], Awaitable[None]],
    count: int | None = None,
) -> None:
    """Runs callers side by side; one that fails ends alone and is counted.

    Args:
        shape: gives the number of callers and the longest time.
        recorder: told of failures.
        caller: what a caller does, given its number.
        count: number of callers, if not the shape's.
    """

    async def guarded(number: int) -> None:
        try:
            await caller(number)
        except (FlightmeshError, WrongReply, OSError, grpc.aio.AioRpcError) as error:
            recorder.failed(str(error) or type(error).__name__)

    async with asyncio.timeout(shape.seconds + 2 * shape.timeout_s), asyncio.TaskGroup() as group:
        for number in range(count or shape.callers):
            group.create_task(guarded(number))
