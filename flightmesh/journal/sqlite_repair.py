"""Exchanging the index of a store's directory for one that is built anew, while nobody uses it.

The new index is built beside the old one and is complete and synced before it takes its place. A
process that dies on the way leaves the old index, or none; a store without its index is refused
(`sqlite.SqliteStore.open`), never started as if nothing had been indexed.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from flightmesh.clock import Clock
from flightmesh.errors import ConfigurationError
from flightmesh.journal import AggregateIndex, Journal
from flightmesh.journal.sqlite import (
    INDEX_FILE,
    index_options,
    ledger_options,
    lock_directory,
    sync_directory,
)
from flightmesh.journal.sqlite_database import SqliteDatabase
from flightmesh.journal.sqlite_index import SqliteAggregateIndex
from flightmesh.journal.sqlite_ledgers import SqliteJournal

T = TypeVar("T")

_NEW: Final = "index.db.new"
_OLD: Final = "index.db.before-repair"
_PARTS: Final = ("", "-wal", "-shm")


async def replace_index(
    directory: Path, build: Callable[[Journal, AggregateIndex], Awaitable[T]], clock: Clock
) -> T:
    """Builds a new index and puts it in the place of the old one, which is kept beside it.

    Args:
        directory: the store's directory.
        build: fills an empty index from the journal.
        clock: for the statistics.

    Returns:
        What `build` returns.

    Raises:
        ConfigurationError: another process has the directory, or `journal.db` cannot be used.
        Exception: whatever `build` raises; the old index is as it was.
    """
    lock = await asyncio.to_thread(lock_directory, directory)
    try:
        result = await _build(directory, build, clock)
        await asyncio.to_thread(_exchange, directory)
    finally:
        os.close(lock)
    return result


async def _build(
    directory: Path, build: Callable[[Journal, AggregateIndex], Awaitable[T]], clock: Clock
) -> T:
    _remove(directory, _NEW)
    ledgers = SqliteDatabase(ledger_options(directory), clock)
    new = SqliteDatabase(index_options(directory / _NEW), clock)
    try:
        await ledgers.start()
        await new.start()
        index = SqliteAggregateIndex(new)
        result = await build(SqliteJournal(ledgers), index)
        await index.sync()
    finally:
        await new.close()
        await ledgers.close()
    return result


def _exchange(directory: Path) -> None:
    if (directory / f"{_NEW}-wal").exists():
        # Its last connection copies the log into the file and removes it; without that, the file
        # alone is not the index.
        raise ConfigurationError(f"{directory / _NEW} could not be closed")
    _remove(directory, _OLD)
    for part in _PARTS:
        old = directory / f"{INDEX_FILE}{part}"
        if old.exists():
            old.rename(directory / f"{_OLD}{part}")
    sync_directory(directory)
    (directory / _NEW).replace(directory / INDEX_FILE)
    sync_directory(directory)


def _remove(directory: Path, name: str) -> None:
    for part in _PARTS:
        (directory / f"{name}{part}").unlink(missing_ok=True)
