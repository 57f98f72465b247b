"""The contract suites of the ledger store, held against a real Cassandra."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from flightmesh.journal import AggregateIndex, Claims, Journal, Snapshots
from flightmesh.journal.cassandra import CassandraOptions, CassandraStore
from flightmesh.testing.claims_contract import ClaimsContract, ClaimsRestartContract
from flightmesh.testing.index_contract import IndexContract, IndexRestartContract
from flightmesh.testing.journal_contract import JournalContract
from flightmesh.testing.journal_contract_restart import JournalRestartContract
from flightmesh.testing.journal_contract_writes import JournalWritesContract
from flightmesh.testing.snapshots_contract import SnapshotsContract, SnapshotsRestartContract


class OnCassandra:
    """Gives the suites' hooks an empty store before each test."""

    options: CassandraOptions

    @pytest.fixture(autouse=True)
    def empty_store(self, cassandra_store: CassandraOptions) -> None:
        self.options = cassandra_store


class TestCassandraJournal(
    OnCassandra, JournalContract, JournalWritesContract, JournalRestartContract
):
    @asynccontextmanager
    async def create_journal(self, directory: Path) -> AsyncIterator[Journal]:
        async with await CassandraStore.open(self.options) as store:
            yield store.journal


class TestCassandraClaims(OnCassandra, ClaimsContract, ClaimsRestartContract):
    @asynccontextmanager
    async def create_claims(self, directory: Path) -> AsyncIterator[Claims]:
        async with await CassandraStore.open(self.options) as store:
            yield store.claims


class TestCassandraIndex(OnCassandra, IndexContract, IndexRestartContract):
    @asynccontextmanager
    async def create_index(self, directory: Path) -> AsyncIterator[AggregateIndex]:
        async with await CassandraStore.open(self.options) as store:
            yield store.index


class TestCassandraSnapshots(OnCassandra, SnapshotsContract, SnapshotsRestartContract):
    @asynccontextmanager
    async def create_snapshots(self, directory: Path) -> AsyncIterator[Snapshots]:
        async with await CassandraStore.open(self.options) as store:
            yield store.snapshots
