"""Results of commands that came together: one future for all of them."""

import asyncio
from typing import final

Result = bytes | Exception


@final
class Batch:
    """Gathers one result per command.

    Its waiter may be cancelled (a client's deadline) at any time: the commands go their way.

    Attributes:
        results: in the order of the commands; None where there is none yet.
    """

    __slots__ = ("_done", "_remaining", "results")

    def __init__(self, size: int) -> None:
        self.results: list[Result | None] = [None] * size
        self._remaining = size
        self._done: asyncio.Future[None] | None = None

    def put(self, place: int, result: Result) -> None:
        """Sets the result of one command, once: a serialized ExecuteResponse, or an error."""
        assert self.results[place] is None
        self.results[place] = result
        self._remaining -= 1
        if not self._remaining and self._done is not None and not self._done.done():
            self._done.set_result(None)

    async def wait(self) -> list[Result]:
        """All results."""
        if self._remaining:
            self._done = asyncio.get_running_loop().create_future()
            await self._done
        return self.results  # type: ignore[return-value]  # none is missing any more
