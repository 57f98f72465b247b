import asyncio

import pytest

from flightmesh.runtime.tasks import TaskOwner


async def test_stop_ends_every_task_and_waits_for_it() -> None:
    ended = []

    async def forever(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    owner = TaskOwner("test")
    for name in "ab":
        owner.start(forever(name), name)
    await asyncio.sleep(0)
    await owner.stop()
    assert sorted(ended) == ["a", "b"]
    assert len(owner) == 0


async def test_a_task_that_fails_is_told_once() -> None:
    told: list[BaseException] = []

    async def fails(text: str) -> None:
        raise ValueError(text)

    owner = TaskOwner("test", told.append)
    tasks = [owner.start(fails(text), text) for text in ("first", "second")]
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    assert [str(error) for error in told] == ["first"]
    await owner.stop()


async def test_a_failure_that_nobody_was_told_of_is_raised_by_stop() -> None:
    async def fails() -> None:
        raise ValueError("lost")

    owner = TaskOwner("test")
    await asyncio.gather(owner.start(fails(), "x"), return_exceptions=True)
    with pytest.raises(ValueError, match="lost"):
        await owner.stop()


async def test_a_task_that_starts_another_one_is_ended_with_it() -> None:
    owner = TaskOwner("test")

    async def child() -> None:
        await asyncio.Event().wait()

    async def parent() -> None:
        owner.start(child(), "child")
        await asyncio.Event().wait()

    owner.start(parent(), "parent")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(owner) == 2
    await owner.stop()
    assert len(owner) == 0


async def test_nothing_starts_after_stop() -> None:
    owner = TaskOwner("test")
    await owner.stop()

    async def late() -> None:
        pass

    with pytest.raises(RuntimeError):
        owner.start(late(), "late")
