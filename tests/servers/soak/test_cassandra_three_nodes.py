"""The store with replication factor 3, unchanged: one node down is nothing, two down is a stop."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from flightmesh.clock import SystemClock
from flightmesh.errors import OutcomeUnknown, StoreUnavailable
from flightmesh.journal import Claim, ClaimChange, Journal, SegmentRow, SegmentState, ShardHead
from flightmesh.journal.cassandra import CassandraOptions, CassandraStore, create_store
from flightmesh.ledger.persistence import until_definite
from launcher.servers.cassandra import Cassandra, nodes_in
from launcher.servers.install import Servers

TOKEN = b"writer-token-0001"


@pytest.fixture(scope="module")
def nodes(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Cassandra]]:
    nodes = nodes_in(servers, tmp_path_factory.mktemp("three"), 3)
    try:
        for node in nodes:
            node.start()
        yield nodes
    finally:
        for node in nodes:
            node.process.kill()


async def append_up_to(journal: Journal, first: int, end: int) -> None:
    for number in range(first, end):
        data = b"%d" % number
        answer = await until_definite(
            lambda n=number, d=data: journal.append(1, 0, TOKEN, n, d), SystemClock()
        )
        assert answer.row == SegmentRow(SegmentState.OPEN, TOKEN, 0, number)


async def test_one_node_of_three_may_be_lost_and_of_two_lost_nothing_is_acknowledged(
    nodes: list[Cassandra],
) -> None:
    """Fault 21."""
    hosts = tuple(node.host for node in nodes)
    options = CassandraOptions(hosts, nodes[0].port, "three", request_s=3.0)
    await create_store(options, replication_factor=3)
    async with await CassandraStore.open(options) as store:
        journal = store.journal
        await journal.open_segment(1, 0, TOKEN, 0)
        await append_up_to(journal, 0, 50)

        await asyncio.to_thread(nodes[2].process.kill)
        await append_up_to(journal, 50, 100)
        claim = Claim(0, 1, 1, released=False, ledgers=(1,))
        assert await store.claims.change_claims([ClaimChange(None, claim)])
        await store.index.flush(0, [], ShardHead(5, 1, 9))
        assert await store.index.read_head(0) == ShardHead(5, 1, 9)

        await asyncio.to_thread(nodes[1].process.kill)
        with pytest.raises((StoreUnavailable, OutcomeUnknown)):
            await journal.append(1, 0, TOKEN, 100, b"100")
        with pytest.raises(StoreUnavailable):
            await store.claims.read_claims()

        await asyncio.to_thread(nodes[1].start)
        await append_up_to(journal, 100, 150)
        entries = await journal.read_entries(1, 0, 0, 1000)
        assert list(entries) == [(number, b"%d" % number) for number in range(150)]
        assert await store.claims.read_claims() == {0: claim}
    # The node that was away for most of it: what it shows together with any other is whole.
    await asyncio.to_thread(nodes[2].start)
    await asyncio.to_thread(nodes[0].process.kill)
    async with await CassandraStore.open(replace(options, hosts=hosts[1:])) as store:
        row = await until_definite(lambda: store.journal.read_segment(1, 0), SystemClock())
        assert row == SegmentRow(SegmentState.OPEN, TOKEN, 0, 149)
        entries = await store.journal.read_entries(1, 0, 0, 1000)
        assert len(entries) == 150
