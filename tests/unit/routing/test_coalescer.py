"""Concurrent calls joined into batches."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from flightmesh.clock.virtual import ManualClock
from flightmesh.errors import Overloaded, ProtocolViolation, Unavailable
from flightmesh.routing.coalescer import Coalescer
from flightmesh.runtime.tasks import TaskOwner

CLOCK = ManualClock(0)


class Target:
    """Holds batches until they are let go; answers with the requests' doubles."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.let_go = asyncio.Semaphore(0)
        self.error: Exception | None = None

    async def send(self, requests: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(requests))
        await self.let_go.acquire()
        if self.error is not None:
            raise self.error
        return [2 * request for request in requests]


@pytest.fixture
async def tasks() -> AsyncIterator[TaskOwner]:
    owner = TaskOwner("test")
    yield owner
    await owner.stop()


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_single_call_goes_out_at_once(tasks: TaskOwner) -> None:
    target = Target()
    coalescer: Coalescer[int, int] = Coalescer(target.send, tasks, CLOCK)
    target.let_go.release()

    assert await coalescer.submit(21, 99.0) == 42
    assert target.batches == [[21]]


async def test_calls_of_one_moment_share_a_batch(tasks: TaskOwner) -> None:
    target = Target()
    coalescer: Coalescer[int, int] = Coalescer(target.send, tasks, CLOCK)
    futures = [coalescer.submit(n, 99.0) for n in range(5)]
    target.let_go.release()

    assert await asyncio.gather(*futures) == [0, 2, 4, 6, 8]
    assert target.batches == [[0, 1, 2, 3, 4]]


async def test_while_the_batches_are_under_way_the_next_one_gathers(tasks: TaskOwner) -> None:
    target = Target()
    coalescer: Coalescer[int, int] = Coalescer(target.send, tasks, CLOCK, max_in_flight=2)
    futures = []
    for n in range(6):
        futures.append(coalescer.submit(n, 99.0))
        await _settle()

    assert target.batches == [[0], [1]]
    assert len(coalescer) == 4
    for _ in range(3):
        target.let_go.release()
    await asyncio.gather(*futures)
    assert target.batches == [[0], [1], [2, 3, 4, 5]]


async def test_a_batch_has_a_bound(tasks: TaskOwner) -> None:
    target = Target()
    coalescer: Coalescer[int, int] = Coalescer(
        target.send, tasks, CLOCK, max_in_flight=1, max_batch=2
    )
    futures = [coalescer.submit(n, 99.0) for n in range(5)]
    for _ in range(3):
        target.let_go.release()

    await asyncio.gather(*futures)

    assert target.batches == [[0, 1], [2, 3], [4]]


async def test_a_full_queue_refuses_at_once(tasks: TaskOwner) -> None:
    target = Target()
    coalescer: Coalescer[int, int] = Coalescer(
        target.send, tasks, CLOCK, max_in_flight=1, max_queued=3
    )
    futures = [coalescer.submit(0, 99.0)]
    await _settle()
    futures += [coalescer.submit(n, 99.0) for n in range(1, 4)]

    with pytest.raises(Overloaded):
        coalescer.submit(9, 99.0)

    for _ in range(2):
        target.let_go.release()
    assert await asyncio.gather(*futures) == [0, 2, 4, 6]


async def test_a_cancelled_call_is_not_sent(tasks: TaskOwner) -> None:
    target = Target()
    coalescer: Coalescer[int, int] = Coalescer(target.send, tasks, CLOCK, max_in_flight=1)
    first = coalescer.submit(0, 99.0)
    await _settle()
    gone, kept = coalescer.submit(1, 99.0), coalescer.submit(2, 99.0)
    gone.cancel()
    for _ in range(2):
        target.let_go.release()

    assert await asyncio.gather(first, kept) == [0, 4]
    assert target.batches == [[0], [2]]


async def test_an_error_reaches_every_caller_and_the_next_batch_goes_on(
    tasks: TaskOwner,
) -> None:
    target = Target()
    coalescer: Coalescer[int, int] = Coalescer(target.send, tasks, CLOCK, max_in_flight=1)
    failing = [coalescer.submit(n, 99.0) for n in range(2)]
    target.error = Unavailable("down")
    target.let_go.release()
    for future in failing:
        with pytest.raises(Unavailable):
            await future

    target.error = None
    target.let_go.release()
    assert await coalescer.submit(3, 99.0) == 6


async def test_an_answer_of_the_wrong_length_is_a_bug_that_is_told(tasks: TaskOwner) -> None:
    async def send(requests: Sequence[int]) -> Sequence[int]:
        return []

    coalescer: Coalescer[int, int] = Coalescer(send, tasks, CLOCK)
    with pytest.raises(ProtocolViolation):
        await coalescer.submit(1, 99.0)


async def test_stopping_tells_callers_that_are_under_way() -> None:
    owner = TaskOwner("test")
    target = Target()
    coalescer: Coalescer[int, int] = Coalescer(target.send, owner, CLOCK)
    future = coalescer.submit(1, 99.0)
    await _settle()

    await owner.stop()

    with pytest.raises(Unavailable):
        await future


async def test_past_its_deadline_a_call_ends_though_its_batch_does_not(tasks: TaskOwner) -> None:
    clock = ManualClock(0)
    target = Target()
    coalescer: Coalescer[int, int] = Coalescer(target.send, tasks, clock, max_in_flight=1)
    hasty, patient = coalescer.submit(1, 1.0), coalescer.submit(2, 50.0)
    await _settle()
    queued = coalescer.submit(3, 1.0)

    clock.advance(2.0)

    for late in (hasty, queued):
        with pytest.raises(Unavailable):
            await late
    target.let_go.release()
    assert await patient == 4


async def test_when_its_tasks_end_nobody_waits_any_more() -> None:
    owner, target = TaskOwner("ends"), Target()
    coalescer: Coalescer[int, int] = Coalescer(
        target.send, owner, CLOCK, max_in_flight=1, max_batch=2
    )
    futures = [coalescer.submit(n, 99.0) for n in range(5)]
    await _settle()
    assert len(target.batches) == 1

    await owner.stop()
    answers = await asyncio.gather(*futures, return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in answers)


async def test_when_its_tasks_end_before_they_began_nobody_waits_either() -> None:
    owner = TaskOwner("ends")
    future = Coalescer[int, int](Target().send, owner, CLOCK).submit(1, 99.0)

    await owner.stop()
    with pytest.raises(Unavailable):
        await future
