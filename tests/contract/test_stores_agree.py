"""The same random calls to the store in memory and to SQLite get the same answers."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flightmesh.journal import (
    AggregateIndex,
    Chunk,
    Claim,
    ClaimChange,
    Claims,
    Journal,
    ShardHead,
    Snapshots,
    StoredSnapshot,
)
from flightmesh.journal.memory import InMemoryStore
from flightmesh.journal.sqlite import SqliteStore

Store = InMemoryStore | SqliteStore
Call = tuple[str, str, tuple[Any, ...]]

LEDGERS, SEGMENTS, NUMBERS = st.integers(1, 2), st.integers(0, 2), st.integers(0, 4)
TOKENS, DATA = st.sampled_from([b"a", b"b"]), st.binary(max_size=4)
IDS = st.sampled_from([bytes([n]) * 16 for n in range(3)])
SHARDS = st.integers(0, 1)
CLAIMS = st.builds(
    Claim, st.just(0), st.integers(1, 2), st.integers(1, 2), st.booleans(),
    st.sampled_from([(), (1,), (1, 2)]),
)  # fmt: skip
CHUNKS = st.builds(
    lambda i, n, ledger, entry, data: Chunk(i, f"type {n}", f"scope {n}", ledger, entry, data),
    IDS, st.just(0), LEDGERS, NUMBERS, DATA,
)  # fmt: skip
HEADS = st.none() | st.builds(ShardHead, NUMBERS, LEDGERS, NUMBERS)


def call(port: str, method: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Call]:
    return st.tuples(st.just(port), st.just(method), st.tuples(*arguments))


CALLS = st.one_of(
    call("journal", "open_segment", LEDGERS, SEGMENTS, TOKENS, NUMBERS),
    call("journal", "append", LEDGERS, SEGMENTS, TOKENS, NUMBERS, DATA),
    call("journal", "append", st.just(1), st.just(0), st.just(b"a"), NUMBERS, DATA),
    call("journal", "append", st.just(1), st.just(1), st.just(b"a"), st.integers(5, 7), DATA),
    call("journal", "roll", LEDGERS, SEGMENTS, TOKENS, st.integers(-1, 3)),
    call("journal", "seal", LEDGERS, SEGMENTS, NUMBERS),
    call("journal", "read_segment", LEDGERS, SEGMENTS),
    call("journal", "read_entries", LEDGERS, SEGMENTS, NUMBERS, NUMBERS),
    call("claims", "read_claims"),
    call(
        "claims",
        "change_claims",
        st.lists(st.builds(ClaimChange, st.none() | CLAIMS, CLAIMS), max_size=1),
    ),
    call("index", "flush", SHARDS, st.lists(CHUNKS, max_size=3), HEADS),
    call("index", "read_head", SHARDS),
    call("index", "write_watermarks", SHARDS, st.dictionaries(LEDGERS, st.integers(1, 5))),
    call("index", "read_watermarks", SHARDS),
    call("index", "list_aggregates", SHARDS, st.none(), st.none(), IDS, NUMBERS),
    call(
        "snapshots",
        "save",
        IDS,
        st.builds(StoredSnapshot, NUMBERS, st.just(b"checksum"), DATA),
    ),
    call("snapshots", "load", IDS, st.none() | NUMBERS),
    call("snapshots", "delete", IDS, NUMBERS),
)


async def answer(store: Store, made: Call) -> object:
    port, name, arguments = made
    ports: dict[str, Journal | Claims | AggregateIndex | Snapshots] = {
        "journal": store.journal,
        "claims": store.claims,
        "index": store.index,
        "snapshots": store.snapshots,
    }
    method: Callable[..., Awaitable[object]] = getattr(ports[port], name)
    given_back = await method(*arguments)
    return list(given_back) if isinstance(given_back, tuple | list) else given_back


async def everything(store: Store) -> list[object]:
    found: list[object] = [await store.claims.read_claims()]
    for ledger in (1, 2):
        for segment in (0, 1, 2):
            found.append(await store.journal.read_segment(ledger, segment))
            found.append(list(await store.journal.read_entries(ledger, segment, 0, 100)))
    for shard in (0, 1):
        found.append(await store.index.read_head(shard))
        found.append(await store.index.read_watermarks(shard))
        for n in range(3):
            found.append(sorted(await store.index.read_chunks(shard, bytes([n]) * 16)))
    return found


def numbered_by_segment(calls: list[Call]) -> list[Call]:
    """Gives each segment numbers of its own: the protocol never has one number in two segments."""
    return [
        (port, name, (*arguments[:-1], 5 * arguments[1]))
        if name in ("open_segment", "seal")
        else (port, name, arguments)
        for port, name, arguments in calls
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calls=st.lists(CALLS, max_size=60).map(numbered_by_segment))
async def test_memory_and_sqlite_give_the_same_answers(calls: list[Call]) -> None:
    memory = InMemoryStore()
    with tempfile.TemporaryDirectory() as directory:
        async with await SqliteStore.open(Path(directory)) as sqlite:
            for made in calls:
                assert await answer(memory, made) == await answer(sqlite, made), made
            assert await everything(memory) == await everything(sqlite)
        async with await SqliteStore.open(Path(directory)) as sqlite:
            assert await everything(memory) == await everything(sqlite)
