"""The contract suites of the ledger store, held against the adapters in memory."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from flightmesh.journal import AggregateIndex, Claims, Journal, Snapshots
from flightmesh.journal.memory import InMemoryStore
from flightmesh.testing.claims_contract import ClaimsContract
from flightmesh.testing.index_contract import IndexContract
from flightmesh.testing.journal_contract import JournalContract
from flightmesh.testing.journal_contract_writes import JournalWritesContract
from flightmesh.testing.snapshots_contract import SnapshotsContract

T = TypeVar("T")


@asynccontextmanager
async def as_it_is(part: T) -> AsyncIterator[T]:
    yield part


class TestInMemoryJournal(JournalContract):
    def create_journal(self, directory: Path) -> AbstractAsyncContextManager[Journal]:
        return as_it_is(InMemoryStore().journal)


class TestInMemoryJournalWrites(JournalWritesContract):
    def create_journal(self, directory: Path) -> AbstractAsyncContextManager[Journal]:
        return as_it_is(InMemoryStore().journal)


class TestInMemoryClaims(ClaimsContract):
    def create_claims(self, directory: Path) -> AbstractAsyncContextManager[Claims]:
        return as_it_is(InMemoryStore().claims)


class TestInMemoryIndex(IndexContract):
    def create_index(self, directory: Path) -> AbstractAsyncContextManager[AggregateIndex]:
        return as_it_is(InMemoryStore().index)


class TestInMemorySnapshots(SnapshotsContract):
    def create_snapshots(self, directory: Path) -> AbstractAsyncContextManager[Snapshots]:
        return as_it_is(InMemoryStore().snapshots)
