"""One turn at a time; who waits is woken by the end of a turn, whatever ends it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from coordinator.turns import Turns
from flightmesh.runtime.tasks import TaskOwner


class HeldClock:
    """A clock whose sleepers sleep until a test wakes them."""

    def __init__(self) -> None:
        self.sleepers: list[asyncio.Future[None]] = []

    def now_us(self) -> int:
        return 0

    def monotonic_s(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.sleepers.append(asyncio.get_running_loop().create_future())
        await self.sleepers[-1]

    def wake_all(self) -> None:
        for each in self.sleepers:
            if not each.done():
                each.set_result(None)


class Questions:
    """Questions of which each needs a turn, and ends when it is answered."""

    def __init__(self) -> None:
        self.clock = HeldClock()
        self.tasks = TaskOwner("questions")
        self.under_way: list[str] = []
        self._turns = Turns(self.clock, self.tasks)
        self._answers: dict[str, asyncio.Event] = {}

    def ask(self, name: str) -> "asyncio.Task[Any]":
        self._answers[name] = asyncio.Event()
        return self.tasks.start(self._one(name), name)

    async def _one(self, name: str) -> None:
        async with self._turns.turn():
            self.under_way.append(name)
            try:
                await self._answers[name].wait()
            finally:
                self.under_way.remove(name)

    def answer(self, name: str) -> None:
        self._answers[name].set()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def questions() -> AsyncIterator[Questions]:
    questions = Questions()
    yield questions
    await questions.tasks.stop()


async def test_the_next_in_order_follows_at_once_when_a_turn_ends(questions: Questions) -> None:
    for name in "abc":
        questions.ask(name)
    for name in "abc":
        await settle()
        assert questions.under_way == [name]
        questions.answer(name)
    await settle()
    assert not questions.under_way
    # Nothing had to be looked at again: the only sleeps are the turns' limits.
    assert len(questions.clock.sleepers) == 3
    assert all(each.done() for each in questions.clock.sleepers)


async def test_a_turn_that_lasts_too_long_lets_the_next_one_begin_beside_it(
    questions: Questions,
) -> None:
    for name in "abc":
        questions.ask(name)
    await settle()
    questions.clock.wake_all()
    await settle()
    assert questions.under_way == ["a", "b"]
    # The late end of the first is not the end of the second.
    questions.answer("a")
    await settle()
    assert questions.under_way == ["b"]
    questions.answer("b")
    await settle()
    assert questions.under_way == ["c"]


def cancelled_at_once(waiting: "asyncio.Task[Any]", answer: Callable[[], None]) -> None:
    """The waiting one is cancelled before the turn comes to it."""
    waiting.cancel()
    answer()


def cancelled_when_woken(waiting: "asyncio.Task[Any]", answer: Callable[[], None]) -> None:
    """The waiting one is cancelled when the turn is on its way to it."""
    answer()
    asyncio.get_running_loop().call_soon(waiting.cancel)


@pytest.mark.parametrize("cancel", [cancelled_at_once, cancelled_when_woken])
async def test_a_turn_is_not_lost_with_one_who_waited_for_it(
    questions: Questions, cancel: Callable[["asyncio.Task[Any]", Callable[[], None]], None]
) -> None:
    questions.ask("a")
    waiting = questions.ask("b")
    questions.ask("c")
    await settle()
    cancel(waiting, lambda: questions.answer("a"))
    await settle()
    assert waiting.cancelled()
    assert questions.under_way == ["c"]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_turn_ends_with_whoever_is_cancelled_or_fails_in_it(
    questions: Questions, fails: bool
) -> None:
    turns = Turns(questions.clock, questions.tasks)

    async def first() -> None:
        async with turns.turn():
            if fails:
                raise LookupError
            await asyncio.Event().wait()

    async def second() -> None:
        async with turns.turn():
            pass

    def run(work: Coroutine[Any, Any, None]) -> "asyncio.Future[None]":
        return asyncio.ensure_future(work)

    one, other = run(first()), run(second())
    await settle()
    one.cancel()
    await settle()
    assert one.done()
    assert other.done()
    await asyncio.gather(one, other, return_exceptions=True)
