"""One node after another writes claims.

All claims lie in one partition of the ledger store, and conditional writes of several nodes that
meet there cost each other up to a second, where one after another take some tens of milliseconds
(measured on Cassandra). So the leader has one question under way that makes a node write claims. A
node that is slow to answer holds the others up for a moment only.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, final

from flightmesh.clock import Clock

_PATIENCE_S: Final = 0.25
_LOOK_AGAIN_S: Final = 0.005


@final
class Turns:
    """Gives one turn at a time, and after a while the next one all the same.

    Args:
        clock: time.
        patience_s: how long a turn holds up the next one.
    """

    def __init__(self, clock: Clock, patience_s: float = _PATIENCE_S) -> None:
        self._clock = clock
        self._patience_s = patience_s
        self._last = 0
        self._under_way = 0
        self._since_s = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for the turn; it ends with the context."""
        while self._under_way and self._clock.monotonic_s() - self._since_s < self._patience_s:
            await self._clock.sleep(_LOOK_AGAIN_S)
        self._last += 1
        mine = self._under_way = self._last
        self._since_s = self._clock.monotonic_s()
        try:
            yield
        finally:
            if self._under_way == mine:
                self._under_way = 0
