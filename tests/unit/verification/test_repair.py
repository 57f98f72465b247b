"""An index that is built again from the ledgers is right for every claim."""

import pytest

from flightmesh.codec.entries import decode_chunk
from flightmesh.errors import CorruptData
from flightmesh.ids import id_bytes
from flightmesh.journal.memory import InMemoryAggregateIndex, InMemoryStore
from flightmesh.verification.journal import check_journal
from flightmesh.verification.repair import fill_index, rebuild_index
from tests.unit.eventsourcing.counter import COUNTER, Counters
from tests.unit.verification.store_story import SHARD, claim, ledgers_only, true_store


async def rebuilt(store: InMemoryStore, monkeypatch: pytest.MonkeyPatch, per_flush: int) -> int:
    monkeypatch.setattr("flightmesh.verification.repair._PER_FLUSH", per_flush)
    store.index = InMemoryAggregateIndex()
    return await rebuild_index(store.journal, store.index)


@pytest.mark.parametrize("per_flush", [1, 2, 5_000])
async def test_a_rebuilt_index_has_all_that_the_ledgers_have(
    monkeypatch: pytest.MonkeyPatch, per_flush: int
) -> None:
    store = await true_store()
    assert await rebuilt(store, monkeypatch, per_flush) == 5
    report = await check_journal(store, Counters())
    assert [check for check in report.checks if check.verdict != "ok"] == []
    assert await store.index.read_watermarks(SHARD) == {1: 2, 2: 2}


async def test_a_rebuilt_index_serves_a_claim_that_lists_no_ledger_with_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = await ledgers_only()
    await claim(store)
    assert not (await check_journal(store, Counters())).ok
    await rebuilt(store, monkeypatch, 2)
    assert (await check_journal(store, Counters())).ok


async def test_a_rebuild_twice_over_changes_nothing() -> None:
    store = await true_store()
    store.index = InMemoryAggregateIndex()
    for _ in range(2):
        await rebuild_index(store.journal, store.index)
    assert len(await store.index.read_chunks(SHARD, id_bytes(COUNTER))) == 1


async def test_nothing_is_rebuilt_from_a_broken_ledger() -> None:
    store = await true_store()
    await store.journal.append(2, 0, b"token-2", 2, b"\xff\xff")
    index = InMemoryAggregateIndex()
    with pytest.raises(CorruptData, match="cannot be rebuilt from a broken ledger"):
        await rebuild_index(store.journal, index)
    assert await index.read_watermarks(SHARD) == {}


async def test_a_rebuild_writes_neither_ledgers_nor_claims(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = await true_store()
    before = await store.claims.read_claims(), await store.journal.read_segment(2, 0)
    await rebuilt(store, monkeypatch, 1)
    assert (await store.claims.read_claims(), await store.journal.read_segment(2, 0)) == before


async def test_what_an_index_in_use_lacks_is_added() -> None:
    store = await true_store()
    store.index = InMemoryAggregateIndex()
    await store.index.write_watermarks(SHARD, {1: 2, 2: 1})
    assert not (await check_journal(store, Counters())).ok
    assert await fill_index(store.journal, store.index) == 5
    report = await check_journal(store, Counters())
    assert [check for check in report.checks if check.verdict != "ok"] == []


async def test_what_is_added_leaves_watermarks_and_chunks_as_they_are() -> None:
    store = await true_store()
    before = set(await store.index.read_chunks(SHARD, id_bytes(COUNTER)))
    await fill_index(store.journal, store.index)
    assert await store.index.read_watermarks(SHARD) == {1: 2, 2: 1}
    after = set(await store.index.read_chunks(SHARD, id_bytes(COUNTER)))
    # Of one key the longer stays; a ledger's own chunk is never longer than what held it already.
    assert before <= after


async def test_an_owners_longer_chunk_holds_what_was_added_for_its_ledger() -> None:
    """Else an owner's later flush could lose records to a chunk that goes on in another ledger."""
    store = await true_store()
    store.index = InMemoryAggregateIndex()
    await fill_index(store.journal, store.index)
    chunks = await store.index.read_chunks(SHARD, id_bytes(COUNTER))
    assert [{placed.ledger for placed in decode_chunk(data)} for data in chunks] == [{1}, {2}]


async def test_nothing_of_a_broken_ledger_is_added() -> None:
    store = await true_store()
    await store.journal.append(2, 0, b"token-2", 2, b"\xff\xff")
    store.index = InMemoryAggregateIndex()
    with pytest.raises(CorruptData, match="cannot be rebuilt from a broken ledger"):
        await fill_index(store.journal, store.index)
    assert await store.index.read_head(SHARD) is None
