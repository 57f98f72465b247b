"""The contract suites of the ledger store, held against SQLite."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from flightmesh.journal import AggregateIndex, Claims, Journal, Snapshots
from flightmesh.journal.sqlite import SqliteStore
from flightmesh.testing.claims_contract import ClaimsContract, ClaimsRestartContract
from flightmesh.testing.index_contract import IndexContract, IndexRestartContract
from flightmesh.testing.journal_contract import JournalContract
from flightmesh.testing.journal_contract_restart import JournalRestartContract
from flightmesh.testing.journal_contract_writes import JournalWritesContract
from flightmesh.testing.snapshots_contract import SnapshotsContract, SnapshotsRestartContract


class TestSqliteJournal(JournalContract, JournalWritesContract, JournalRestartContract):
    @asynccontextmanager
    async def create_journal(self, directory: Path) -> AsyncIterator[Journal]:
        async with await SqliteStore.open(directory) as store:
            yield store.journal


class TestSqliteClaims(ClaimsContract, ClaimsRestartContract):
    @asynccontextmanager
    async def create_claims(self, directory: Path) -> AsyncIterator[Claims]:
        async with await SqliteStore.open(directory) as store:
            yield store.claims


class TestSqliteIndex(IndexContract, IndexRestartContract):
    @asynccontextmanager
    async def create_index(self, directory: Path) -> AsyncIterator[AggregateIndex]:
        async with await SqliteStore.open(directory) as store:
            yield store.index


class TestSqliteSnapshots(SnapshotsContract, SnapshotsRestartContract):
    @asynccontextmanager
    async def create_snapshots(self, directory: Path) -> AsyncIterator[Snapshots]:
        async with await SqliteStore.open(directory) as store:
            yield store.snapshots
