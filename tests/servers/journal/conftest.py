"""One ledger store on the shared Cassandra, emptied before each test that asks for it."""

import asyncio
from collections.abc import Iterator

import pytest
from cassandra.cluster import Cluster, Session

from flightmesh.journal.cassandra import CassandraOptions, create_store
from flightmesh.journal.cassandra_schema import TABLES
from launcher.servers.cassandra import Cassandra


def empty(cql: Session, options: CassandraOptions) -> None:
    """Removes all rows; a look costs less than a TRUNCATE of nothing."""
    for table in TABLES:
        if table != "schema_version":
            rows = cql.execute(f"SELECT * FROM {options.keyspace}.{table} LIMIT 1")
            if rows.one() is not None:
                cql.execute(f"TRUNCATE {options.keyspace}.{table}", timeout=60)


@pytest.fixture(scope="session")
def created_store(cassandra_server: Cassandra) -> CassandraOptions:
    """A store that was created once, in a keyspace of its own."""
    options = CassandraOptions((cassandra_server.host,), cassandra_server.port, "contract")
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
