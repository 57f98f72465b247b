"""`flightmesh doctor --cassandra`: what is planted in a real store is found, in use or not."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cassandra.cluster import Session
from typer.testing import CliRunner

from flightmesh.codec.entries import encode_entry, encode_record
from flightmesh.codec.snapshots import decode_snapshot, encode_snapshot
from flightmesh.eventsourcing.cell import rebuild
from flightmesh.ids import id_bytes
from flightmesh.journal import Chunk, DirectoryRow, ShardHead
from flightmesh.journal.cassandra import CassandraOptions, CassandraStore
from flightmesh.verification.journal import check_journal
from launcher.__main__ import app
from tests.unit.eventsourcing.counter import COUNTER, Counters
from tests.unit.verification.store_story import (
    ALL,
    INDEXED,
    SHARD,
    added,
    chunk,
    claim,
    placed,
    snapshot,
    write_ledgers,
)

Plant = Callable[[CassandraStore], Awaitable[object]]


def fill(options: CassandraOptions, plant: Plant | None = None) -> None:
    """A true store, in which something is then planted."""

    async def write() -> None:
        async with await CassandraStore.open(options) as store:
            await write_ledgers(store)
            await claim(store)
            await store.index.flush(SHARD, [chunk(INDEXED)], ShardHead(4, 2, 0))
            await store.index.write_watermarks(SHARD, {1: 2, 2: 1})
            if plant is not None:
                await plant(store)

    asyncio.run(write())


def doctor(options: CassandraOptions, *more: str) -> Any:
    where = ["--cassandra", f"{options.hosts[0]}:{options.port}", "--keyspace", options.keyspace]
    return CliRunner().invoke(app, ["doctor", *where, "--json", *more])


def told(result: Any) -> dict[str, list[str]]:
    """What was found, by invariant."""
    checks = json.loads(result.stdout)["checks"]
    return {c["invariant"]: [e["what"] for e in c["evidence"]] for c in checks if c["evidence"]}


def test_a_true_store_is_well(cassandra_store: CassandraOptions) -> None:
    fill(cassandra_store)
    result = doctor(cassandra_store)
    assert (result.exit_code, told(result)) == (0, {}), result.output
    counts = json.loads(result.stdout)["counts"]
    assert (counts["ledgers"], counts["entries"], counts["records"]) == (2, 4, 5)


async def a_duplicated_sequence(store: CassandraStore) -> None:
    again = encode_record(added(6, 5, 6))
    await store.journal.append(2, 0, b"token-2", 2, encode_entry(2, 2, 9, [again]))


async def a_claim_of_nobody(store: CassandraStore) -> None:
    await claim(store, 5, 2, 5)


async def a_wrong_chunk(store: CassandraStore) -> None:
    foreign = msgspec.structs.replace(INDEXED[0], record=added(9, 9, 9))
    await store.index.flush(SHARD, [chunk([foreign], (9, 9))], None)


async def an_unreadable_chunk(store: CassandraStore) -> None:
    broken = Chunk(id_bytes(COUNTER), "counter", "all", 9, 9, b"\xff")
    await store.index.flush(SHARD, [broken], None)


async def a_head_beyond_the_ledgers(store: CassandraStore) -> None:
    await store.index.flush(SHARD, [], ShardHead(7, 2, 1))


async def a_second_writer(store: CassandraStore) -> None:
    await store.journal.add_to_directory(DirectoryRow(3, "node-3"))
    await store.journal.open_segment(3, 0, b"token-2", 0)


@pytest.mark.parametrize(
    ("plant", "invariant", "what"),
    [
        (a_duplicated_sequence, "I4", "shard sequences repeat"),
        (a_claim_of_nobody, "CLAIMS", "the holder of a shard has no ledger"),
        (a_wrong_chunk, "INDEX", "the index has a record that no ledger has"),
        (an_unreadable_chunk, "INDEX", "a chunk cannot be read"),
        (
            a_head_beyond_the_ledgers,
            "INDEX",
            "the head names an entry that does not end at its sequence",
        ),
        (a_second_writer, "I1", "a writer has two ledgers"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_planted_is_found(
    cassandra_store: CassandraOptions, plant: Plant, invariant: str, what: str
) -> None:
    fill(cassandra_store, plant)
    result = doctor(cassandra_store)
    assert result.exit_code == 1
    assert what in told(result)[invariant]


@pytest.mark.parametrize(
    ("statement", "invariant", "what"),
    [
        (
            "DELETE FROM {}.ledgers WHERE ledger = 1 AND segment = 0 AND number = 0",
            "I2",
            "an entry is missing",
        ),
        (
            "UPDATE {}.ledgers SET head = 0 WHERE ledger = 1 AND segment = 0",
            "I3",
            "there are entries beyond the head",
        ),
        (
            "UPDATE {}.ledgers SET head = 2 WHERE ledger = 2 AND segment = 0",
            "I2",
            "the head covers entries that are not there",
        ),
        (
            "TRUNCATE {}.chunks",
            "INDEX",
            "records are neither in the index nor in what a new owner reads",
        ),
    ],
)
def test_what_was_done_past_the_adapter_is_found(
    cassandra_store: CassandraOptions, cql: Session, statement: str, invariant: str, what: str
) -> None:
    fill(cassandra_store)
    cql.execute(statement.format(cassandra_store.keyspace), timeout=60)
    result = doctor(cassandra_store)
    assert result.exit_code == 1
    assert what in told(result)[invariant]


def test_an_unsealed_ledger_of_a_dead_session_is_told(cassandra_store: CassandraOptions) -> None:
    async def leave_one(store: CassandraStore) -> None:
        await store.journal.add_to_directory(DirectoryRow(3, "node-3"))
        await store.journal.open_segment(3, 0, b"token-3", 0)

    fill(cassandra_store, leave_one)
    result = doctor(cassandra_store)
    assert result.exit_code == 0  # no promise is broken by it
    assert told(result) == {"SEALED": ["an open ledger of a session that holds no shard"]}


def test_repair_adds_what_the_index_lacks(cassandra_store: CassandraOptions, cql: Session) -> None:
    fill(cassandra_store)
    for table in ("chunks", "aggregates", "heads"):
        cql.execute(f"TRUNCATE {cassandra_store.keyspace}.{table}", timeout=60)
    assert doctor(cassandra_store).exit_code == 1
    repaired = doctor(cassandra_store, "--repair-index")
    assert (repaired.exit_code, told(repaired)) == (0, {}), repaired.output
    assert doctor(cassandra_store).exit_code == 0


def test_repair_takes_nothing_away_and_says_what_stays_wrong(
    cassandra_store: CassandraOptions,
) -> None:
    fill(cassandra_store, a_wrong_chunk)
    repaired = doctor(cassandra_store, "--repair-index")
    assert repaired.exit_code == 1
    assert told(repaired) == {"INDEX": ["the index has a record that no ledger has"]}


def test_nothing_is_repaired_from_a_broken_ledger(cassandra_store: CassandraOptions) -> None:
    async def spoil(store: CassandraStore) -> None:
        await store.journal.append(2, 0, b"token-2", 2, b"\xff\xff")

    fill(cassandra_store, spoil)
    repaired = doctor(cassandra_store, "--repair-index")
    assert repaired.exit_code == 1
    assert list(told(repaired)) == ["STORE"]


def test_a_store_that_does_not_exist_is_named(cassandra_store: CassandraOptions) -> None:
    where = f"{cassandra_store.hosts[0]}:{cassandra_store.port}"
    result = CliRunner().invoke(app, ["doctor", "--cassandra", where, "--keyspace", "nobody"])
    assert result.exit_code == 2
    assert "no ledger store nobody" in result.stderr


def test_a_cassandra_that_is_not_there_is_unavailable() -> None:
    result = CliRunner().invoke(app, ["doctor", "--cassandra", "127.0.0.1:1"])
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 1


def test_the_store_of_a_cluster_is_found_by_its_folder(
    cassandra_store: CassandraOptions, tmp_path: Path
) -> None:
    """The mesh itself is not there, so its checks fail; its ledgers are checked all the same."""
    fill(cassandra_store)
    cluster = {
        "state": "ready", "launcher_pid": 0, "launcher_started": 0, "data_dir": str(tmp_path),
        "cluster": cassandra_store.keyspace, "shard_count": 1, "http": [], "etcd": [], "nats": [],
        "grpc": ["127.0.0.1:1"], "processes": [],
        "cassandra": [f"{cassandra_store.hosts[0]}:{cassandra_store.port}"],
    }  # fmt: skip
    (tmp_path / "cluster.json").write_text(json.dumps(cluster))
    arguments = ["--timeout", "0.5", "doctor", "--json", "--data-dir", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    verdicts = {c["invariant"]: c["verdict"] for c in json.loads(result.stdout)["checks"]}
    assert verdicts["servers reachable"] == "violated"
    assert {verdicts[name] for name in ("I1", "I2", "I3", "I4", "I6", "CLAIMS", "INDEX")} == {"ok"}


async def test_snapshots_are_held_against_the_fold(cassandra_store: CassandraOptions) -> None:
    async with await CassandraStore.open(cassandra_store) as store:
        await write_ledgers(store)
        await claim(store, 2, 1, 2)
        await store.snapshots.save(id_bytes(COUNTER), snapshot(5))
        assert (await check_journal(store, Counters())).ok
        spoilt = msgspec.structs.replace(decode_snapshot(snapshot(3)), state=b"4")
        await store.snapshots.save(id_bytes(COUNTER), encode_snapshot(spoilt))
        checks = {c.invariant: c for c in (await check_journal(store, Counters())).checks}
        assert checks["SNAPSHOTS"].verdict == "violated"


async def test_a_store_that_is_written_meanwhile_is_well(cassandra_store: CassandraOptions) -> None:
    """Entries, index and watermarks go on; a ledger ends and its shard goes on in another."""
    async with await CassandraStore.open(cassandra_store) as store:
        await write_ledgers(store)
        await claim(store)
        await store.index.flush(SHARD, [chunk(ALL)], ShardHead(5, 2, 1))
        await store.index.write_watermarks(SHARD, {1: 2, 2: 2})

        async def write() -> None:
            ledger, number, sequence = 2, 2, 5
            for step in range(150):
                if step % 30 == 29:
                    await store.journal.seal(ledger, 0, 0)
                    ledger, number = ledger + 1, 0
                    await store.journal.add_to_directory(DirectoryRow(ledger, "node-2"))
                    token = b"token-%d" % ledger
                    await store.journal.open_segment(ledger, 0, token, 0)
                    await claim(store, ledger, *range(2, ledger + 1))
                sequence += 1
                record = added(100 + step, sequence, sequence)
                time = 1_000 * ledger + number
                data = encode_entry(ledger, number, time, [encode_record(record)])
                await store.journal.append(ledger, 0, b"token-%d" % ledger, number, data)
                kept = msgspec.structs.replace(
                    placed(2, 1)[0],
                    ledger=ledger,
                    entry=number,
                    committed_at_us=time,
                    record=record,
                )
                written.append(kept)
                if step % 5 == 4:
                    await store.index.flush(
                        SHARD,
                        [chunk([kept], (ledger, number))],
                        ShardHead(sequence, ledger, number),
                    )
                number += 1

        written = list(ALL)
        writing = asyncio.ensure_future(write())
        reports = []
        while not writing.done():
            reports.append(await check_journal(store, Counters()))
        await writing
        bad = [c for told in reports for c in told.checks if c.verdict == "violated"]
        assert bad == []
        # It was written meanwhile: not each look, but some of them found more than those before.
        assert len({report.counts["entries"] for report in reports}) > 1
        assert rebuild(COUNTER, written, Counters()).sequence == 155
