"""The ledger store in memory: for tests, and for a mesh that need not survive its process.

Each call runs without a pause between its reading and its writing, so the calls on one event loop
are linearizable. Nothing survives the process; "durable" means only that the object keeps it.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import final

from flightmesh.journal import (
    AggregateIndex,
    Chunk,
    Claim,
    ClaimChange,
    Claims,
    Conditional,
    Constants,
    DirectoryRow,
    Journal,
    SegmentRow,
    SegmentState,
    ShardHead,
    Snapshots,
    StoredSnapshot,
)
from flightmesh.journal.claim_changes import check_changes


@dataclass(slots=True)
class _Segment:
    row: SegmentRow
    entries: list[bytes] = field(default_factory=list)


@final
class InMemoryJournal:
    """Ledgers in memory; see `flightmesh.journal.Journal` for what each method promises."""

    def __init__(self) -> None:
        self._constants: Constants | None = None
        self._last_session = 0
        self._directory: dict[int, DirectoryRow] = {}
        self._segments: dict[tuple[int, int], _Segment] = {}

    async def fix_constants(self, wanted: Constants) -> Constants:
        """See the port."""
        if self._constants is None:
            self._constants = wanted
        return self._constants

    async def allocate_session(self) -> int:
        """See the port."""
        self._last_session += 1
        return self._last_session

    async def add_to_directory(self, row: DirectoryRow) -> None:
        """See the port."""
        self._directory.setdefault(row.ledger, row)

    async def list_directory(self) -> Sequence[DirectoryRow]:
        """See the port."""
        return [self._directory[ledger] for ledger in sorted(self._directory)]

    async def open_segment(
        self, ledger: int, segment: int, writer: bytes, first: int
    ) -> Conditional:
        """See the port."""
        found = self._segments.get((ledger, segment))
        if found is not None:
            return Conditional(False, found.row)
        row = SegmentRow(SegmentState.OPEN, writer, first, first - 1)
        self._segments[ledger, segment] = _Segment(row)
        return Conditional(True, row)

    async def append(
        self, ledger: int, segment: int, writer: bytes, number: int, data: bytes
    ) -> Conditional:
        """See the port."""
        found = self._writable(ledger, segment, writer, number - 1)
        if found is None:
            return self._refused(ledger, segment)
        found.entries.append(data)
        found.row = replace(found.row, head=number)
        return Conditional(True, found.row)

    async def roll(self, ledger: int, segment: int, writer: bytes, head: int) -> Conditional:
        """See the port."""
        found = self._writable(ledger, segment, writer, head)
        if found is None:
            return self._refused(ledger, segment)
        found.row = replace(found.row, state=SegmentState.ROLLED)
        return Conditional(True, found.row)

    def _writable(self, ledger: int, segment: int, writer: bytes, head: int) -> _Segment | None:
        """The segment if it is open, has that writer and stands at that head."""
        found = self._segments.get((ledger, segment))
        if found is None or found.row.state is not SegmentState.OPEN:
            return None
        return found if found.row.writer == writer and found.row.head == head else None

    def _refused(self, ledger: int, segment: int) -> Conditional:
        found = self._segments.get((ledger, segment))
        return Conditional(False, None if found is None else found.row)

    async def seal(self, ledger: int, segment: int, first: int) -> Conditional:
        """See the port."""
        found = self._segments.get((ledger, segment))
        if found is None:
            row = SegmentRow(SegmentState.SEALED, b"", first, first - 1)
            self._segments[ledger, segment] = _Segment(row)
            return Conditional(True, row)
        if found.row.state is not SegmentState.OPEN:
            return Conditional(False, found.row)
        found.row = replace(found.row, state=SegmentState.SEALED)
        return Conditional(True, found.row)

    async def read_segment(self, ledger: int, segment: int) -> SegmentRow | None:
        """See the port."""
        found = self._segments.get((ledger, segment))
        return None if found is None else found.row

    async def read_entries(
        self, ledger: int, segment: int, first: int, limit: int
    ) -> Sequence[tuple[int, bytes]]:
        """See the port."""
        found = self._segments.get((ledger, segment))
        if found is None or limit <= 0:
            return []
        start = max(first, found.row.first)
        offset = start - found.row.first
        return list(enumerate(found.entries[offset : offset + limit], start))


@final
class InMemoryClaims:
    """Claims in memory; see `flightmesh.journal.Claims`."""

    def __init__(self) -> None:
        self._claims: dict[int, Claim] = {}

    async def read_claims(self) -> dict[int, Claim]:
        """See the port."""
        return dict(self._claims)

    async def change_claims(self, changes: Sequence[ClaimChange]) -> bool:
        """See the port."""
        check_changes(changes)
        if any(self._claims.get(change.new.shard) != change.expected for change in changes):
            return False
        self._claims.update((change.new.shard, change.new) for change in changes)
        return True


@dataclass(slots=True)
class _ShardIndex:
    head: ShardHead | None = None
    watermarks: dict[int, int] = field(default_factory=dict)
    chunks: dict[bytes, dict[tuple[int, int], Chunk]] = field(default_factory=dict)
    ids: list[bytes] = field(default_factory=list)


@final
class InMemoryAggregateIndex:
    """The aggregate index in memory; see `flightmesh.journal.AggregateIndex`."""

    def __init__(self) -> None:
        self._shards: dict[int, _ShardIndex] = defaultdict(_ShardIndex)

    async def flush(self, shard: int, chunks: Sequence[Chunk], head: ShardHead | None) -> None:
        """See the port."""
        index = self._shards[shard]
        for chunk in chunks:
            if chunk.aggregate_id not in index.chunks:
                index.chunks[chunk.aggregate_id] = {}
                insort(index.ids, chunk.aggregate_id)
            kept = index.chunks[chunk.aggregate_id]
            old = kept.get((chunk.ledger, chunk.entry))
            # Chunks of one key begin at the same record, so the longer one holds the shorter: a
            # late flush of a former owner takes nothing away (rule 13).
            if old is None or len(old.data) <= len(chunk.data):
                kept[chunk.ledger, chunk.entry] = chunk
        if head is not None and (index.head is None or head.sequence > index.head.sequence):
            index.head = head

    async def read_head(self, shard: int) -> ShardHead | None:
        """See the port."""
        return self._shards[shard].head

    async def write_watermarks(self, shard: int, watermarks: dict[int, int]) -> None:
        """See the port."""
        kept = self._shards[shard].watermarks
        for ledger, number in watermarks.items():
            kept[ledger] = max(kept.get(ledger, 0), number)

    async def read_watermarks(self, shard: int) -> dict[int, int]:
        """See the port."""
        return dict(self._shards[shard].watermarks)

    async def read_chunks(self, shard: int, aggregate_id: bytes) -> Sequence[bytes]:
        """See the port."""
        kept = self._shards[shard].chunks.get(aggregate_id, {})
        return [chunk.data for chunk in kept.values()]

    async def list_aggregates(
        self, shard: int, scope: str | None, aggregate_type: str | None, after: bytes, limit: int
    ) -> Sequence[bytes]:
        """See the port."""
        index = self._shards[shard]
        found: list[bytes] = []
        for position in range(bisect_right(index.ids, after), len(index.ids)):
            if len(found) >= limit:
                break
            chunk = next(iter(index.chunks[index.ids[position]].values()))
            if scope in (None, chunk.scope) and aggregate_type in (None, chunk.aggregate_type):
                found.append(chunk.aggregate_id)
        return found


@final
class InMemorySnapshots:
    """Snapshots in memory; see `flightmesh.journal.Snapshots`."""

    def __init__(self) -> None:
        self._kept: dict[bytes, dict[int, StoredSnapshot]] = {}

    async def save(self, aggregate_id: bytes, snapshot: StoredSnapshot) -> None:
        """See the port."""
        self._kept.setdefault(aggregate_id, {})[snapshot.sequence] = snapshot

    async def load(
        self, aggregate_id: bytes, max_sequence: int | None = None
    ) -> Sequence[StoredSnapshot]:
        """See the port."""
        kept = self._kept.get(aggregate_id, {})
        return [
            kept[sequence]
            for sequence in sorted(kept, reverse=True)
            if max_sequence is None or sequence <= max_sequence
        ]

    async def delete(self, aggregate_id: bytes, below_sequence: int) -> None:
        """See the port."""
        kept = self._kept.pop(aggregate_id, {})
        left = {sequence: kept[sequence] for sequence in kept if sequence >= below_sequence}
        if left:
            self._kept[aggregate_id] = left


@final
class InMemoryStore:
    """All four ports of one store in memory, as one thing to pass around.

    Attributes:
        journal: the ledgers.
        claims: who owns which shard.
        index: the aggregate index.
        snapshots: saved aggregate states.
    """

    def __init__(self) -> None:
        self.journal: Journal = InMemoryJournal()
        self.claims: Claims = InMemoryClaims()
        self.index: AggregateIndex = InMemoryAggregateIndex()
        self.snapshots: Snapshots = InMemorySnapshots()
