"""Joins concurrent calls to one target into batches, without a timer.

While a batch is under way the next one gathers; at low load a call goes out at once, at high load
batches grow by themselves. A call costs one future: no task, and no timer, since asyncio's timers
cost more than all the rest (8 µs, measured); one task looks after the deadlines of all.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar, final

from flightmesh.clock import Clock
from flightmesh.errors import Overloaded, ProtocolViolation, Unavailable
from flightmesh.runtime.tasks import TaskOwner

Q = TypeVar("Q")
R = TypeVar("R")

# How late a passed deadline may be noticed.
_DEADLINE_CHECK_S = 0.05


@final
class Coalescer(Generic[Q, R]):
    """Batches calls to one target.

    Args:
        send: sends one batch; answers one result per request, in their order. What it raises is
            raised to every caller of the batch.
        tasks: owns the tasks that send.
        clock: time of deadlines.
        max_in_flight: batches under way at once.
        max_batch: requests in one batch.
        max_queued: requests waiting for a batch.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Q]], Awaitable[Sequence[R]]],
        tasks: TaskOwner,
        clock: Clock,
        *,
        max_in_flight: int = 2,
        max_batch: int = 500,
        max_queued: int = 20_000,
    ) -> None:
        self._send = send
        self._tasks = tasks
        self._clock = clock
        self._deadlines: dict[asyncio.Future[R], float] = {}
        self._checking = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._max_in_flight = max_in_flight
        self._max_batch = max_batch
        self._max_queued = max_queued
        self._waiting: deque[tuple[Q, asyncio.Future[R]]] = deque()
        self._senders = 0
        self._starting = 0

    def submit(self, request: Q, deadline_s: float) -> asyncio.Future[R]:
        """Queues a request; cancelling the future takes it out unless it is already under way.

        Past the deadline (monotonic time of the clock) the future raises Unavailable.

        Raises:
            Overloaded: the queue is full.
        """
        if len(self._waiting) >= self._max_queued:
            raise Overloaded("too many requests are waiting for this node")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = self._loop.create_future()
        self._waiting.append((request, future))
        self._deadlines[future] = deadline_s
        if not self._checking:
            self._checking = True
            checking = self._tasks.start(self._check_deadlines(), "deadlines")
            checking.add_done_callback(self._give_up_if_cancelled)
        # A sender that was started but has not run yet will take this request along.
        if (
            self._senders < self._max_in_flight
            and len(self._waiting) > self._starting * self._max_batch
        ):
            self._senders += 1
            self._starting += 1
            self._tasks.start(self._send_while_waiting(), "coalescer")
        return future

    def __len__(self) -> int:
        return len(self._waiting)

    async def _check_deadlines(self) -> None:
        try:
            while self._deadlines:
                await asyncio.sleep(_DEADLINE_CHECK_S)
                now_s = self._clock.monotonic_s()
                for future, deadline_s in list(self._deadlines.items()):
                    if future.done():
                        del self._deadlines[future]
                    elif deadline_s <= now_s:
                        del self._deadlines[future]
                        future.set_exception(Unavailable("no answer before the deadline"))
        finally:
            self._checking = False

    def _give_up_if_cancelled(self, checking: "asyncio.Task[None]") -> None:
        """Nobody looks after deadlines any more, so nobody may go on waiting."""
        if checking.cancelled():
            for future in self._deadlines:
                if not future.done():
                    future.set_exception(Unavailable("this process is stopping"))
            self._deadlines.clear()

    async def _send_while_waiting(self) -> None:
        self._starting -= 1
        try:
            while batch := self._take():
                await self._send_batch(batch)
        finally:
            self._senders -= 1

    def _take(self) -> list[tuple[Q, asyncio.Future[R]]]:
        batch: list[tuple[Q, asyncio.Future[R]]] = []
        while self._waiting and len(batch) < self._max_batch:
            item = self._waiting.popleft()
            if not item[1].done():
                batch.append(item)
        return batch

    async def _send_batch(self, batch: list[tuple[Q, asyncio.Future[R]]]) -> None:
        try:
            results = await self._send([request for request, _ in batch])
            if len(results) != len(batch):
                raise ProtocolViolation(f"{len(results)} answers to {len(batch)} requests")
        except asyncio.CancelledError:
            _fail(batch, Unavailable("this process is stopping"))
            raise
        except Exception as error:
            _fail(batch, error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)


def _fail(batch: Sequence[tuple[Q, "asyncio.Future[R]"]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
