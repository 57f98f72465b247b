"""From start to stop: signals, draining, and running the event loop."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, final

import uvloop

from flightmesh.clock import Clock, SystemClock

_log = logging.getLogger(__name__)

FORCED_EXIT = 130
# A signal to a process group comes once from whoever sent it and once more from `make`.
_ECHO_S = 1.0


@final
class StopSignal:
    """Tells that the process is to stop: a signal, or the failure of something it needs.

    Args:
        clock: tells a second signal from the echo of the first.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._signalled_s: float | None = None
        self._event = asyncio.Event()
        self._failure: BaseException | None = None

    def install(self) -> None:
        """Listens to SIGTERM and SIGINT. The first asks to drain, the second ends at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: int) -> None:
        now_s = self._clock.monotonic_s()
        if self._signalled_s is not None and now_s - self._signalled_s < _ECHO_S:
            return
        self._signalled_s = now_s
        if self._event.is_set():
            _log.warning("second signal: ending at once")
            os._exit(FORCED_EXIT)
        _log.info("got %s: draining", signal.Signals(number).name)
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether the process is to stop."""
        return self._event.is_set()

    def fail(self, error: BaseException) -> None:
        """Asks to stop because of a failure, which `wait` raises."""
        if self._failure is None:
            self._failure = error
        self._event.set()

    async def wait(self) -> None:
        """Returns when a signal came; raises the failure if that was the reason."""
        await self._event.wait()
        self.check()

    def check(self) -> None:
        """Raises the failure, if there was one."""
        if self._failure is not None:
            raise self._failure


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Runs a process's main coroutine on uvloop; returns its exit code."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def let_others_finish() -> None:
    """Asks Linux not to interrupt another process when this one wakes (SCHED_BATCH, sched(7)).

    A command passes through four processes. If each one that a message wakes interrupts the one
    that is just writing more, messages travel one by one and most of the time goes into switching;
    so the running one ends its turn and the next finds several (ADR 24). Processes and threads
    started from here on inherit it. It needs no privilege; where it is not to be had, nothing
    changes.
    """
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def spare_garbage_collection() -> None:
    """Keeps the collector from walking what lives as long as the process; call it once started.

    Services make many short-lived objects without cycles. The default threshold (700) starts a
    collection every few requests; a higher one, and freezing what start-up made, saved 2 to 19 % of
    the event loop's time under REST load (paired runs).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def stop_quietly(what: str, stop: Awaitable[Any], limit_s: float) -> None:
    """Waits for one part's stop, at most limit_s; what goes wrong is logged, not raised.

    The other parts are to be stopped all the same.
    """
    try:
        async with asyncio.timeout(limit_s):
            await stop
    except TimeoutError:
        _log.error("%s did not stop within %.0f s", what, limit_s)
    except Exception:
        _log.exception("%s failed to stop", what)
