"""Measures the Cassandra ledger store on a server of its own, which it starts and stops.

Prints a Markdown table: appends per second with one in flight per ledger, entries read back, index
chunks flushed, claims moved. Everything shares the machine, so compare within one run. First a
conditional write by the bare driver, a ledger's batch by the bare driver and an append by the
adapter take turns, so that their ratios hold whatever else the machine does.
"""

import argparse
import asyncio
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from cassandra import ConsistencyLevel
from cassandra.cluster import Cluster, Session

from flightmesh.journal import Chunk, Claim, ClaimChange, ShardHead
from flightmesh.journal.cassandra import CassandraOptions, CassandraStore, create_store
from launcher.servers.cassandra import Cassandra, CassandraSettings
from launcher.servers.install import DEFAULT_FOLDER, Servers

TOKEN = b"writer-token-0001"


Timed = tuple[list[float], list[float]]
"""Seconds by the clock and of this process's processor, one each per request."""


async def timed(request: Callable[[], Awaitable[object]], into: Timed) -> None:
    """Makes a request and notes what it took."""
    began, cpu = time.perf_counter(), time.process_time()
    await request()
    into[0].append(time.perf_counter() - began)
    into[1].append(time.process_time() - cpu)


def connect(options: CassandraOptions) -> Session:
    """The bare driver, with what no fast use of it goes without."""
    cluster = Cluster(
        options.hosts,
        options.port,
        protocol_version=4,
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    return cluster.connect(options.keyspace)


async def measure_turns(options: CassandraOptions, store: CassandraStore, seconds: float) -> str:
    """The bare driver and the adapter in turns; a table."""
    session = connect(options)
    data = os.urandom(3000)
    session.execute("CREATE TABLE IF NOT EXISTS bare (k int PRIMARY KEY, state text, data blob)")
    session.execute("INSERT INTO bare (k, state) VALUES (1, 'open') IF NOT EXISTS")
    single = session.prepare("UPDATE bare SET data = ? WHERE k = 1 IF state = 'open'")
    batch = session.prepare(
        "BEGIN UNLOGGED BATCH UPDATE ledgers SET head = ? WHERE ledger = ? AND segment = 0"
        " IF state = 'open' AND writer = ? AND head = ?;"
        " INSERT INTO ledgers (ledger, segment, number, data) VALUES (?, 0, ?, ?); APPLY BATCH"
    )
    for statement in (single, batch):
        statement.consistency_level = ConsistencyLevel.LOCAL_QUORUM
        statement.serial_consistency_level = ConsistencyLevel.LOCAL_SERIAL
    bare, ours = [await store.journal.allocate_session() for _ in range(2)]
    for ledger in (bare, ours):
        await store.journal.open_segment(ledger, 0, TOKEN, 0)
    number = 0

    async def one() -> None:
        assert session.execute(single, (data,)).was_applied

    async def two() -> None:
        values = (number, bare, TOKEN, number - 1, bare, number, data)
        assert session.execute(batch, values).was_applied

    async def adapter() -> None:
        assert (await store.journal.append(ours, 0, TOKEN, number, data)).applied

    ways = {"bare driver, one row": one, "bare driver, batch": two, "adapter": adapter}
    times: dict[str, Timed] = {name: ([], []) for name in ways}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, way in ways.items():
            await timed(way, times[name])
        number += 1
    session.cluster.shutdown()
    lines = [
        "| append by | p50 ms | p90 ms | client CPU ms | p50 of one row |",
        "|---|---|---|---|---|",
    ]
    basis = statistics.median(times["bare driver, one row"][0])
    for name, (walls, cpus) in times.items():
        p50, p90 = statistics.median(walls), statistics.quantiles(walls, n=10)[8]
        lines.append(
            f"| {name} | {1000 * p50:.2f} | {1000 * p90:.2f} | {1000 * statistics.mean(cpus):.2f}"
            f" | {p50 / basis:.2f} |"
        )
    return "\n".join(lines)


async def append_on(
    store: CassandraStore, ledger: int, size: int, end: float, times: list[float]
) -> None:
    """Appends to a new ledger, one in flight, until the end."""
    await store.journal.open_segment(ledger, 0, TOKEN, 0)
    data, number = os.urandom(size), 0
    while (began := time.perf_counter()) < end:
        answer = await store.journal.append(ledger, 0, TOKEN, number, data)
        assert answer.applied
        times.append(time.perf_counter() - began)
        number += 1


async def measure_appends(store: CassandraStore, ledgers: int, size: int, seconds: float) -> str:
    """Appends to some ledgers at once and reads them back; a line of the table."""
    numbers = [await store.journal.allocate_session() for _ in range(ledgers)]
    times: list[float] = []
    cpu, began = time.process_time(), time.perf_counter()
    end = began + seconds
    await asyncio.gather(*(append_on(store, ledger, size, end, times) for ledger in numbers))
    rate = len(times) / (time.perf_counter() - began)
    cpu = (time.process_time() - cpu) / len(times)
    read = await measure_reading(store, numbers)
    times.sort()
    p50, p99 = (1000 * times[int(len(times) * share)] for share in (0.5, 0.99))
    return (
        f"| {ledgers} | {size:,} | {rate:.0f} | {p50:.1f} | {p99:.1f} | {1000 * cpu:.2f}"
        f" | {read:,.0f} |"
    )


async def measure_reading(store: CassandraStore, ledgers: list[int]) -> float:
    """Entries per second."""
    began, count = time.perf_counter(), 0
    for ledger in ledgers:
        first = 0
        while entries := await store.journal.read_entries(ledger, 0, first, 256):
            first = entries[-1][0] + 1
            count += len(entries)
    return count / (time.perf_counter() - began)


async def measure_index(store: CassandraStore) -> str:
    """A sentence about the index."""
    chunks = [
        Chunk(os.urandom(16), "rotation", "bench", 1, n, os.urandom(600)) for n in range(3000)
    ]
    for shard in (0, 1):
        began = time.perf_counter()
        await store.index.flush(shard, chunks, ShardHead(3000, 1, 2999))
        took = time.perf_counter() - began
    return f"Index: {3000 / took:,.0f} chunks of 600 B per s."


async def measure_claims(store: CassandraStore) -> str:
    """A sentence about claims."""
    held: list[Claim | None] = [None] * 64
    took = []
    for session in range(1, 12):
        new = [Claim(n, session, session, released=False, ledgers=(session,)) for n in range(64)]
        changes = [ClaimChange(old, claim) for old, claim in zip(held, new, strict=True)]
        began = time.perf_counter()
        assert await store.claims.change_claims(changes)
        took.append(time.perf_counter() - began)
        held = list(new)
    return f"Claims: 64 moved together in {1000 * sorted(took)[5]:.0f} ms (median of 11)."


async def measure(server: Cassandra, seconds: float) -> None:
    """All of it, on a server that runs."""
    options = CassandraOptions((server.host,), server.port, "bench")
    await create_store(options)
    async with await CassandraStore.open(options) as store:
        await measure_appends(store, 1, 3000, seconds)  # lets Java compile what is hot
        print(await measure_turns(options, store, 2 * seconds), end="\n\n", flush=True)
        print("| ledgers | bytes | appends/s | p50 ms | p99 ms | client CPU ms | entries read/s |")
        print("|---|---|---|---|---|---|---|")
        for ledgers, size in ((1, 600), (1, 3000), (1, 30_000), (1, 300_000), (2, 3000), (4, 3000)):
            print(await measure_appends(store, ledgers, size, seconds), flush=True)
        print(await measure_index(store))
        print(await measure_claims(store))


def main() -> None:
    """Starts a server, measures, stops it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row")
    parser.add_argument("--sync", choices=["batch", "group"], default="batch")
    arguments = parser.parse_args()
    settings = CassandraSettings(commitlog_sync=arguments.sync)
    with tempfile.TemporaryDirectory() as directory:
        server = Cassandra(Servers(DEFAULT_FOLDER.resolve()), Path(directory), settings)
        with server.process:
            server.start()
            asyncio.run(measure(server, arguments.seconds))


if __name__ == "__main__":
    main()
