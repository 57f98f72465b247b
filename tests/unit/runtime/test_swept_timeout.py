import asyncio

import pytest

from flightmesh.runtime.swept_timeout import SweptTimeout


async def test_what_ends_in_time_gives_its_result() -> None:
    timeouts = SweptTimeout(0.001)
    assert await timeouts.wait(asyncio.sleep(0, "done"), 60.0) == "done"
    assert len(timeouts) == 0


async def test_what_takes_longer_is_cancelled() -> None:
    timeouts = SweptTimeout(0.001)
    cancelled = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError):
        await timeouts.wait(forever(), 0.0)
    assert cancelled.is_set()
    assert len(timeouts) == 0
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_only_the_late_wait_ends() -> None:
    timeouts = SweptTimeout(0.001)
    go_on = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        patient = tasks.create_task(timeouts.wait(go_on.wait(), 60.0))
        with pytest.raises(TimeoutError):
            await timeouts.wait(asyncio.Event().wait(), 0.0)
        assert not patient.done()
        go_on.set()
    assert patient.result() is True


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    timeouts = SweptTimeout(0.001)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(timeouts.wait(asyncio.Event().wait(), 60.0))
        await asyncio.sleep(0)
        waiting.cancel()
    assert waiting.cancelled()
    assert len(timeouts) == 0


async def test_a_cancellation_at_the_same_time_as_the_timeout_stays_one() -> None:
    timeouts = SweptTimeout(0.001)
    reached = asyncio.Event()

    async def both() -> None:
        task = asyncio.current_task()
        assert task is not None

        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                task.cancel()
                reached.set()

        await timeouts.wait(wait(), 0.0)

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(both())
        await reached.wait()
    assert waiting.cancelled()


async def test_an_error_passes_through() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await SweptTimeout().wait(fail(), 60.0)
