"""Building the aggregate index from the ledgers again. Ledgers and claims are only read.

The new index has everything that is committed, whatever claims and watermarks say, so it is right
for every claim: a new owner finds all in it and nothing above its watermarks.
"""

from typing import Final, final

from flightmesh.codec.entries import encode_indexed, encode_record, place_prefix
from flightmesh.errors import CorruptData
from flightmesh.eventsourcing.record import Record
from flightmesh.ids import AggregateId, id_bytes
from flightmesh.journal import AggregateIndex, Chunk, DirectoryRow, Journal, ShardHead
from flightmesh.ledger.reader import LedgerReader
from flightmesh.verification.contents import CommittedEntry, LedgerContents, walk_ledger
from flightmesh.verification.journal import Progress
from flightmesh.verification.ledgers import NumberCheck, check_segments

# Records that are gathered before they are written; bounds the memory that a rebuild takes.
_PER_FLUSH: Final = 5_000


async def rebuild_index(
    journal: Journal, index: AggregateIndex, progress: Progress = lambda *_: None
) -> int:
    """Fills an empty index from all ledgers; returns the number of records.

    Nobody else may write the journal or the index meanwhile. The index counts as rebuilt only when
    this has returned: heads and watermarks are written last.

    Raises:
        CorruptData: a ledger cannot be read whole; nothing can be rebuilt from it.
        StoreUnavailable: the store cannot be used just now.
    """
    rebuild = _Rebuild(index)
    directory = await journal.list_directory()
    total = sum([await LedgerReader(journal, row.ledger).find_head() + 1 for row in directory])
    done = 0
    for row in directory:
        contents, numbers = LedgerContents(row.ledger, row.node), NumberCheck(row.ledger)
        async for entry in walk_ledger(journal, row, contents):
            numbers.see(entry.number)
            await rebuild.take(entry)
            done += 1
            progress("rebuilding", done, total)
        _refuse_broken(contents, numbers)
        rebuild.end_of_ledger(row, contents.head)
    await rebuild.finish()
    return rebuild.records


def _refuse_broken(contents: LedgerContents, numbers: NumberCheck) -> None:
    found = [*numbers.finish(contents), *contents.unreadable, *check_segments(contents)]
    if found:
        raise CorruptData(f"the index cannot be rebuilt from a broken ledger: {found[0]}")


@final
class _Draft:
    """Records of one aggregate that are written as one chunk, keyed by the first one's place."""

    def __init__(self, ledger: int, entry: int, record: Record) -> None:
        self.key = ledger, entry
        self.first = record
        self.frames: list[bytes] = []

    def chunk(self) -> Chunk:
        first = self.first
        return Chunk(
            id_bytes(first.aggregate_id),
            first.aggregate_type,
            first.scope,
            *self.key,
            b"".join(self.frames),
        )


@final
class _Rebuild:
    def __init__(self, index: AggregateIndex) -> None:
        self._index = index
        self._drafts: dict[int, dict[AggregateId, _Draft]] = {}
        self._gathered = 0
        self._heads: dict[int, ShardHead] = {}
        self._shards: set[int] = set()  # with records in the ledger that is being read
        self._watermarks: dict[int, dict[int, int]] = {}
        self.records = 0

    async def take(self, entry: CommittedEntry) -> None:
        """Takes an entry's records; an entry is never split, so a chunk's key is its own."""
        prefix = place_prefix(entry.ledger, entry.number, entry.committed_at_us)
        for record in entry.records:
            self._add(record, entry, prefix)
        self.records += len(entry.records)
        self._gathered += len(entry.records)
        if self._gathered >= _PER_FLUSH:
            await self._flush()

    def _add(self, record: Record, entry: CommittedEntry, prefix: bytes) -> None:
        drafts = self._drafts.setdefault(record.shard, {})
        draft = drafts.get(record.aggregate_id)
        if draft is None:
            draft = _Draft(entry.ledger, entry.number, record)
            drafts[record.aggregate_id] = draft
        draft.frames.append(encode_indexed(prefix, encode_record(record)))
        self._shards.add(record.shard)
        if record.events:
            last = record.first_shard_sequence + len(record.events) - 1
            head = self._heads.get(record.shard)
            if head is None or last > head.sequence:
                self._heads[record.shard] = ShardHead(last, entry.ledger, entry.number)

    def end_of_ledger(self, row: DirectoryRow, head: int) -> None:
        """Notes how far a ledger has been read."""
        for shard in self._shards:
            self._watermarks.setdefault(shard, {})[row.ledger] = head + 1
        self._shards.clear()

    async def finish(self) -> None:
        """Writes the rest, then heads, then watermarks (rule 13)."""
        await self._flush()
        for shard, head in self._heads.items():
            await self._index.flush(shard, [], head)
        for shard, marks in self._watermarks.items():
            await self._index.write_watermarks(shard, marks)

    async def _flush(self) -> None:
        for shard, drafts in self._drafts.items():
            await self._index.flush(shard, [draft.chunk() for draft in drafts.values()], None)
        self._drafts.clear()
        self._gathered = 0
