"""The ledger store in a directory: two SQLite files, and a lock that admits one process.

`journal.db` holds ledgers, claims and constants and syncs each commit; `index.db` holds what can be
built from it again. See `sqlite_ledgers` and `sqlite_index`; for threads
`sqlite_database`, for failures `sqlite_transactions`.
"""

import asyncio
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

from flightmesh.clock import Clock, SystemClock
from flightmesh.errors import ConfigurationError
from flightmesh.journal import AggregateIndex, Claims, Journal, Snapshots
from flightmesh.journal.sqlite_connection import DatabaseOptions
from flightmesh.journal.sqlite_database import SqliteDatabase
from flightmesh.journal.sqlite_index import SCHEMA as INDEX_SCHEMA
from flightmesh.journal.sqlite_index import SqliteAggregateIndex, SqliteSnapshots
from flightmesh.journal.sqlite_ledgers import SCHEMA as LEDGERS_SCHEMA
from flightmesh.journal.sqlite_ledgers import SqliteClaims, SqliteJournal, check_tables

INDEX_FILE: Final = "index.db"
_FORMAT: Final = 1


@final
class SqliteStore:
    """All four ports on one directory. Get one by `open`; close it by `close` or `async with`.

    Attributes:
        journal: the ledgers.
        claims: who owns which shard.
        index: the aggregate index.
        snapshots: saved aggregate states.
        ledgers_database: for statistics.
        index_database: for statistics.
    """

    def __init__(self, directory: Path, clock: Clock, lock: int) -> None:
        self.ledgers_database = SqliteDatabase(ledger_options(directory), clock)
        self.index_database = SqliteDatabase(index_options(directory / INDEX_FILE), clock)
        index = SqliteAggregateIndex(self.index_database)
        self.journal: Journal = SqliteJournal(self.ledgers_database)
        self.claims: Claims = SqliteClaims(self.ledgers_database, index.sync)
        self.index: AggregateIndex = index
        self.snapshots: Snapshots = SqliteSnapshots(self.index_database)
        self._directory = directory
        self._lock: int | None = lock

    @classmethod
    async def open(cls, directory: Path, clock: Clock | None = None) -> Self:
        """Opens the store in a directory, which is created where it is missing.

        Args:
            directory: holds the store's files and nothing else's.
            clock: for the statistics.

        Raises:
            ConfigurationError: another process has the directory, or its files cannot be used.
        """
        lock = await asyncio.to_thread(lock_directory, directory)
        store = cls(directory, clock or SystemClock(), lock)
        try:
            await store.ledgers_database.start()
            await check_tables(store.ledgers_database)
            await store._check_index()
            await store.index_database.start()
        except BaseException:
            await store.close()
            raise
        return store

    async def _check_index(self) -> None:
        """Refuses ledgers without an index: claims may rely on what it had (rule 15)."""
        if (self._directory / INDEX_FILE).exists() or not await self.journal.list_directory():
            return
        raise ConfigurationError(
            f"{INDEX_FILE} is missing in {self._directory}; build it from the ledgers with"
            f" flightmesh doctor --data-dir {self._directory} --repair-index"
        )

    async def close(self) -> None:
        """Executes what is waiting, closes the files and gives up the directory. Idempotent."""
        await self.index_database.close()
        await self.ledgers_database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def ledger_options(directory: Path) -> DatabaseOptions:
    """How the ledgers of a store's directory are opened."""
    return DatabaseOptions(directory / "journal.db", LEDGERS_SCHEMA, _FORMAT, "FULL")


def index_options(file: Path) -> DatabaseOptions:
    """How a file with an index is opened."""
    return DatabaseOptions(file, INDEX_SCHEMA, _FORMAT, "NORMAL")


def lock_directory(directory: Path) -> int:
    """Creates the directory if need be and takes its lock, which the process's end gives back."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        sync_directory(directory.parent)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        a_file = isinstance(error, FileExistsError | NotADirectoryError)
        reason = "it is a file" if a_file else error.strerror
        raise ConfigurationError(
            f"cannot use the directory {directory}: {reason};"
            " set FLIGHTMESH_DATA_DIR to one that can be written"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise ConfigurationError(
            f"another process uses the directory {directory}; stop it, or set FLIGHTMESH_DATA_DIR"
            " to another one"
        ) from error
    return lock


def sync_directory(directory: Path) -> None:
    """Makes the entries of a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
