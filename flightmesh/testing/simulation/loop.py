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
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, final

import msgspec

_STEP_S: Final = 1e-6
_MAX_CALLBACKS: Final = 3_000_000

_PROCESS: Final[contextvars.ContextVar["Process"]] = contextvars.ContextVar("process")


class Stuck(Exception):
    """Nobody will ever do anything again, or somebody works without end and without time."""


class _Handle(msgspec.Struct, eq=False):
    """A callback, now or at a time: what asyncio's loop calls a Handle or a TimerHandle.

    Most of a run's objects are these, so they keep nothing for debugging. One without a context is
    the world's own, and runs in whatever context the loop runs in.
    """

    context: contextvars.Context | None
    callback: Callable[..., object] | None
    args: tuple[Any, ...] = ()

    def cancel(self) -> None:
        """It will not be called."""
        self.callback = None
        self.args = ()

    def cancelled(self) -> bool:
        """Whether it will not be called."""
        return self.callback is None


@final
class Process:
    """A simulated process: its tasks get turns only while it runs.

    Attributes:
        name: host name; a restarted process has the same one.
        alive: false from its crash on, for ever.
        runs: whether its tasks get turns.
        skew_us: what its wall clock shows beyond the true time.
    """

    def __init__(self, loop: "VirtualLoop", name: str) -> None:
        self.name = name
        self.alive = self.runs = True
        self.skew_us = 0
        self.context = contextvars.copy_context()
        self.context.run(_PROCESS.set, self)
        self.on_crash: dict[int, Callable[[], object]] = {}
        self._loop = loop
        self._pauses = 0
        self._slices_s: float = 0.0
        self._kept: deque[_Handle] = deque()

    @property
    def paused(self) -> bool:
        """Whether it is stopped by a pause."""
        return self._pauses > 0

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
        """Starts a task of this process; what it raises is told to the loop's `on_error`."""
        task = self._loop.create_task(work, name=name, context=self.context)
        task.add_done_callback(self._loop.check, context=self._loop.environment.context)
        return task

    def later(self, delay_s: float, call: Callable[[], object]) -> _Handle:
        """Calls back in this process after a time."""
        when = self._loop.time() + delay_s
        return self._loop.call_at(when, call, context=self.context)

    def keep(self, handle: "_Handle") -> None:
        """Takes a callback that is due while the process does not run."""
        self._kept.append(handle)

    def crash(self) -> None:
        """Ends it at once, without any clean-up: its memory is lost."""
        self.alive = self.runs = False
        for call in list(self.on_crash.values()):
            call()
        self.on_crash.clear()

    def pause(self) -> None:
        """Stops it; what is sent to it waits."""
        self._pauses += 1
        self.runs = False

    def resume(self) -> None:
        """Lets it go on."""
        self._pauses -= 1
        self._release()

    def slow_down(self, slice_s: float) -> None:
        """Gives it one turn per slice; 0 ends that."""
        begins = slice_s > 0 and not self._slices_s
        self._slices_s = slice_s
        if begins:
            self.runs = False
            self._loop.environment.later(slice_s, self._slice)
        else:
            self._release()

    def _slice(self) -> None:
        slice_s, self._slices_s = self._slices_s, 0.0
        if slice_s:
            for handle in self._taken():
                if handle.context is not None and handle.callback is not None:
                    handle.context.run(handle.callback, *handle.args)
            self._slices_s = slice_s
            self._loop.environment.later(slice_s, self._slice)

    def _release(self) -> None:
        self.runs = self.alive and not self._pauses and not self._slices_s
        if self.runs:
            self._loop.requeue(self._taken())

    def _taken(self) -> "deque[_Handle]":
        if self._pauses or not self.alive:
            return deque()
        kept, self._kept = self._kept, deque()
        return kept


class _Task(asyncio.Task[Any]):
    """A task whose place in a set does not depend on its address."""

    _numbers = itertools.count()

    def __init__(
        self,
        work: Coroutine[Any, Any, Any],
        loop: asyncio.AbstractEventLoop,
        name: str | None,
        context: contextvars.Context | None,
    ) -> None:
        # First of all: to be made means to enter sets.
        self._number = next(_Task._numbers)
        super().__init__(work, loop=loop, name=name, context=context)
        self._log_destroy_pending = False

    def __hash__(self) -> int:
        return self._number


@final
class VirtualLoop(asyncio.BaseEventLoop):
    """See the module's text.

    Attributes:
        environment: the process that is the world: it never fails.
        callbacks: callbacks run so far.
        on_error: is told of what a spawned task raised.
        on_end: is told when the simulation is over and what is left will be dropped.
    """

    # Each future asks for it; this one answers without a frame of Python.
    get_debug = staticmethod(bool)
    _ready: "deque[_Handle]"
    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        _Task._numbers = itertools.count()
        self._now = 0.0
        self._timers: list[tuple[float, int, _Handle]] = []
        self._made = 0
        self.callbacks = 0
        self.environment = Process(self, "world")
        self.on_error: Callable[[str, BaseException], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self._dropped: list[_Handle] = []
        self._made_tasks: list[weakref.ref[asyncio.Task[Any]]] = []

    def create_future(self) -> "asyncio.Future[Any]":
        """As every loop has it."""
        return asyncio.Future(loop=self)

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now

    def check(self, task: "asyncio.Task[Any]") -> None:
        """Tells what a task raised."""
        if not task.cancelled() and (error := task.exception()) is not None and self.on_error:
            self.on_error(task.get_name(), error)

    def requeue(self, handles: "deque[_Handle]") -> None:
        """Puts callbacks that were kept back in front of the others."""
        self._ready.extendleft(reversed(handles))

    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[Any, Any, Any],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> "asyncio.Task[Any]":
        """As every loop has it."""
        return _Task(coro, self, name, context)

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Handle:
        """As every loop has it."""
        handle = _Handle(contextvars.copy_context() if context is None else context, callback, args)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Handle:
        """As every loop has it."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Handle:
        """As every loop has it; of two timers for one time the first one made comes first."""
        timer = _Handle(contextvars.copy_context() if context is None else context, callback, args)
        self._made += 1
        heapq.heappush(self._timers, (when, self._made, timer))
        return timer

    def later(self, delay_s: float, callback: Callable[..., object], *args: Any) -> None:
        """Calls back in the world after a time; that cannot be cancelled."""
        self._made += 1
        timer = _Handle(None, callback, args)
        heapq.heappush(self._timers, (self._now + delay_s, self._made, timer))

    def _run_once(self) -> None:
        """Runs until the loop is stopped: most callbacks take less time than a call for each."""
        ready, timers, keep = self._ready, self._timers, self._dropped.append
        next_ready, make_ready, pop = ready.popleft, ready.append, heapq.heappop
        numbers = range(self.callbacks + 1, _MAX_CALLBACKS)
        for self.callbacks in numbers:
            if self._stopping:
                return
            now = self._now + _STEP_S
            if ready:
                while timers and timers[0][0] <= now:
                    make_ready(pop(timers)[2])
                handle = next_ready()
            elif timers:
                when, _, handle = pop(timers)
                now = max(now, when + _STEP_S)
            else:
                raise Stuck("nothing is left to do")
            callback, context = handle.callback, handle.context
            if callback is None:
                continue
            self._now = now
            try:
                process = None if context is None else context.get(_PROCESS)
                if context is None:
                    callback(*handle.args)
                elif process is None or process.runs:
                    context.run(callback, *handle.args)
                elif process.alive:
                    process.keep(handle)
                else:
                    # Kept from destruction: that would run the clean-up that a crash leaves out.
                    keep(handle)
            except Exception as error:
                told = {"message": f"Exception in callback {callback}", "exception": error}
                self.call_exception_handler(told)
        raise Stuck(f"{self.callbacks} callbacks by {self._now:.1f} s")

    def _process_events(self, event_list: Any) -> None: ...

    def _write_to_self(self) -> None: ...

    def _asyncgen_finalizer_hook(self, agen: Any) -> None: ...

    def run_simulation(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine of the world to its end, then drops everything else."""
        was_enabled = gc.isenabled()
        # A collection would close what crashed processes left behind, at a time of its own.
        gc.disable()
        try:
            world = self.environment
            context = world.context.copy()
            with _registering(self._made_tasks):
                return context.run(self.run_until_complete, world.spawn(work, "simulation"))
        finally:
            if self.on_end is not None:
                self.on_end()
            self._drop_all()
            if was_enabled:
                gc.enable()

    def _drop_all(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # what was never awaited never will be
            for reference in self._made_tasks:
                if (task := reference()) is not None and not task.done():
                    with suppress(BaseException):
                        task.get_coro().close()
        self._ready.clear()
        self._timers.clear()
        self._dropped.clear()
        self._made_tasks.clear()
        self.close()


@contextmanager
def _registering(tasks: "list[weakref.ref[asyncio.Task[Any]]]") -> Iterator[None]:
    """Lists the tasks that are made meanwhile, instead of asyncio.all_tasks().

    asyncio keeps a set that is written in Python and asks each task for its hash when it comes and
    goes: one part in forty of a run.
    """
    # The second is its name from Python 3.12 on.
    known = vars(asyncio.tasks)
    registry: Any = known["_all_tasks" if "_all_tasks" in known else "_scheduled_tasks"]
    registry.add = lambda task: tasks.append(weakref.ref(task))
    try:
        yield
    finally:
        del registry.add


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
        return self._EPOCH_US + int(self._loop._now * 1e6) + self._process.skew_us

    def monotonic_s(self) -> float:
        """Virtual seconds."""
        return self._loop._now

    async def sleep(self, seconds: float) -> None:
        """Returns after that many virtual seconds."""
        done: asyncio.Future[None] = asyncio.Future(loop=self._loop)
        self._loop.later(seconds, wake, done, None)
        await done


def wake(sleeper: "asyncio.Future[Any]", result: Any) -> None:
    """Gives a future its result, unless whoever waited has gone."""
    if not sleeper.done():
        sleeper.set_result(result)
