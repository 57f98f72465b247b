"""The same random calls to the store in memory and to Cassandra get the same answers."""

import asyncio
from typing import Any

from cassandra.cluster import Session
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from flightmesh.journal import Chunk, ShardHead
from flightmesh.journal.cassandra import CassandraOptions, CassandraStore
from flightmesh.journal.memory import InMemoryStore
from tests.contract.test_stores_agree import (
    CALLS,
    Call,
    answer,
    everything,
    numbered_by_segment,
)
from tests.servers.conftest import empty

_MANY_RUNS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def one_content_per_place(call: Call) -> Call:
    """What protocol and invariants say of a flush: a place in the index has one content.

    A chunk's length fixes its content, and a sequence is in one entry of one ledger (I4).
    """
    port, name, arguments = call
    if name != "flush":
        return call
    shard, chunks, head = arguments
    same_bytes = [
        Chunk(c.aggregate_id, c.aggregate_type, c.scope, c.ledger, c.entry, b"x" * len(c.data))
        for c in chunks
    ]
    placed = head and ShardHead(head.sequence, 1, head.sequence)
    return port, name, (shard, same_bytes, placed)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=_MANY_RUNS,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    calls=st.lists(CALLS.map(one_content_per_place), min_size=20, max_size=60).map(
        numbered_by_segment
    )
)
def test_memory_and_cassandra_give_the_same_answers(
    cassandra_store: CassandraOptions, cql: Session, calls: list[Call]
) -> None:
    empty(cql, cassandra_store)

    async def compare() -> None:
        memory = InMemoryStore()
        async with await CassandraStore.open(cassandra_store) as cassandra:
            for made in calls:
                expected: Any = await answer(memory, made)
                assert await answer(cassandra, made) == expected, made
            assert await everything(cassandra) == await everything(memory)

    asyncio.run(compare())
