"""Follows the session's own ledger into the aggregate index (rules 11-13, 16), and saves snapshots.

Per shard, in this order: chunks and head, then watermarks, each after a definite yes for the one
before. Only committed records get here.
"""

import asyncio
import logging
from typing import final

from flightmesh.codec.snapshots import encode_snapshot
from flightmesh.errors import CorruptData, FlightmeshError, StoreError
from flightmesh.eventsourcing import DomainModel
from flightmesh.eventsourcing.cell import AggregateCell, save
from flightmesh.ids import AggregateId, id_bytes
from flightmesh.journal import AggregateIndex, Snapshots
from flightmesh.runtime.logs import fields
from flightmesh.runtime.trouble import Trouble
from shard_node.entry_queue import EntryQueue
from shard_node.ownership import Ownership
from shard_node.slot import Drafts, ShardSlot, SlotStatus

_log = logging.getLogger(__name__)


@final
class IndexFlusher:
    """Writes behind what was committed.

    Args:
        index: the aggregate index.
        snapshots: saved states.
        domain: the domain.
        queue: the session's entries.
        ownership: the session's shards.
        idle_lag: entries that an idle shard's watermark may lag behind.
        snapshot_every: events after which an aggregate is saved; 0 = never.
    """

    def __init__(
        self,
        index: AggregateIndex,
        snapshots: Snapshots,
        domain: DomainModel,
        queue: EntryQueue,
        ownership: Ownership,
        *,
        idle_lag: int,
        snapshot_every: int,
    ) -> None:
        self._index = index
        self._snapshots = snapshots
        self._domain = domain
        self._queue = queue
        self._ownership = ownership
        self._idle_lag = idle_lag
        self._snapshot_every = snapshot_every
        self._at: dict[str, int] = {}
        # Two at once would each take what the other is writing for written (rule 13).
        self._turn = asyncio.Lock()
        self._failed_at = -1

    @property
    def about(self) -> dict[str, int]:
        """What it wrote last or is writing, as fields of logs."""
        return {"session": self._queue.ledger, **self._at}

    @property
    def backlog(self) -> int:
        """Committed records that the index does not have yet."""
        return sum(slot.unflushed for slot in self._ownership.slots.values())

    async def flush(self) -> None:
        """Writes all that is committed now; shard by shard beside another call's.

        Raises:
            StoreError: the store did not say yes; what was not written is kept and tried again,
                after the other shards: what fails again and again keeps none of them waiting.
        """
        for slot in self._in_turn():
            async with self._turn:
                # Rules 11, 12: of a shard asked back before it was recovered not all below the
                # session's head has been read, and no watermark may say so.
                if slot.recovered and slot.status in (SlotStatus.ACTIVE, SlotStatus.DRAINING):
                    self._failed_at = slot.shard
                    await self.flush_slot(slot)
        self._failed_at = -1

    def _in_turn(self) -> list[ShardSlot]:
        """The shards, from the one after that which failed last."""
        last = self._failed_at
        return sorted(
            self._ownership.slots.values(), key=lambda slot: (slot.shard <= last, slot.shard)
        )

    async def flush_slot(self, slot: ShardSlot) -> None:
        """Writes what one shard has committed now; no two at once. Raises StoreError."""
        self._at = {"shard": slot.shard, "epoch": slot.epoch, "records": slot.unflushed}
        if slot.flushing:
            await self._write(slot, slot.flushing)
        committed = self._queue.head + 1
        drafts, head, marks = slot.drafts, slot.head, dict(slot.watermarks)
        idle = not drafts and not marks and head == slot.indexed_head
        if idle and committed - slot.written_watermark <= self._idle_lag:
            return
        # From here to the first await nothing can be committed: drafts hold all below `committed`.
        slot.drafts, slot.flushing, slot.unflushed = {}, drafts, 0
        # Rule 16: the head too if nothing is left but what an earlier, failed flush had to write.
        if drafts or head != slot.indexed_head:
            await self._index.flush(
                slot.shard, [draft.chunk(a) for a, draft in drafts.items()], head
            )
            slot.indexed_head = head
        await self._index.write_watermarks(slot.shard, {**marks, self._queue.ledger: committed})
        slot.flushing = {}
        slot.written_watermark = committed
        for ledger in marks:
            slot.watermarks.pop(ledger, None)
        await self._save_states(slot, drafts)

    async def _write(self, slot: ShardSlot, drafts: Drafts) -> None:
        """Writes again what an earlier flush may have written; without head and watermark."""
        await self._index.flush(slot.shard, [draft.chunk(a) for a, draft in drafts.items()], None)
        slot.flushing = {}

    # --- snapshots --------------------------------------------------------------------------

    async def _save_states(self, slot: ShardSlot, aggregates: Drafts) -> None:
        if not self._snapshot_every:
            return
        for aggregate_id in aggregates:
            cell = slot.memory.cells.get(aggregate_id)
            if cell is not None and self._is_due(cell):
                await self._save_state(aggregate_id, cell)

    def _is_due(self, cell: AggregateCell) -> bool:
        # Only committed state is saved; a cell that is never clean at this moment is saved later.
        is_clean = cell.last_entry <= self._queue.head
        # A snapshot carries the remembered commands: the more of them, the rarer it is.
        interval = max(self._snapshot_every, len(cell.window) // 2)
        return is_clean and cell.sequence - cell.snapshot_sequence >= interval

    async def _save_state(self, aggregate_id: AggregateId, cell: AggregateCell) -> None:
        previous = cell.snapshot_sequence
        snapshot = encode_snapshot(save(cell, self._domain))
        raw = id_bytes(aggregate_id)
        try:
            await self._snapshots.save(raw, snapshot)
            cell.snapshot_sequence = snapshot.sequence
            # The one before is kept in case this one is broken when it is needed.
            await self._snapshots.delete(raw, previous)
        except StoreError as error:
            _log.warning("snapshot not saved: %s", error, extra=fields(aggregate_id=aggregate_id))


async def flush_quietly(flusher: IndexFlusher, trouble: Trouble) -> bool:
    """Flushes; a store that does not answer is no failure, the next round tries again.

    Args:
        flusher: what flushes.
        trouble: told whether it went well.
    """
    try:
        await flusher.flush()
    except CorruptData:
        raise
    except FlightmeshError as error:
        trouble.met(error, **flusher.about)
        return False
    trouble.over(**flusher.about)
    return True
