"""A process that writes to a SQLite store and says on standard output, by single unbuffered writes,
when it starts something and when that was answered.

Run as: appender.py DIRECTORY COUNT WRITERS; COUNT 0 means for ever. Lines are "start WHAT" and
"acknowledged WHAT", where WHAT is "append LEDGER NUMBER" or "trim".
"""

import asyncio
import itertools
import os
import sys
from pathlib import Path

from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.journal import Claim, ClaimChange, ShardHead
from flightmesh.journal.sqlite import SqliteStore
from flightmesh.ledger.birth import give_birth


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def append(store: SqliteStore, count: int) -> None:
    writer = await give_birth(store.journal, "child", SystemClock(), SystemRandomness())
    for number in range(count) if count else itertools.count():
        say(f"start append {writer.ledger} {number}")
        answered = await writer.append(f"entry {number} of {writer.ledger} ".encode() * 50)
        say(f"acknowledged append {writer.ledger} {answered}")


async def trim_a_claim(store: SqliteStore) -> None:
    """What an owner does when a ledger of the past is wholly indexed."""
    claim, trimmed = Claim(0, 9, 1, False, (8, 9)), Claim(0, 9, 1, False, (9,))
    await store.claims.change_claims([ClaimChange(None, claim)])
    await store.index.flush(0, [], ShardHead(7, 8, 3))
    await store.index.write_watermarks(0, {8: 4})
    say("start trim")
    await store.claims.change_claims([ClaimChange(claim, trimmed)])
    say("acknowledged trim")


async def main(directory: Path, count: int, writers: int) -> None:
    async with await SqliteStore.open(directory) as store:
        async with asyncio.TaskGroup() as group:
            for _ in range(writers):
                group.create_task(append(store, count))
        await trim_a_claim(store)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
