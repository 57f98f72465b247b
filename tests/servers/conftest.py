"""Real servers for the tests, one of each for a whole run, started when first asked for."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra.cluster import Cluster, Session

from flightmesh.errors import ConfigurationError
from flightmesh.journal.cassandra import CassandraOptions, create_store
from flightmesh.journal.cassandra_schema import TABLES
from launcher.servers.cassandra import Cassandra
from launcher.servers.etcd import Etcd, members_in
from launcher.servers.install import DEFAULT_FOLDER, Servers, check_tools
from launcher.servers.nats import Nats

pytest.register_assert_rewrite("flightmesh.testing")

# Every Java that the tests start, also in clusters: without the thorough compiler Cassandra's start
# takes half the processor time (8 s instead of 16), and no test asks for its speed.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

_REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def servers() -> Servers:
    """The installed servers; `make servers` installs them."""
    servers = Servers(_REPOSITORY / DEFAULT_FOLDER)
    names = ("cassandra", "etcd", "nats-server")
    if missing := servers.missing(names):
        pytest.fail(f"{', '.join(missing)} not installed: run `make servers`", pytrace=False)
    try:
        check_tools(names, missing)
    except ConfigurationError as error:
        pytest.fail(error.message, pytrace=False)
    return servers


@pytest.fixture(scope="session")
def cassandra_server(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cassandra]:
    """A Cassandra node that all tests share: use a keyspace of your own; leave it running."""
    server = Cassandra(servers, tmp_path_factory.mktemp("cassandra"))
    server.process.dies_with_us = True  # also where the run is killed
    with server.process:
        server.start()
        yield server


@pytest.fixture(scope="session")
def etcd_server(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """An etcd of one member that all tests share: use a key prefix of your own."""
    etcd = Etcd(servers, members_in(tmp_path_factory.mktemp("etcd"), 1))
    for process in etcd.processes:
        process.dies_with_us = True
    try:
        etcd.start()
        yield etcd
    finally:
        etcd.stop()


@pytest.fixture(scope="session")
def nats_server(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """A NATS server with JetStream that all tests share: use streams and subjects of your own."""
    nats = Nats(servers, tmp_path_factory.mktemp("nats"))
    nats.process.dies_with_us = True
    with nats.process:
        nats.start()
        yield nats


def empty(cql: Session, options: CassandraOptions) -> None:
    """Removes all rows; a look costs less than a TRUNCATE of nothing."""
    tables = [f"{options.keyspace}.{table}" for table in TABLES if table != "schema_version"]
    looks = [cql.execute_async(f"SELECT * FROM {table} LIMIT 1", timeout=60) for table in tables]
    filled = [table for table, look in zip(tables, looks, strict=True) if look.result().one()]
    for truncated in [cql.execute_async(f"TRUNCATE {table}", timeout=60) for table in filled]:
        truncated.result()


@pytest.fixture(scope="session")
def created_store(cassandra_server: Cassandra) -> CassandraOptions:
    """A store that was created once, in a keyspace of its own."""
    # Patient: nothing here is about time, and the machine may be busy.
    options = CassandraOptions(
        (cassandra_server.host,), cassandra_server.port, "contract", request_s=15.0, connect_s=30.0
    )
    asyncio.run(create_store(options))
    return options


@pytest.fixture(scope="session")
def cql(cassandra_server: Cassandra) -> Iterator[Session]:
    """The driver itself, past the adapter."""
    cluster = Cluster([cassandra_server.host], cassandra_server.port, protocol_version=4)
    yield cluster.connect()
    cluster.shutdown()


@pytest.fixture
def cassandra_store(created_store: CassandraOptions, cql: Session) -> CassandraOptions:
    """Where an empty store is."""
    empty(cql, created_store)
    return created_store
