"""The aggregate index and snapshots in SQLite: followers of the ledgers, in a file of their own.

The file is synced at checkpoints and by `sync`, not at each commit: a killed process loses nothing,
and a power loss takes the file back to some earlier commit, whole. Because requests are committed
in the order of their coming, a head or watermark never outlives the chunks that it speaks of; what
is missing is read from the ledgers again.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, final

from flightmesh.journal import Chunk, ShardHead, StoredSnapshot
from flightmesh.journal.sqlite_connection import statement
from flightmesh.journal.sqlite_database import SqliteDatabase

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS chunks (
    shard INTEGER NOT NULL, aggregate_id BLOB NOT NULL, ledger INTEGER NOT NULL,
    entry INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (shard, aggregate_id, ledger, entry));
CREATE TABLE IF NOT EXISTS aggregates (
    shard INTEGER NOT NULL, aggregate_id BLOB NOT NULL, scope TEXT NOT NULL,
    aggregate_type TEXT NOT NULL, PRIMARY KEY (shard, aggregate_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heads (
    shard INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, ledger INTEGER NOT NULL,
    entry INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS watermarks (
    shard INTEGER NOT NULL, ledger INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (shard, ledger)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS syncs (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS snapshots (
    aggregate_id BLOB NOT NULL, sequence INTEGER NOT NULL, checksum BLOB NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (aggregate_id, sequence));
"""


@final
class SqliteAggregateIndex:
    """The aggregate index in SQLite; see `flightmesh.journal.AggregateIndex`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def flush(self, shard: int, chunks: Sequence[Chunk], head: ShardHead | None) -> None:
        """See the port."""

        def add(connection: sqlite3.Connection) -> None:
            # Chunks of one key begin at the same record, so the longer one holds the shorter: a
            # late flush of a former owner takes nothing away (rule 13).
            connection.executemany(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET data = excluded.data WHERE length(data) <= length(excluded.data)",
                [(shard, c.aggregate_id, c.ledger, c.entry, c.data) for c in chunks],
            )
            connection.executemany(
                "INSERT OR IGNORE INTO aggregates VALUES (?, ?, ?, ?)",
                [(shard, c.aggregate_id, c.scope, c.aggregate_type) for c in chunks],
            )
            if head is not None:
                connection.execute(
                    "INSERT INTO heads VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " sequence = excluded.sequence, ledger = excluded.ledger,"
                    " entry = excluded.entry WHERE sequence < excluded.sequence",
                    (shard, head.sequence, head.ledger, head.entry),
                )

        await self._database.write(add)

    async def read_head(self, shard: int) -> ShardHead | None:
        """See the port."""
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT sequence, ledger, entry FROM heads WHERE shard = ?", (shard,)
            ).fetchone()
        )
        return None if row is None else ShardHead(*row)

    async def write_watermarks(self, shard: int, watermarks: dict[int, int]) -> None:
        """See the port."""

        def raise_all(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO watermarks VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET number = max(number, excluded.number)",
                [(shard, ledger, number) for ledger, number in watermarks.items()],
            )

        await self._database.write(raise_all)

    async def read_watermarks(self, shard: int) -> dict[int, int]:
        """See the port."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT ledger, number FROM watermarks WHERE shard = ?", (shard,)
            ).fetchall()
        )
        return dict(rows)

    async def read_chunks(self, shard: int, aggregate_id: bytes) -> Sequence[bytes]:
        """See the port."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT data FROM chunks WHERE shard = ? AND aggregate_id = ?",
                (shard, aggregate_id),
            ).fetchall()
        )
        return [data for (data,) in rows]

    async def list_aggregates(
        self, shard: int, scope: str | None, aggregate_type: str | None, after: bytes, limit: int
    ) -> Sequence[bytes]:
        """See the port."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT aggregate_id FROM aggregates WHERE shard = ?1 AND aggregate_id > ?2"
                " AND (?3 IS NULL OR scope = ?3) AND (?4 IS NULL OR aggregate_type = ?4)"
                " ORDER BY aggregate_id LIMIT ?5",
                (shard, after, scope, aggregate_type, max(limit, 0)),
            ).fetchall()
        )
        return [aggregate_id for (aggregate_id,) in rows]

    async def sync(self) -> None:
        """Makes durable, power loss included, all that was answered before the call."""
        count = "INSERT INTO syncs VALUES (1, 1) ON CONFLICT DO UPDATE SET number = number + 1"
        await self._database.write(statement(count), synced=True)


@final
class SqliteSnapshots:
    """Snapshots in SQLite; see `flightmesh.journal.Snapshots`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def save(self, aggregate_id: bytes, snapshot: StoredSnapshot) -> None:
        """See the port."""
        await self._database.write(
            statement(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)",
                (aggregate_id, snapshot.sequence, snapshot.checksum, snapshot.data),
            )
        )

    async def load(
        self, aggregate_id: bytes, max_sequence: int | None = None
    ) -> Sequence[StoredSnapshot]:
        """See the port."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT sequence, checksum, data FROM snapshots WHERE aggregate_id = ?1"
                " AND (?2 IS NULL OR sequence <= ?2) ORDER BY sequence DESC",
                (aggregate_id, max_sequence),
            ).fetchall()
        )
        return [StoredSnapshot(*row) for row in rows]

    async def delete(self, aggregate_id: bytes, below_sequence: int) -> None:
        """See the port."""
        await self._database.write(
            statement(
                "DELETE FROM snapshots WHERE aggregate_id = ? AND sequence < ?",
                (aggregate_id, below_sequence),
            )
        )
