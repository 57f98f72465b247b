"""Replay speed of the read node, from entries in memory: bench_replay.py DATA_DIR.

Reads every ledger of a stopped mesh's folder, then folds all entries into a fresh read model;
prints one line of JSON. The reading itself is not measured.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

from flightmesh.clock import SystemClock
from flightmesh.journal.sqlite import SqliteStore
from flightmesh.ledger.reader import LedgerReader
from read_node.projection import Projection
from read_node.sequencer import Sequencer
from read_node.translate.entries import HANDLERS, UNREADABLE, decode_entry


async def entries_of(directory: Path) -> list[tuple[int, int, bytes]]:
    """All entries of all ledgers: ledger, number, bytes."""
    async with await SqliteStore.open(directory, SystemClock()) as store:
        return [
            (row.ledger, number, data)
            for row in await store.journal.list_directory()
            async for number, data in LedgerReader(store.journal, row.ledger).entries()
        ]


def main() -> None:
    """Measures and prints."""
    entries = asyncio.run(entries_of(Path(sys.argv[1])))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    projection = Projection(HANDLERS, UNREADABLE)
    sequencer = Sequencer(projection.apply)
    started = time.perf_counter()
    for ledger, number, data in entries:
        sequencer.accept(sequencer.ledger(ledger), decode_entry(ledger, number, data).records)
    projection.settle()
    seconds = time.perf_counter() - started
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    report = {
        "entries": len(entries),
        "events": projection.events,
        "seconds": round(seconds, 3),
        "events_per_s": round(projection.events / seconds) if seconds else 0,
        "model_memory_mb": round(grown / 1024),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
