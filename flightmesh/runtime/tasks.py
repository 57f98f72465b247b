"""Background tasks with an owner. The only place that creates tasks outside asyncio.TaskGroup.

asyncio.TaskGroup lives in one `async with`; a service starts tasks in `start()` and ends them in
`stop()`. TaskOwner does that: it keeps every task, notices one that fails, and ends all of them.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, final

_log = logging.getLogger(__name__)


@final
class TaskOwner:
    """Owns background tasks from start to stop.

    Args:
        name: for logs.
        on_failure: called once with the exception of the first task that fails; by default the
            failure is logged and raised by `stop`.
    """

    def __init__(
        self, name: str, on_failure: Callable[[BaseException], None] | None = None
    ) -> None:
        self._name = name
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failure: BaseException | None = None
        self._stopping = False

    def start(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Runs a coroutine until it ends, fails or `stop` is called."""
        if self._stopping:
            coroutine.close()
            raise RuntimeError(f"{self._name} is stopping")
        task = asyncio.create_task(coroutine, name=f"{self._name}/{name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def __len__(self) -> int:
        return len(self._tasks)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or task.exception() is None:
            return
        error = task.exception()
        assert error is not None
        _log.error("task %s failed", task.get_name(), exc_info=error)
        if self._failure is None:
            self._failure = error
            if self._on_failure is not None:
                self._on_failure(error)

    async def stop(self) -> None:
        """Cancels all tasks and waits for them; raises the first failure nobody was told of."""
        self._stopping = True
        while self._tasks:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._failure is not None and self._on_failure is None:
            raise self._failure
