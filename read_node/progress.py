"""The read node's position, and those who wait for it to move on.

The position is a vector of ledger → last entry up to which all events are applied. Ledgers from 1
on that are all sealed and wholly applied, without a number missing, are folded into one base, which
keeps tokens short. A missing number may still be a ledger in birth: the base never steps over it.
"""

import asyncio
from typing import final

from flightmesh.errors import Overloaded
from flightmesh.position import Position
from read_node.sequencer import NOTHING, LedgerProgress


@final
class Progress:
    """Position of a reader.

    Args:
        ledgers: progress by ledger, kept by the sequencer.
        most_waiters: how many callers may wait for a position at once.
    """

    def __init__(self, ledgers: dict[int, LedgerProgress], most_waiters: int = 1024) -> None:
        self._ledgers = ledgers
        self._most_waiters = most_waiters
        self._base = 0
        self._position: Position | None = None
        self._token = ""
        self._waiters: list[tuple[Position, asyncio.Future[None]]] = []

    @property
    def waiting(self) -> int:
        """Number of callers that wait."""
        return len(self._waiters)

    def moved(self) -> None:
        """Something was applied, or a ledger ended: wakes those whose position is reached."""
        self._position = None
        if not self._waiters:
            return
        position = self.position()
        waiters, self._waiters = self._waiters, []
        for wanted, future in waiters:
            if future.done():
                continue
            if position.covers(wanted):
                future.set_result(None)
            else:
                self._waiters.append((wanted, future))

    def position(self) -> Position:
        """The position now."""
        if self._position is None:
            self._extend_base()
            entries = {
                ledger: progress.applied
                for ledger, progress in self._ledgers.items()
                if ledger > self._base and progress.applied > NOTHING
            }
            self._position = Position(entries, self._base)
            self._token = self._position.token()
        return self._position

    def token(self) -> str:
        """The position as text."""
        if self._position is None:
            self.position()
        return self._token

    async def reach(self, wanted: Position, timeout_s: float) -> None:
        """Returns when the position covers `wanted`.

        Raises:
            TimeoutError: it did not within timeout_s seconds.
            Overloaded: too many wait already.
        """
        if self.position().covers(wanted):
            return
        if len(self._waiters) >= self._most_waiters:
            raise Overloaded("too many queries wait for a position")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (wanted, future)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _extend_base(self) -> None:
        while True:
            following = self._ledgers.get(self._base + 1)
            if following is None or not following.finished or following.held:
                return
            self._base += 1
