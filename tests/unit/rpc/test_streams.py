"""Waits of streams end with the server, and only those."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from flightmesh.errors import Unavailable
from flightmesh.rpc.streams import OpenStreams


async def test_all_who_wait_are_told_that_the_server_stops() -> None:
    streams = OpenStreams()
    waits = [asyncio.ensure_future(streams.wait(asyncio.Event().wait())) for _ in range(3)]
    await asyncio.sleep(0)
    streams.end()
    outcomes = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(each) for each in outcomes] == [Unavailable] * 3


async def test_a_wait_after_the_end_ends_at_once() -> None:
    streams = OpenStreams()
    streams.end()
    with pytest.raises(Unavailable):
        await streams.wait(asyncio.Event().wait())


async def test_what_has_come_about_is_told_and_its_own_failure_too() -> None:
    streams = OpenStreams()
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    ready.set_result(7)
    assert await streams.wait(ready) == 7

    async def late() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await streams.wait(late())


async def test_a_caller_who_leaves_a_wait_is_not_told_of_a_stop() -> None:
    streams = OpenStreams()
    waiting = asyncio.ensure_future(streams.wait(asyncio.Event().wait()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    streams.end()


async def test_requests_end_with_their_caller_or_with_the_server() -> None:
    async def three() -> AsyncIterator[int]:
        for n in range(3):
            yield n

    async def three_then_silence() -> AsyncIterator[int]:
        async for n in three():
            yield n
        await asyncio.Event().wait()

    streams = OpenStreams()
    assert [n async for n in streams.requests(three())] == [0, 1, 2]
    seen = []

    async def until_the_third() -> None:
        async for n in streams.requests(three_then_silence()):
            seen.append(n)
            if n == 2:
                asyncio.get_running_loop().call_soon(streams.end)

    with pytest.raises(Unavailable):
        await until_the_third()
    assert seen == [0, 1, 2]
