"""The loop that writes entries: what an entry gathers, and moments that a session rarely meets."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, Final, final
from uuid import UUID

import pytest

from flightmesh.clock import SystemClock
from flightmesh.errors import SessionFenced
from flightmesh.eventsourcing.record import Record
from flightmesh.testing.simulation.loop import SimulatedClock, VirtualLoop
from shard_node.entry_queue import EntryQueue, OpenEntry

APPEND_S: Final = 0.01
PAUSE_S: Final = 0.02


@final
class _Writer:
    ledger = 1

    async def append(self, data: bytes) -> int:
        raise AssertionError("nothing is to be written")


@final
class _Listener:
    def entry_committed(self, entry: OpenEntry, committed_at_us: int) -> None:
        raise AssertionError("nothing is committed")

    async def entry_answered(self, number: int, data: bytes) -> None:
        raise AssertionError("nothing is committed")


def _a_command_comes(queue: EntryQueue) -> None:
    answers = SimpleNamespace(put=lambda *_: None)
    task: Any = SimpleNamespace(batch=answers, place=0)
    queue._entries.append(OpenEntry(0))
    queue._entries[0].waiting.append((SimpleNamespace(), task))  # type: ignore[arg-type]
    assert queue._wake is not None
    queue._wake.set_result(None)


async def test_a_session_that_ends_as_the_writing_wakes_up_is_no_failure() -> None:
    """Simulation seed 1914: a command woke the loop, and the seal was found before it ran."""
    queue = EntryQueue(
        _Writer(), SystemClock(), max_commands=9, max_bytes=9, max_queued=9, max_pause_s=0
    )
    writing = asyncio.ensure_future(queue.run(_Listener()))
    await asyncio.sleep(0)
    _a_command_comes(queue)
    queue.abandon(SessionFenced("ledger 1 was sealed"))
    await asyncio.sleep(0)
    assert not writing.done()
    writing.cancel()
    await asyncio.wait((writing,))
    assert writing.cancelled()


class _Shop:
    """A queue whose appends take APPEND_S of virtual time; each caller brings one command."""

    ledger = 1

    def __init__(self, loop: VirtualLoop, pause_s: float = PAUSE_S) -> None:
        self.entries: list[tuple[float, int]] = []
        self._clock = SimulatedClock(loop, loop.environment)
        self._head = -1
        self.queue = EntryQueue(
            self, self._clock, max_commands=40, max_bytes=10_000, max_queued=999,
            max_pause_s=pause_s,
        )  # fmt: skip

    async def append(self, data: bytes) -> int:
        """The writer's."""
        await asyncio.sleep(APPEND_S)
        self._head += 1
        return self._head

    def entry_committed(self, entry: OpenEntry, committed_at_us: int) -> None:
        """The listener's: what was written, and when it was in."""
        self.entries.append((round(self._clock.monotonic_s(), 3), len(entry.decided)))

    async def entry_answered(self, number: int, data: bytes) -> None:
        """The listener's."""

    def bring(self, commands: int) -> int:
        """Adds commands; returns the number of the last one's entry."""
        slot: Any = SimpleNamespace()
        task: Any = SimpleNamespace()
        number = -1
        for _ in range(commands):
            number = self.queue.next_number()
            record = Record(str(UUID(int=1)), bytes(16), 0, str(UUID(int=2)), "rotation", "s", 0, 1)
            self.queue.add(slot, record, task)
        return number

    async def bring_and_wait(self, commands: int) -> None:
        """Adds commands and returns when they are committed."""
        await self.queue.wait_committed(self.bring(commands))

    def run(self, loop: VirtualLoop, story: Coroutine[Any, Any, None]) -> None:
        """Runs a story beside the writing."""

        async def both() -> None:
            writing = asyncio.ensure_future(self.queue.run(self))
            await story
            writing.cancel()

        loop.run_simulation(both())


@pytest.fixture
def loop() -> VirtualLoop:
    return VirtualLoop()


def test_one_caller_after_another_never_waits(loop: VirtualLoop) -> None:
    shop = _Shop(loop)

    async def story() -> None:
        for _ in range(3):
            await shop.bring_and_wait(1)

    shop.run(loop, story())
    assert shop.entries == [(0.01, 1), (0.02, 1), (0.03, 1)]


def test_callers_who_come_back_are_written_together_as_soon_as_all_are_there(
    loop: VirtualLoop,
) -> None:
    shop = _Shop(loop)

    async def story() -> None:
        first = asyncio.ensure_future(shop.bring_and_wait(10))
        await asyncio.sleep(0.001)
        second = shop.bring(6)  # while the first ten are written
        await first
        await asyncio.sleep(0.001)
        shop.bring(9)
        await asyncio.sleep(0.001)
        shop.bring(1)
        await shop.queue.wait_committed(second)

    shop.run(loop, story())
    assert shop.entries == [(0.01, 10), (0.022, 16)]


def test_who_does_not_come_back_is_waited_for_a_moment_only(loop: VirtualLoop) -> None:
    shop = _Shop(loop)

    async def story() -> None:
        await shop.bring_and_wait(10)
        await shop.bring_and_wait(1)
        await shop.bring_and_wait(1)

    shop.run(loop, story())
    assert shop.entries == [(0.01, 10), (0.03, 1), (0.04, 1)]


def test_a_full_entry_is_written_at_once(loop: VirtualLoop) -> None:
    shop = _Shop(loop)

    async def story() -> None:
        await shop.bring_and_wait(30)
        await shop.bring_and_wait(45)

    shop.run(loop, story())
    # The pause after the full one is over as its rest begins the next entry: that one may gather.
    assert shop.entries[:2] == [(0.01, 30), (0.02, 40)]


def test_no_pause_where_none_is_set(loop: VirtualLoop) -> None:
    shop = _Shop(loop, pause_s=0)

    async def story() -> None:
        await shop.bring_and_wait(10)
        await shop.bring_and_wait(1)

    shop.run(loop, story())
    assert shop.entries == [(0.01, 10), (0.02, 1)]
