"""Registries of the tests, and etcd servers that a test may break."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from flightmesh.clock import SystemClock
from flightmesh.registry.etcd import EtcdRegistry
from launcher.servers.etcd import Etcd, members_in
from launcher.servers.install import Servers

MakeRegistry = Callable[..., EtcdRegistry]

_namespaces = itertools.count(1)


@pytest_asyncio.fixture
async def make_registry() -> AsyncIterator[MakeRegistry]:
    """Makes registries over the members of an etcd, each in a namespace of its own or a given one;
    closes them."""
    made: list[EtcdRegistry] = []

    def make(etcd: Etcd, namespace: str = "", timeout_s: float = 3.0) -> EtcdRegistry:
        name = namespace or f"test-{next(_namespaces)}/"
        registry = EtcdRegistry(etcd.endpoints, SystemClock(), namespace=name, timeout_s=timeout_s)
        made.append(registry)
        return registry

    yield make
    for registry in made:
        await registry.close()


@pytest.fixture
def etcd(servers: Servers, tmp_path: Path) -> Iterator[Etcd]:
    """An etcd of one member for one test."""
    etcd = Etcd(servers, members_in(tmp_path, 1))
    try:
        etcd.start()
        yield etcd
    finally:
        etcd.stop()


@pytest.fixture
def etcd_cluster(servers: Servers, tmp_path: Path) -> Iterator[Etcd]:
    """An etcd of three members for one test."""
    etcd = Etcd(servers, members_in(tmp_path, 3))
    try:
        etcd.start()
        yield etcd
    finally:
        etcd.stop()


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """Waits until a question is answered with yes; fails after its patience."""

    async def wait(question: Callable[[], Awaitable[bool]], patience_s: float = 30.0) -> None:
        async with asyncio.timeout(patience_s):
            while True:
                if await question():
                    return
                await asyncio.sleep(0.1)

    return wait
