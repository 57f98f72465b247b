"""Buses of the tests, and NATS servers that a test may break."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from flightmesh.clock import SystemClock
from flightmesh.event_bus.jetstream import JetStreamEventBus
from flightmesh.event_bus.jetstream_settings import JetStreamSettings
from launcher.servers.install import Servers
from launcher.servers.nats import Nats

OpenBus = Callable[..., AbstractAsyncContextManager[JetStreamEventBus]]

_prefixes = itertools.count(1)


@pytest.fixture
def open_bus() -> OpenBus:
    """Opens a connected bus on a server, on subjects of its own or of a given prefix."""

    @asynccontextmanager
    async def opened(nats: Nats, **settings: Any) -> AsyncIterator[JetStreamEventBus]:
        settings.setdefault("prefix", f"test-{next(_prefixes)}")
        # A second stream must fit in too: the default reserves a quarter of a test server's store.
        settings.setdefault("stream_bytes", 8 * 1024 * 1024)
        bus = JetStreamEventBus([nats.url], SystemClock(), JetStreamSettings(**settings))
        async with bus:
            async with asyncio.timeout(20):
                await bus.connected.wait()
            yield bus

    return opened


@pytest.fixture
def nats(servers: Servers, tmp_path: Path) -> Iterator[Nats]:
    """A NATS server for one test."""
    nats = Nats(servers, tmp_path)
    with nats.process:
        nats.start()
        yield nats


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """Waits until a question is answered with yes; fails after its patience."""

    async def wait(question: Callable[[], bool], patience_s: float = 30.0) -> None:
        async with asyncio.timeout(patience_s):
            while True:
                if question():
                    return
                await asyncio.sleep(0.05)

    return wait
