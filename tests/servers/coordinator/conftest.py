"""A mesh of coordinators and shard nodes on a real etcd and a real Cassandra."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from flightmesh.clock import SystemClock
from flightmesh.journal.cassandra import CassandraOptions, CassandraStore, create_store
from flightmesh.registry.etcd import EtcdRegistry
from launcher.servers.cassandra import Cassandra
from launcher.servers.etcd import Etcd, members_in
from launcher.servers.install import Servers
from tests.servers.coordinator.real_mesh import RealMesh

MakeMesh = Callable[..., Awaitable[RealMesh]]

_numbers = itertools.count(1)


@pytest.fixture
def own_etcd(servers: Servers, tmp_path: Path) -> Iterator[Etcd]:
    """An etcd of one member that the test may break."""
    etcd = Etcd(servers, members_in(tmp_path, 1))
    try:
        etcd.start()
        yield etcd
    finally:
        etcd.stop()


@pytest_asyncio.fixture
async def make_mesh(cassandra_server: Cassandra) -> AsyncIterator[MakeMesh]:
    """Makes meshes over an etcd, each with a ledger store of its own; stops them."""
    made: list[RealMesh] = []
    stores = AsyncExitStack()

    async def make(etcd: Etcd) -> RealMesh:
        name = f"coordinator{next(_numbers)}"
        options = CassandraOptions((cassandra_server.host,), cassandra_server.port, name)
        await create_store(options)
        mesh = RealMesh(
            await stores.enter_async_context(await CassandraStore.open(options)),
            lambda: EtcdRegistry(etcd.endpoints, SystemClock(), namespace=f"{name}/"),
        )
        made.append(mesh)
        return mesh

    yield make
    async with stores:
        for mesh in made:
            await mesh.stop()
