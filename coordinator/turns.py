"""One node after another writes claims.

All claims lie in one partition of the ledger store, and conditional writes of several nodes that
meet there cost each other up to a second, where one after another take some tens of milliseconds
(measured on Cassandra). So the leader has one question under way that makes a node write claims. A
node that is slow to answer holds the others up for a moment only.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, final

from flightmesh.clock import Clock
from flightmesh.runtime.tasks import TaskOwner

_PATIENCE_S: Final = 0.25


@final
class Turns:
    """Gives one turn at a time, and after a while the next one all the same.

    Args:
        clock: time.
        tasks: owns the waiting for a turn's limit.
        patience_s: how long a turn holds up the next one.
    """

    def __init__(self, clock: Clock, tasks: TaskOwner, patience_s: float = _PATIENCE_S) -> None:
        self._clock = clock
        self._tasks = tasks
        self._patience_s = patience_s
        self._last = 0
        self._free = asyncio.Event()
        self._free.set()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for the turn; it ends with the context."""
        # All who wait are woken together, and the first one takes it.
        while not self._free.is_set():
            await self._free.wait()
        self._free.clear()
        self._last += 1
        mine = self._last
        limit = self._tasks.start(self._end_late(mine), f"turn-{mine}")
        try:
            yield
        finally:
            limit.cancel()
            self._end(mine)

    async def _end_late(self, turn: int) -> None:
        await self._clock.sleep(self._patience_s)
        self._end(turn)

    def _end(self, turn: int) -> None:
        # Not if it has held up the next one for too long, which is under way now.
        if turn == self._last:
            self._free.set()
