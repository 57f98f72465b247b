"""An event loop on virtual time whose processes crash, pause and become slow.

Nothing sleeps: when nobody has work, time jumps to the next timer. Each callback belongs to a
simulated process, found in its context; a crashed process's callbacks are dropped, a paused one's
are kept until it goes on. The order of all that happens follows from the seed alone.
"""

import asyncio
import contextvars
import gc
import heapq
import itertools
import warnings
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, final

_STEP_S: Final = 1e-6
_MAX_CALLBACKS: Final = 3_000_000

_PROCESS: Final[contextvars.ContextVar["Process"]] = contextvars.ContextVar("process")


class Stuck(Exception):
    """Nobody will ever do anything again, or somebody works without end and without time."""


@final
class Process:
    """A simulated process: its tasks get turns only while it runs.

    Attributes:
        name: host name; a restarted process has the same one.
        alive: false from its crash on, for ever.
        skew_us: what its wall clock shows beyond the true time.
    """

    def __init__(self, loop: "VirtualLoop", name: str) -> None:
        self.name = name
        self.alive = True
        self.skew_us = 0
        self.context = contextvars.copy_context()
        self.context.run(_PROCESS.set, self)
        self.on_crash: dict[int, Callable[[], object]] = {}
        self._loop = loop
        self._pauses = 0
        self._slices_s: float = 0.0
        self._kept: deque[asyncio.Handle] = deque()

    @property
    def runs(self) -> bool:
        """Whether its tasks get turns."""
        return self.alive and not self._pauses and not self._slices_s

    @property
    def paused(self) -> bool:
        """Whether it is stopped by a pause."""
        return self._pauses > 0

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
        """Starts a task of this process; what it raises is told to the loop's `on_error`."""
        task = self._loop.create_task(work, name=name, context=self.context)
        task.add_done_callback(self._loop.check, context=self._loop.environment.context)
        return task

    def later(self, delay_s: float, call: Callable[[], object]) -> asyncio.TimerHandle:
        """Calls back in this process after a time."""
        return self._loop.call_later(delay_s, call, context=self.context)

    def keep(self, handle: asyncio.Handle) -> None:
        """Takes a callback that is due while the process does not run."""
        self._kept.append(handle)

    def crash(self) -> None:
        """Ends it at once, without any clean-up: its memory is lost."""
        self.alive = False
        for call in list(self.on_crash.values()):
            call()
        self.on_crash.clear()

    def pause(self) -> None:
        """Stops it; what is sent to it waits."""
        self._pauses += 1

    def resume(self) -> None:
        """Lets it go on."""
        self._pauses -= 1
        self._release()

    def slow_down(self, slice_s: float) -> None:
        """Gives it one turn per slice; 0 ends that."""
        begins = slice_s > 0 and not self._slices_s
        self._slices_s = slice_s
        if begins:
            self._loop.environment.later(slice_s, self._slice)
        else:
            self._release()

    def _slice(self) -> None:
        slice_s, self._slices_s = self._slices_s, 0.0
        if slice_s:
            for handle in self._taken():
                if not handle.cancelled():
                    handle._run()
            self._slices_s = slice_s
            self._loop.environment.later(slice_s, self._slice)

    def _release(self) -> None:
        if self.runs:
            self._loop.requeue(self._taken())

    def _taken(self) -> "deque[asyncio.Handle]":
        if self._pauses or not self.alive:
            return deque()
        kept, self._kept = self._kept, deque()
        return kept


class _Task(asyncio.Task[Any]):
    """A task whose place in a set does not depend on its address."""

    _numbers = itertools.count()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # First of all: to be made means to enter sets.
        self._number = next(_Task._numbers)
        super().__init__(*args, **kwargs)
        self._log_destroy_pending = False

    def __hash__(self) -> int:
        return self._number


class _Handle(asyncio.Handle):
    """A callback, without what asyncio keeps for debugging: most of a run's objects are these."""

    __slots__ = ()

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context | None,
    ) -> None:
        self._context = contextvars.copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None


class _Timer(asyncio.TimerHandle):
    """A callback at a time, likewise."""

    __slots__ = ()

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context | None,
    ) -> None:
        self._context = contextvars.copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None
        self._when = when
        self._scheduled = True


@final
class VirtualLoop(asyncio.BaseEventLoop):
    """See the module's text.

    Attributes:
        environment: the process that is the world: it never fails.
        callbacks: callbacks run so far.
        on_error: is told of what a spawned task raised.
        on_end: is told when the simulation is over and what is left will be dropped.
    """

    _ready: "deque[asyncio.Handle]"

    def __init__(self) -> None:
        super().__init__()
        _Task._numbers = itertools.count()
        self._now = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._made = 0
        self.callbacks = 0
        self.environment = Process(self, "world")
        self.on_error: Callable[[str, BaseException], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self._dropped: list[asyncio.Handle] = []
        self.set_task_factory(_make_task)

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now

    def check(self, task: "asyncio.Task[Any]") -> None:
        """Tells what a task raised."""
        if not task.cancelled() and (error := task.exception()) is not None and self.on_error:
            self.on_error(task.get_name(), error)

    def requeue(self, handles: "deque[asyncio.Handle]") -> None:
        """Puts callbacks that were kept back in front of the others."""
        self._ready.extendleft(reversed(handles))

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """As every loop has it."""
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """As every loop has it."""
        when = self._now + delay
        timer = _Timer(when, callback, args, self, context)
        self._made += 1
        heapq.heappush(self._timers, (when, self._made, timer))
        return timer

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """As every loop has it; of two timers for one time the first one made comes first."""
        timer = _Timer(when, callback, args, self, context)
        self._made += 1
        heapq.heappush(self._timers, (when, self._made, timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None: ...

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers
        if not ready:
            while timers and timers[0][2]._cancelled:
                heapq.heappop(timers)
            if not timers:
                raise Stuck("nothing is left to do")
            self._now = max(self._now, timers[0][0])
        now = self._now = self._now + _STEP_S
        while timers and timers[0][0] <= now:
            ready.append(heapq.heappop(timers)[2])
        self.callbacks += len(ready)
        if self.callbacks > _MAX_CALLBACKS:
            raise Stuck(f"{self.callbacks} callbacks by {now:.1f} s")
        for _ in range(len(ready)):
            handle: Any = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(_PROCESS)
            if process is None or (process.alive and not process._pauses and not process._slices_s):
                handle._run()
            elif process.alive:
                process.keep(handle)
            else:
                # Kept from destruction: that would run the clean-up that a crash leaves out.
                self._dropped.append(handle)

    def _process_events(self, event_list: Any) -> None: ...

    def _write_to_self(self) -> None: ...

    def _asyncgen_finalizer_hook(self, agen: Any) -> None: ...

    def run_simulation(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine of the world to its end, then drops everything else."""
        was_enabled = gc.isenabled()
        # A collection would close what crashed processes left behind, at a time of its own.
        gc.disable()
        try:
            return self.run_until_complete(self.environment.spawn(work, "simulation"))
        finally:
            if self.on_end is not None:
                self.on_end()
            self._drop_all()
            if was_enabled:
                gc.enable()

    def _drop_all(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # what was never awaited never will be
            for task in sorted(asyncio.all_tasks(self), key=hash):
                with suppress(BaseException):
                    task.get_coro().close()
        self._ready.clear()
        self._timers.clear()
        self._dropped.clear()
        self.close()


def _make_task(loop: asyncio.AbstractEventLoop, work: Any, **context: Any) -> _Task:
    return _Task(work, loop=loop, **context)


def current_process() -> Process:
    """The process whose code runs."""
    return _PROCESS.get()


@final
class SimulatedClock:
    """The clock of a process: `flightmesh.clock.Clock` on virtual time."""

    _EPOCH_US: Final = 1_800_000_000_000_000

    def __init__(self, loop: VirtualLoop, process: Process) -> None:
        self._loop = loop
        self._process = process

    def now_us(self) -> int:
        """Wall-clock time of the process."""
        return self._EPOCH_US + int(self._loop.time() * 1e6) + self._process.skew_us

    def monotonic_s(self) -> float:
        """Virtual seconds."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Returns after that many virtual seconds."""
        await asyncio.sleep(seconds)
