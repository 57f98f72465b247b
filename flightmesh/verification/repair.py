"""Building the aggregate index from the ledgers again. Ledgers and claims are only read.

The index then has everything that is committed, whatever claims and watermarks say, so it is right
for every claim. `rebuild_index` fills a new index; `fill_index` adds what is missing to one in use.
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
    rebuild = _Rebuild(index, per_ledger=False)
    await _read(journal, rebuild, progress)
    await rebuild.write_heads()
    await rebuild.write_watermarks()
    return rebuild.records


async def fill_index(
    journal: Journal, index: AggregateIndex, progress: Progress = lambda *_: None
) -> int:
    """Adds to an index what the ledgers have and it may lack; returns the number of records.

    The mesh may serve and write meanwhile, since nothing is taken away: chunks are true whoever
    wrote them and the longer of one key holds the shorter (rule 13), heads go forward only (rule
    16), and watermarks, which say what their writer has read, are left alone (rule 12). So what is
    wrong in the index, rather than missing, stays.

    Raises:
        CorruptData: a ledger cannot be read whole; what lies before it has been added.
        StoreError: the store cannot be used just now; may be repeated.
    """
    rebuild = _Rebuild(index, per_ledger=True)
    await _read(journal, rebuild, progress)
    await rebuild.write_heads()
    return rebuild.records


async def _read(journal: Journal, rebuild: "_Rebuild", progress: Progress) -> None:
    directory = await journal.list_directory()
    total = sum([await LedgerReader(journal, row.ledger).find_head() + 1 for row in directory])
    done = 0
    for row in directory:
        contents, numbers = LedgerContents(row.ledger, row.node), NumberCheck(row.ledger)
        async for entry in walk_ledger(journal, row, contents):
            numbers.see(entry.number)
            await rebuild.take(entry)
            done += 1
            progress("rebuilding", done, max(done, total))
        _refuse_broken(contents, numbers)
        await rebuild.end_of_ledger(row, contents.head)


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
    """Gathers records and writes them in chunks.

    Args:
        index: where to.
        per_ledger: no chunk goes beyond its ledger. An owner's chunk of the same key does not, and
            only then the longer of the two holds the shorter.
    """

    def __init__(self, index: AggregateIndex, *, per_ledger: bool) -> None:
        self._index = index
        self._per_ledger = per_ledger
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

    async def end_of_ledger(self, row: DirectoryRow, head: int) -> None:
        """Notes how far a ledger has been read."""
        for shard in self._shards:
            self._watermarks.setdefault(shard, {})[row.ledger] = head + 1
        self._shards.clear()
        if self._per_ledger:
            await self._flush()

    async def write_heads(self) -> None:
        """Writes the rest, then the heads: none shows what is not there (rule 16)."""
        await self._flush()
        for shard, head in self._heads.items():
            await self._index.flush(shard, [], head)

    async def write_watermarks(self) -> None:
        """Writes the watermarks, the last of all (rule 13)."""
        for shard, marks in self._watermarks.items():
            await self._index.write_watermarks(shard, marks)

    async def _flush(self) -> None:
        for shard, drafts in self._drafts.items():
            await self._index.flush(shard, [draft.chunk() for draft in drafts.values()], None)
        self._drafts.clear()
        self._gathered = 0
