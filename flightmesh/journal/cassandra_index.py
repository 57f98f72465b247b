"""The aggregate index and snapshots in Cassandra: plain writes that may come late or twice.

Nothing here goes back, though nothing is compared. The timestamp of a write is its value: a chunk's
is its length, a head's its sequence, a watermark's its number (each plus one, since Cassandra's
timestamps begin above zero). Of two writes of one row Cassandra keeps the one with the greater
timestamp, in whatever order they come, so a late flush of a former owner takes nothing away (rules
12, 13 and 16), and nobody pays for a conditional write.
"""

import asyncio
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, final

from cassandra.query import BatchStatement, BatchType, BoundStatement, PreparedStatement

from flightmesh.journal import Chunk, ShardHead, StoredSnapshot
from flightmesh.journal.cassandra_connection import CassandraConnection
from flightmesh.journal.cassandra_schema import CHUNK_BUCKETS

# Bounds of one batch. Its rows lie in several partitions of one shard: it saves requests, each of
# which costs the store and the driver more than its rows, and needs no atomicity.
_BATCH_BYTES: Final = 256 * 1024
_BATCH_ROWS: Final = 200
# Batches of one flush that are under way at once.
_BATCHES_AT_ONCE: Final = 8
_ANY_SEQUENCE: Final = (1 << 63) - 1

_INDEX_STATEMENTS: Final = (
    "INSERT INTO {ks}.chunks (shard, bucket, aggregate_id, ledger, entry, data)"
    " VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
    "SELECT data FROM {ks}.chunks WHERE shard = ? AND bucket = ? AND aggregate_id = ?",
    "INSERT INTO {ks}.aggregates (shard, aggregate_id, scope, aggregate_type)"
    " VALUES (?, ?, ?, ?) USING TIMESTAMP 1",
    "SELECT aggregate_id, scope, aggregate_type FROM {ks}.aggregates"
    " WHERE shard = ? AND aggregate_id > ? LIMIT ?",
    "INSERT INTO {ks}.heads (shard, sequence, ledger, entry) VALUES (?, ?, ?, ?) USING TIMESTAMP ?",
    "SELECT sequence, ledger, entry FROM {ks}.heads WHERE shard = ?",
    "INSERT INTO {ks}.watermarks (shard, ledger, number) VALUES (?, ?, ?) USING TIMESTAMP ?",
    "SELECT ledger, number FROM {ks}.watermarks WHERE shard = ?",
)
_SNAPSHOT_STATEMENTS: Final = (
    "INSERT INTO {ks}.snapshots (aggregate_id, sequence, checksum, data) VALUES (?, ?, ?, ?)",
    "SELECT sequence, checksum, data FROM {ks}.snapshots WHERE aggregate_id = ? AND sequence <= ?",
    "DELETE FROM {ks}.snapshots WHERE aggregate_id = ? AND sequence < ?",
)

# A row to be written, and the bytes of its data.
_Row = tuple[BoundStatement, int]


def bucket_of(aggregate_id: bytes) -> int:
    """The partition of its shard that an aggregate's chunks are in; part of the stored format."""
    return zlib.crc32(aggregate_id) % CHUNK_BUCKETS


@final
class CassandraAggregateIndex:
    """The aggregate index in Cassandra; see `flightmesh.journal.AggregateIndex`.

    Args:
        connection: the connection.
        statements: what `prepare` returned.
    """

    def __init__(
        self, connection: CassandraConnection, statements: Sequence[PreparedStatement]
    ) -> None:
        self._connection = connection
        (
            self._add_chunk, self._chunks, self._add_aggregate, self._aggregates,
            self._move_head, self._head, self._move_watermark, self._watermarks,
        ) = statements  # fmt: skip
        self._batches = asyncio.Semaphore(_BATCHES_AT_ONCE)

    @staticmethod
    async def prepare(connection: CassandraConnection) -> "CassandraAggregateIndex":
        """Makes an index of a connection."""
        return CassandraAggregateIndex(connection, await connection.prepare(*_INDEX_STATEMENTS))

    async def flush(self, shard: int, chunks: Sequence[Chunk], head: ShardHead | None) -> None:
        """See the port."""
        rows = [self._chunk_row(shard, chunk) for chunk in chunks]
        once = {chunk.aggregate_id: chunk for chunk in chunks}
        rows += [self._id_row(shard, chunk) for chunk in once.values()]
        writes = [self._write_batch(part) for part in _parts(rows)]
        # Each is waited for, also when one has failed: none of them may follow a later flush.
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        if head is not None:
            values = (shard, head.sequence, head.ledger, head.entry, head.sequence + 1)
            await self._connection.write(self._move_head.bind(values))

    def _chunk_row(self, shard: int, chunk: Chunk) -> _Row:
        bucket, size = bucket_of(chunk.aggregate_id), len(chunk.data)
        values = (shard, bucket, chunk.aggregate_id, chunk.ledger, chunk.entry, chunk.data)
        return self._add_chunk.bind((*values, size + 1)), size

    def _id_row(self, shard: int, chunk: Chunk) -> _Row:
        values = (shard, chunk.aggregate_id, chunk.scope, chunk.aggregate_type)
        return self._add_aggregate.bind(values), 0

    async def _write_batch(self, statements: Iterable[BoundStatement]) -> None:
        async with self._batches:
            batch = BatchStatement(BatchType.UNLOGGED)
            for statement in statements:
                batch.add(statement)
            await self._connection.write(batch)

    async def read_head(self, shard: int) -> ShardHead | None:
        """See the port."""
        rows = await self._connection.read(self._head.bind((shard,)))
        return ShardHead(*rows[0]) if rows else None

    async def write_watermarks(self, shard: int, watermarks: dict[int, int]) -> None:
        """See the port."""
        if not watermarks:
            return
        batch = BatchStatement(BatchType.UNLOGGED)
        for ledger, number in watermarks.items():
            batch.add(self._move_watermark.bind((shard, ledger, number, number + 1)))
        await self._connection.write(batch)

    async def read_watermarks(self, shard: int) -> dict[int, int]:
        """See the port."""
        rows = await self._connection.read(self._watermarks.bind((shard,)))
        return {row[0]: row[1] for row in rows}

    async def read_chunks(self, shard: int, aggregate_id: bytes) -> Sequence[bytes]:
        """See the port."""
        rows = await self._connection.read(
            self._chunks.bind((shard, bucket_of(aggregate_id), aggregate_id))
        )
        return [row[0] for row in rows]

    async def list_aggregates(
        self, shard: int, scope: str | None, aggregate_type: str | None, after: bytes, limit: int
    ) -> Sequence[bytes]:
        """See the port."""
        found: list[bytes] = []
        page = max(limit, 100)
        while len(found) < limit:
            rows = await self._connection.read(self._aggregates.bind((shard, after, page)))
            found += [
                row[0]
                for row in rows
                if scope in (None, row[1]) and aggregate_type in (None, row[2])
            ]
            if len(rows) < page:
                break
            after = rows[-1][0]
        return found[: max(limit, 0)]


def _parts(rows: Iterable[_Row]) -> Iterator[list[BoundStatement]]:
    """Splits rows into batches of bounded size."""
    part: list[BoundStatement] = []
    size = 0
    for statement, row_size in rows:
        if part and (len(part) >= _BATCH_ROWS or size + row_size > _BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(statement)
        size += row_size
    if part:
        yield part


@final
class CassandraSnapshots:
    """Snapshots in Cassandra; see `flightmesh.journal.Snapshots`.

    Args:
        connection: the connection.
        statements: what `prepare` returned.
    """

    def __init__(
        self, connection: CassandraConnection, statements: Sequence[PreparedStatement]
    ) -> None:
        self._connection = connection
        self._save, self._load, self._delete = statements

    @staticmethod
    async def prepare(connection: CassandraConnection) -> "CassandraSnapshots":
        """Makes snapshots of a connection."""
        return CassandraSnapshots(connection, await connection.prepare(*_SNAPSHOT_STATEMENTS))

    async def save(self, aggregate_id: bytes, snapshot: StoredSnapshot) -> None:
        """See the port."""
        values = (aggregate_id, snapshot.sequence, snapshot.checksum, snapshot.data)
        await self._connection.write(self._save.bind(values))

    async def load(
        self, aggregate_id: bytes, max_sequence: int | None = None
    ) -> Sequence[StoredSnapshot]:
        """See the port."""
        bound = _ANY_SEQUENCE if max_sequence is None else max_sequence
        rows = await self._connection.read(self._load.bind((aggregate_id, bound)))
        return [StoredSnapshot(*row) for row in rows]

    async def delete(self, aggregate_id: bytes, below_sequence: int) -> None:
        """See the port."""
        await self._connection.write(self._delete.bind((aggregate_id, below_sequence)))
