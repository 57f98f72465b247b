"""The first signal asks to drain, the second ends at once."""

import asyncio
import os
import signal

import pytest

from flightmesh.clock.virtual import ManualClock
from flightmesh.runtime import lifecycle
from flightmesh.runtime.lifecycle import StopSignal


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Exit codes of forced ends, which do not happen here."""
    codes: list[int] = []
    monkeypatch.setattr(lifecycle.os, "_exit", codes.append)
    return codes


async def heard(number: signal.Signals) -> None:
    """Sends this process a signal and lets the event loop hear it."""
    loop = asyncio.get_running_loop()
    os.kill(os.getpid(), number)
    for _ in range(3):
        told = loop.create_future()
        loop.call_soon(told.set_result, None)
        await told


async def test_a_signal_is_waited_for(forced: list[int]) -> None:
    stop = StopSignal(ManualClock())
    stop.install()
    await heard(signal.SIGTERM)
    async with asyncio.timeout(30):
        await stop.wait()
    assert forced == []


async def test_a_second_signal_ends_at_once(forced: list[int]) -> None:
    clock = ManualClock()
    stop = StopSignal(clock)
    stop.install()
    await heard(signal.SIGTERM)
    clock.advance(2)
    await heard(signal.SIGINT)
    assert forced == [lifecycle.FORCED_EXIT]


async def test_the_echo_of_a_signal_is_no_second_one(forced: list[int]) -> None:
    clock = ManualClock()
    stop = StopSignal(clock)
    stop.install()
    await heard(signal.SIGTERM)
    clock.advance(0.1)
    await heard(signal.SIGTERM)
    assert forced == []


async def test_a_signal_after_a_failure_ends_at_once(forced: list[int]) -> None:
    stop = StopSignal(ManualClock())
    stop.install()
    stop.fail(RuntimeError("broken"))
    await heard(signal.SIGTERM)
    assert forced == [lifecycle.FORCED_EXIT]
