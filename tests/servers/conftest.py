"""Real servers for the tests, one of each for a whole run, started when first asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.servers.cassandra import Cassandra
from launcher.servers.etcd import Etcd, members_in
from launcher.servers.install import DEFAULT_FOLDER, Servers
from launcher.servers.nats import Nats

pytest.register_assert_rewrite("flightmesh.testing")

_REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def servers() -> Servers:
    """The installed servers; `make servers` installs them."""
    servers = Servers(_REPOSITORY / DEFAULT_FOLDER)
    if missing := servers.missing(["cassandra", "etcd", "nats-server"]):
        pytest.fail(f"{', '.join(missing)} not installed: run `make servers`", pytrace=False)
    return servers


@pytest.fixture(scope="session")
def cassandra_server(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cassandra]:
    """A Cassandra node that all tests share: use a keyspace of your own; leave it running."""
    server = Cassandra(servers, tmp_path_factory.mktemp("cassandra"))
    with server.process:
        server.start()
        yield server


@pytest.fixture(scope="session")
def etcd_server(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """An etcd of one member that all tests share: use a key prefix of your own."""
    etcd = Etcd(servers, members_in(tmp_path_factory.mktemp("etcd"), 1))
    try:
        etcd.start()
        yield etcd
    finally:
        etcd.stop()


@pytest.fixture(scope="session")
def nats_server(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """A NATS server with JetStream that all tests share: use streams and subjects of your own."""
    nats = Nats(servers, tmp_path_factory.mktemp("nats"))
    with nats.process:
        nats.start()
        yield nats
