"""Cassandra killed, frozen, and set up in a way that the ledger store cannot rely on."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from flightmesh.clock import SystemClock
from flightmesh.errors import ConfigurationError, OutcomeUnknown, StoreUnavailable
from flightmesh.journal import SegmentRow, SegmentState
from flightmesh.journal.cassandra import CassandraOptions, CassandraStore, create_store
from flightmesh.ledger.persistence import until_definite
from launcher.servers.cassandra import Cassandra, CassandraSettings
from launcher.servers.install import Servers

TOKEN = b"writer-token-0001"


@pytest.fixture(scope="module")
def own_cassandra(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cassandra]:
    """A node that the tests of this file may kill."""
    server = Cassandra(servers, tmp_path_factory.mktemp("own"), CassandraSettings(heap_mb=384))
    with server.process:
        server.start()
        yield server


def options_of(server: Cassandra, keyspace: str) -> CassandraOptions:
    return CassandraOptions((server.host,), server.port, keyspace, request_s=2.0, connect_s=30.0)


async def test_what_was_acknowledged_survives_a_kill_and_the_writer_goes_on(
    own_cassandra: Cassandra,
) -> None:
    """Fault 21 and I5: every append is definite in the end, and in exactly once."""
    options = options_of(own_cassandra, "killed")
    await create_store(options)
    async with await CassandraStore.open(options) as store:
        journal, clock = store.journal, SystemClock()
        await journal.open_segment(1, 0, TOKEN, 0)
        is_under_way = asyncio.Event()

        async def append_all() -> None:
            for number in range(300):
                data = b"%d" % number
                answer = await until_definite(
                    lambda n=number, d=data: journal.append(1, 0, TOKEN, n, d), clock
                )
                assert answer.row == SegmentRow(SegmentState.OPEN, TOKEN, 0, number)
                if number == 100:
                    is_under_way.set()

        async def kill() -> None:
            await is_under_way.wait()
            await asyncio.to_thread(own_cassandra.process.kill)
            await asyncio.to_thread(own_cassandra.start)

        await asyncio.gather(append_all(), kill())
        entries = await journal.read_entries(1, 0, 0, 1000)
        assert list(entries) == [(number, b"%d" % number) for number in range(300)]


async def test_a_frozen_node_gives_unknown_outcomes_and_then_the_answer(
    own_cassandra: Cassandra,
) -> None:
    """Fault 20: the client gives up, Cassandra does it later, the repeat finds it in."""
    options = options_of(own_cassandra, "frozen")
    await create_store(options)
    async with await CassandraStore.open(options) as store:
        journal, clock = store.journal, SystemClock()
        await journal.open_segment(1, 0, TOKEN, 0)
        own_cassandra.process.pause()
        try:
            with pytest.raises(OutcomeUnknown):
                await journal.append(1, 0, TOKEN, 0, b"entry")
            with pytest.raises(StoreUnavailable):
                await journal.read_segment(1, 0)
        finally:
            own_cassandra.process.resume()
        answer = await until_definite(lambda: journal.append(1, 0, TOKEN, 0, b"entry"), clock)
        assert answer.row == SegmentRow(SegmentState.OPEN, TOKEN, 0, 0)
        assert list(await journal.read_entries(1, 0, 0, 10)) == [(0, b"entry")]


async def test_a_node_that_is_down_is_definitely_not_written_to(
    own_cassandra: Cassandra,
) -> None:
    """The last test with this node: a start takes a while."""
    options = options_of(own_cassandra, "down")
    await create_store(options)
    async with await CassandraStore.open(options) as store:
        await store.journal.open_segment(1, 0, TOKEN, 0)
        await asyncio.to_thread(own_cassandra.process.kill)
        # The first may be under way when the connection ends; then nobody is left to ask.
        with pytest.raises((OutcomeUnknown, StoreUnavailable)):
            await store.journal.append(1, 0, TOKEN, 0, b"entry")
        with pytest.raises(StoreUnavailable):
            await store.journal.append(1, 0, TOKEN, 0, b"entry")
        with pytest.raises(StoreUnavailable):
            await CassandraStore.open(options)


async def test_a_server_that_breaks_its_promises_is_refused(
    servers: Servers, tmp_path: Path
) -> None:
    """It acknowledges before it syncs, runs the older Paxos, and has the default for batches."""
    settings = CassandraSettings(
        heap_mb=384, commitlog_sync="periodic", paxos_variant="v1", batch_limit="50KiB"
    )
    named = (
        "commitlog_sync is periodic.* paxos_variant is v1.* batch_size_fail_threshold is 50KiB,"
        " but the ledger store needs 1MiB"
    )
    server = Cassandra(servers, tmp_path, settings)
    with server.process:
        await asyncio.to_thread(server.start)
        with pytest.raises(ConfigurationError, match=named):
            await create_store(options_of(server, "refused"))
        with pytest.raises(ConfigurationError, match=named):
            await CassandraStore.open(options_of(server, "refused"))


async def test_a_store_that_was_never_created_is_named(cassandra_server: Cassandra) -> None:
    with pytest.raises(ConfigurationError, match="no ledger store nobody"):
        await CassandraStore.open(options_of(cassandra_server, "nobody"))


@pytest.mark.parametrize("name", ["", "a-b", "x" * 49, "Upper", "a; drop"])
def test_a_keyspace_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="keyspace"):
        CassandraOptions(keyspace=name)
