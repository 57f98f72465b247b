"""The doctor's checks of a store: nothing in a true one, and each thing that is planted."""

from dataclasses import replace

import msgspec
import pytest

from flightmesh.codec.snapshots import decode_snapshot, encode_snapshot
from flightmesh.ids import id_bytes
from flightmesh.journal import Claim, ClaimChange, DirectoryRow, ShardHead
from flightmesh.journal.memory import InMemoryStore
from flightmesh.verification.journal import JournalReport, check_journal
from tests.unit.eventsourcing.counter import COUNTER, Counters
from tests.unit.verification.store_story import (
    ALL,
    INDEXED,
    SHARD,
    added,
    chunk,
    claim,
    ledgers_only,
    snapshot,
    true_store,
)


async def report(store: InMemoryStore) -> JournalReport:
    return await check_journal(store, Counters())


async def found(store: InMemoryStore) -> set[tuple[str, str]]:
    checks = (await report(store)).checks
    return {(each.invariant, each.what) for check in checks for each in check.evidence}


async def test_a_true_store_has_no_violation() -> None:
    told = await report(await true_store())
    assert [check for check in told.checks if check.verdict != "ok"] == []
    assert told.ok
    assert told.counts == {
        "ledgers": 2,
        "sealed_ledgers": 1,
        "entries": 4,
        "records": 5,
        "events": 5,
        "shards": 1,
        "aggregates": 1,
        "snapshots": 2,
    }


async def test_an_empty_store_has_no_violation() -> None:
    assert (await report(InMemoryStore())).ok


async def test_progress_is_told_to_its_end() -> None:
    steps: list[tuple[str, int, int]] = []
    await check_journal(await true_store(), Counters(), lambda *step: steps.append(step))
    assert steps[3:] == [("ledgers", 4, 4), ("aggregates", 1, 1)]


async def test_an_index_that_lags_behind_is_well_while_the_tails_have_the_rest() -> None:
    store = await ledgers_only()
    await claim(store, 2, 1, 2)
    assert await found(store) == set()


async def test_what_neither_index_nor_tails_have_is_found() -> None:
    store = await ledgers_only()
    await claim(store)  # lists ledger 2 only, and ledger 1 was never indexed
    assert await found(store) == {
        ("INDEX", "records are neither in the index nor in what a new owner reads"),
        ("INDEX", "an aggregate is not listed"),
    }
    assert not (await report(store)).ok


async def test_a_watermark_that_hides_an_entry_is_found() -> None:
    store = await true_store()
    await store.index.write_watermarks(SHARD, {2: 2})
    assert await found(store) == {
        ("INDEX", "records are neither in the index nor in what a new owner reads"),
        ("INDEX", "a new owner would not go on where the ledgers end"),
    }


async def test_a_watermark_beyond_the_end_of_its_ledger_is_found() -> None:
    store = await true_store()
    await store.index.write_watermarks(SHARD, {1: 3})
    assert await found(store) == {("INDEX", "a watermark is beyond the end of its ledger")}


async def test_a_head_behind_the_indexed_ledgers_is_found() -> None:
    store = await ledgers_only()
    await claim(store)
    await store.index.flush(SHARD, [chunk(ALL)], ShardHead(3, 1, 1))
    await store.index.write_watermarks(SHARD, {1: 2, 2: 2})
    assert await found(store) == {("INDEX", "a new owner would not go on where the ledgers end")}


async def test_a_head_that_names_the_wrong_entry_is_found() -> None:
    store = await ledgers_only()
    await claim(store)
    await store.index.flush(SHARD, [chunk(ALL)], ShardHead(5, 2, 0))
    await store.index.write_watermarks(SHARD, {1: 2, 2: 2})
    what = "the head names an entry that does not end at its sequence"
    assert await found(store) == {("INDEX", what)}


async def test_a_record_that_no_ledger_has_is_found() -> None:
    store = await true_store()
    foreign = msgspec.structs.replace(INDEXED[0], record=added(9, 9, 9))
    await store.index.flush(SHARD, [chunk([foreign], (9, 9))], None)
    assert await found(store) == {("INDEX", "the index has a record that no ledger has")}


async def test_a_record_that_was_changed_in_the_index_is_found() -> None:
    store = await ledgers_only()
    await claim(store)
    spoilt = msgspec.structs.replace(INDEXED[1], record=added(2, 2, 3, 1))
    await store.index.flush(SHARD, [chunk([INDEXED[0], spoilt, *INDEXED[2:]])], ShardHead(4, 2, 0))
    await store.index.write_watermarks(SHARD, {1: 2, 2: 1})
    assert await found(store) == {
        ("INDEX", "the index has a record that no ledger has"),
        ("INDEX", "records are neither in the index nor in what a new owner reads"),
    }


async def test_a_chunk_that_cannot_be_read_is_found() -> None:
    store = await true_store()
    await store.index.flush(SHARD, [replace(chunk([], (9, 9)), data=b"\xff")], None)
    assert await found(store) == {("INDEX", "a chunk cannot be read")}


async def test_a_listed_aggregate_that_no_ledger_has_is_found() -> None:
    store = await true_store()
    await store.index.flush(SHARD, [replace(chunk([]), aggregate_id=bytes(16))], None)
    assert await found(store) == {("INDEX", "an aggregate is listed that no ledger has")}


async def test_a_holder_without_a_ledger_is_found() -> None:
    store = await true_store()
    await claim(store, 5, 2, 5)
    told = await found(store)
    assert ("CLAIMS", "the holder of a shard has no ledger") in told
    assert ("CLAIMS", "a claim lists a ledger that does not exist") in told


async def test_a_claim_without_its_holders_ledger_is_found() -> None:
    store = await true_store()
    await claim(store, 2, 1)
    assert ("CLAIMS", "a claim does not list its holder's ledger") in await found(store)


async def test_an_open_ledger_that_left_the_claim_is_found() -> None:
    store = await true_store()
    await store.journal.add_to_directory(DirectoryRow(3, "node-3"))
    await store.journal.open_segment(3, 0, b"token-3", 0)
    await claim(store, 3, 3)
    what = "an open ledger with a shard's records is not in the shard's claim"
    assert ("CLAIMS", what) in await found(store)


async def test_a_shard_with_records_and_no_claim_is_found() -> None:
    told = await found(await ledgers_only())
    assert ("CLAIMS", "a shard has records but was never claimed") in told


async def test_an_aggregate_in_a_shard_that_is_not_its_own_is_found() -> None:
    store = await true_store()
    other = Claim(1, 2, 1, False, (2,))  # of two shards, COUNTER is in the other one
    await store.claims.change_claims([ClaimChange(None, other)])
    what = "an aggregate is in another shard than its id says"
    assert ("I4", what) in await found(store)


@pytest.mark.parametrize("node", ["node-3", "node-2"])
async def test_an_open_ledger_that_nobody_needs_is_told_but_no_violation(node: str) -> None:
    what = "an open ledger of a session that holds no shard"
    store = await true_store()
    await store.journal.add_to_directory(DirectoryRow(3, node))
    await store.journal.open_segment(3, 0, b"token-3", 0)
    told = await report(store)
    assert told.ok
    (notice,) = [check for check in told.checks if check.verdict == "notice"]
    assert [(each.invariant, each.what) for each in notice.evidence] == [("SEALED", what)]


@pytest.mark.parametrize(
    ("serving", "told"),
    [
        ({2, 3}, set()),
        ({2}, {("SEALED", "an open ledger of a session that is not registered")}),
        ({3}, {("SEALED", "an open ledger of a session that is not registered")}),
    ],
)
async def test_a_registered_session_is_told_from_a_dead_one(
    serving: set[int], told: set[tuple[str, str]]
) -> None:
    store = await true_store()
    await store.journal.add_to_directory(DirectoryRow(3, "node-3"))
    await store.journal.open_segment(3, 0, b"token-3", 0)

    async def registered() -> frozenset[int]:
        return frozenset(serving)

    report = await check_journal(store, Counters(), serving=registered)
    assert report.ok
    assert {(v.invariant, v.what) for c in report.checks for v in c.evidence} == told


async def test_an_open_ledger_of_a_superseded_session_is_told() -> None:
    store = await true_store()
    await claim(store, 2, 2, released=True)
    await store.journal.add_to_directory(DirectoryRow(3, "node-2"))
    await store.journal.open_segment(3, 0, b"token-3", 0)
    assert ("SEALED", "an open ledger of a superseded session") in await found(store)


async def test_a_snapshot_that_is_not_the_fold_is_found() -> None:
    store = await true_store()
    spoilt = msgspec.structs.replace(decode_snapshot(snapshot(3)), state=b"4")
    await store.snapshots.save(id_bytes(COUNTER), encode_snapshot(spoilt))
    what = "a snapshot is not the fold of the aggregate's events"
    assert await found(store) == {("SNAPSHOTS", what)}


async def test_a_snapshot_of_a_sequence_that_does_not_exist_is_found() -> None:
    store = await true_store()
    spoilt = msgspec.structs.replace(decode_snapshot(snapshot(5)), sequence=6)
    await store.snapshots.save(id_bytes(COUNTER), encode_snapshot(spoilt))
    what = "a snapshot is of a sequence that the records do not reach: 5"
    assert await found(store) == {("SNAPSHOTS", what)}


async def test_a_snapshot_that_forgot_a_command_is_found() -> None:
    store = await true_store()
    saved = decode_snapshot(snapshot(5))
    spoilt = msgspec.structs.replace(saved, commands=saved.commands[1:])
    await store.snapshots.save(id_bytes(COUNTER), encode_snapshot(spoilt))
    ((invariant, what),) = await found(store)
    assert invariant == "SNAPSHOTS"
    assert what.startswith("a snapshot has forgotten command")


async def test_a_snapshot_that_remembers_a_command_otherwise_is_found() -> None:
    store = await true_store()
    saved = decode_snapshot(snapshot(5))
    (first, command), *rest = saved.commands
    wrong = msgspec.structs.replace(command, entry=7)
    spoilt = msgspec.structs.replace(saved, commands=((first, wrong), *rest))
    await store.snapshots.save(id_bytes(COUNTER), encode_snapshot(spoilt))
    ((invariant, what),) = await found(store)
    assert invariant == "SNAPSHOTS"
    assert "otherwise than the ledgers" in what


async def test_a_broken_snapshot_is_told_but_no_violation() -> None:
    store = await true_store()
    broken = replace(snapshot(5), checksum=bytes(32))
    await store.snapshots.save(id_bytes(COUNTER), broken)
    assert await found(store) == {("BROKEN_SNAPSHOTS", "a snapshot is broken")}
    assert (await report(store)).ok
