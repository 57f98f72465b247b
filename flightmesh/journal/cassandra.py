"""The ledger store in Cassandra: all four ports on one keyspace.

Create the keyspace once with `create_store`, then `CassandraStore.open` it from every process. The
tables are in `cassandra_schema`, the driver in `cassandra_connection`, what failures mean in
`cassandra_errors`.
"""

from types import TracebackType
from typing import Self, final

from flightmesh.journal import AggregateIndex, Claims, Journal, Snapshots
from flightmesh.journal.cassandra_claims import CassandraClaims
from flightmesh.journal.cassandra_connection import (
    CassandraConnection,
    CassandraOptions,
    create_store,
)
from flightmesh.journal.cassandra_index import CassandraAggregateIndex, CassandraSnapshots
from flightmesh.journal.cassandra_ledgers import CassandraJournal

__all__ = ["CassandraOptions", "CassandraStore", "create_store"]


@final
class CassandraStore:
    """All four ports on one keyspace. Get one by `open`; close it by `close` or `async with`.

    Attributes:
        journal: the ledgers.
        claims: who owns which shard.
        index: the aggregate index.
        snapshots: saved aggregate states.
    """

    def __init__(
        self,
        connection: CassandraConnection,
        journal: Journal,
        claims: Claims,
        index: AggregateIndex,
        snapshots: Snapshots,
    ) -> None:
        self.journal = journal
        self.claims = claims
        self.index = index
        self.snapshots = snapshots
        self._connection = connection

    @classmethod
    async def open(cls, options: CassandraOptions) -> Self:
        """Connects to a store that `create_store` has created.

        Raises:
            ConfigurationError: the store is missing or of another version, or a node is not
                set to what the store needs; see `cassandra_promises`.
            StoreUnavailable: no node can be reached; try again.
        """
        connection = await CassandraConnection.open(options)
        try:
            return cls(
                connection,
                await CassandraJournal.prepare(connection),
                await CassandraClaims.prepare(connection),
                await CassandraAggregateIndex.prepare(connection),
                await CassandraSnapshots.prepare(connection),
            )
        except BaseException:
            await connection.close()
            raise

    async def close(self) -> None:
        """Ends the connection. Idempotent."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
