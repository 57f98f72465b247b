"""One shard in a session's memory: its state, and what its index does not have yet."""

import asyncio
import enum
from collections import deque
from typing import NamedTuple, final

from flightmesh.codec.entries import decode_chunk
from flightmesh.errors import FlightmeshError
from flightmesh.eventsourcing import CommandEnvelope, DomainModel
from flightmesh.eventsourcing.cell import AggregateCell
from flightmesh.eventsourcing.record import PlacedRecord, Record
from flightmesh.eventsourcing.shard_state import ShardState
from flightmesh.ids import AggregateId, id_bytes
from flightmesh.journal import Chunk, Claim, ShardHead
from shard_node.batch import Batch
from shard_node.known_ids import KnownIds


class Task(NamedTuple):
    """A command under way.

    Attributes:
        envelope: the command.
        batch: where its result goes.
        place: its place there.
        full: whether the reply tells the events.
        arrived_s: monotonic time of its arrival.
    """

    envelope: CommandEnvelope
    batch: Batch
    place: int
    full: bool
    arrived_s: float


class SlotStatus(enum.Enum):
    """What a session does with a shard that it holds."""

    RECOVERING = "recovering"
    ACTIVE = "active"
    DRAINING = "draining"  # released soon; takes no commands any more
    GONE = "gone"  # released or fenced; nothing may be done with it any more


@final
class ChunkDraft:
    """Committed records of one aggregate that are to be added to its index.

    Its key is one that no other session uses. So the late flush of a deposed owner, which knows
    fewer records, never replaces a chunk that knows more (rule 13).
    """

    __slots__ = ("aggregate_type", "entry", "frames", "ledger", "scope")

    def __init__(self, ledger: int, entry: int, record: Record) -> None:
        self.ledger = ledger
        self.entry = entry
        self.aggregate_type = record.aggregate_type
        self.scope = record.scope
        self.frames: list[bytes] = []

    def chunk(self, aggregate_id: AggregateId) -> Chunk:
        """The chunk as the index port wants it."""
        return Chunk(
            id_bytes(aggregate_id),
            self.aggregate_type,
            self.scope,
            self.ledger,
            self.entry,
            b"".join(self.frames),
        )


Drafts = dict[AggregateId, ChunkDraft]


class Worker(NamedTuple):
    """What works off the parked commands of an aggregate.

    Attributes:
        task: ends when none is left.
        holds: done once a command is held back for longer than a question about the aggregate can
            wait.
    """

    task: asyncio.Task[None]
    holds: "asyncio.Future[None]"


@final
class ShardSlot:
    """A shard that a session holds the claim of.

    Attributes:
        shard: its number.
        epoch: epoch of its assignment.
        claim: its claim, as this session wrote it.
        status: see SlotStatus.
        recovered: whether all that its ledgers held has been read.
        memory: its aggregates.
        parked: aggregate → commands that wait for it to be loaded, in order; never empty.
        workers: aggregate → what works its parked commands off.
        loading: aggregates being loaded.
        dropped: aggregates dropped after an error → entry of their newest record.
        last_entry: entry of the session's ledger that holds the shard's newest record; -1 if none.
        drafts: records not in the index yet.
        flushing: records being written to the index.
        head: place of the newest committed event; None if there is none.
        indexed_head: the head that the index is known to have.
        watermarks: per other ledger, number of the first entry that was not read at recovery.
        sealed: other ledgers known to be sealed.
        written_watermark: the watermark of the session's own ledger, as last written.
        unflushed: number of records in drafts.
        ids: which aggregates it holds; None until somebody wants to know.
        held_since_s: when the claim had been taken, monotonic.
        scope_changed_s: scope aggregate → when its newest event was committed here, monotonic.
    """

    def __init__(
        self,
        shard: int,
        epoch: int,
        claim: Claim,
        domain: DomainModel,
        held_since_s: float,
    ) -> None:
        self.shard = shard
        self.epoch = epoch
        self.claim = claim
        self.status = SlotStatus.RECOVERING
        self.recovered = False
        self.memory = ShardState(shard, domain)
        self.parked: dict[AggregateId, deque[Task]] = {}
        self.workers: dict[AggregateId, Worker] = {}
        self.loading: dict[AggregateId, asyncio.Task[AggregateCell | FlightmeshError]] = {}
        self.dropped: dict[AggregateId, int] = {}
        self.last_entry = -1
        self.drafts: Drafts = {}
        self.flushing: Drafts = {}
        self.head: ShardHead | None = None
        self.indexed_head: ShardHead | None = None
        self.watermarks: dict[int, int] = {}
        self.sealed: set[int] = set()
        self.written_watermark = 0
        self.unflushed = 0
        self.ids: KnownIds | None = None
        self.held_since_s = held_since_s
        self.scope_changed_s: dict[AggregateId, float] = {}

    def add_committed(
        self, record: Record, frame: bytes, place: tuple[int, int], key: tuple[int, int]
    ) -> None:
        """Takes a committed record in.

        Args:
            record: the record.
            frame: its bytes as part of an index chunk.
            place: ledger and entry that hold it.
            key: ledger and entry of the chunk's key, if the record begins one.
        """
        draft = self.drafts.get(record.aggregate_id)
        if draft is None:
            draft = self.drafts[record.aggregate_id] = ChunkDraft(*key, record)
            if self.ids is not None:
                self.ids.add(id_bytes(record.aggregate_id))
        draft.frames.append(frame)
        self.unflushed += 1
        if record.events:
            last = record.first_shard_sequence + len(record.events) - 1
            if self.head is None or last > self.head.sequence:
                self.head = ShardHead(last, *place)

    def begin_ids(self) -> KnownIds:
        """Starts to note ids: of the records that the index may not have, and of later ones."""
        drafts = (*self.drafts, *self.flushing)
        self.ids = KnownIds(id_bytes(each) for each in drafts)
        return self.ids

    def is_unheard_of(self, aggregate_id: AggregateId) -> bool:
        """Whether it is certain that no record of the aggregate is committed."""
        ids = self.ids
        return ids is not None and ids.complete and id_bytes(aggregate_id) not in ids

    def unindexed(self, aggregate_id: AggregateId) -> list[PlacedRecord]:
        """The aggregate's committed records that the index may not have."""
        drafts = (self.flushing.get(aggregate_id), self.drafts.get(aggregate_id))
        frames = [frame for draft in drafts if draft is not None for frame in draft.frames]
        return decode_chunk(b"".join(frames)) if frames else []
