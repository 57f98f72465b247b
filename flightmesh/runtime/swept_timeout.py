"""Timeouts for many short waits, with one timer for all of them.

`asyncio.timeout` sets and cancels a timer of the event loop for each wait. At thousands of waits a
second, nearly all of which end at once, that was a fifth of the gateway's time per command. Here
one timer looks over all waits at a fixed interval, so a timeout is up to that interval late.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar, final

T = TypeVar("T")


@final
class SweptTimeout:
    """Ends waits whose time is over.

    Belongs to one event loop. Holds no timer while nobody waits, so there is nothing to stop.

    Args:
        interval_s: how often the waits are looked over; the longest delay of a timeout.
    """

    def __init__(self, interval_s: float = 0.1) -> None:
        self._interval_s = interval_s
        self._deadlines: dict[asyncio.Task[Any], float] = {}
        self._sweeping = False

    def __len__(self) -> int:
        """Number of waits under way."""
        return len(self._deadlines)

    async def wait(self, awaitable: Awaitable[T], timeout_s: float) -> T:
        """The result of an awaitable, which is cancelled if it takes longer.

        A task waits for one thing at a time: waits of this object do not nest.

        Raises:
            TimeoutError: it took longer.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        assert task not in self._deadlines, "waits do not nest"
        cancelled_before = task.cancelling()
        self._deadlines[task] = loop.time() + timeout_s
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(self._interval_s, self._sweep, loop)
        try:
            return await awaitable
        except asyncio.CancelledError:
            # The sweep takes a task out when it cancels it. As in asyncio.timeout, a cancellation
            # from elsewhere at the same time goes on as a cancellation.
            if task not in self._deadlines and task.uncancel() <= cancelled_before:
                raise TimeoutError from None
            raise
        finally:
            self._deadlines.pop(task, None)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        late = [task for task, deadline in self._deadlines.items() if deadline <= now]
        for task in late:
            del self._deadlines[task]
            task.cancel()
        self._sweeping = bool(self._deadlines)
        if self._sweeping:
            loop.call_later(self._interval_s, self._sweep, loop)
