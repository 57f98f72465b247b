"""Loading one aggregate: snapshot, index, and what only memory has yet."""

import asyncio
import logging
from typing import Final, final

from flightmesh.codec.entries import decode_chunk
from flightmesh.codec.snapshots import decode_snapshot
from flightmesh.errors import CorruptData
from flightmesh.eventsourcing import DomainModel
from flightmesh.eventsourcing.cell import AggregateCell, rebuild
from flightmesh.eventsourcing.record import PlacedRecord, in_order
from flightmesh.ids import AggregateId, id_bytes, id_text
from flightmesh.journal import AggregateIndex, Snapshots
from flightmesh.runtime.logs import fields
from shard_node.known_ids import MOST_IDS, KnownIds
from shard_node.slot import ShardSlot

_log = logging.getLogger(__name__)

# Rough memory, in bytes, that a record leaves behind: objects of the state and of the remembered
# command, beside the record's own bytes. Measured with tracemalloc on rotations of 100 legs.
RECORD_OVERHEAD: Final = 900
_RECORD_BYTES: Final = 250
# Ids read at once: some milliseconds of the event loop.
_ID_PAGE: Final = 500


@final
class AggregateLoader:
    """Reads committed records and builds aggregates from them.

    Args:
        index: the aggregate index.
        snapshots: saved states.
        domain: the domain.
        snapshot_every: aggregates with fewer events have no snapshot; 0 = there are none.
        concurrent: aggregates read at once.
    """

    def __init__(
        self,
        index: AggregateIndex,
        snapshots: Snapshots,
        domain: DomainModel,
        *,
        snapshot_every: int,
        concurrent: int,
    ) -> None:
        self._index = index
        self._snapshots = snapshots
        self._domain = domain
        self._snapshot_every = snapshot_every
        self._permits = asyncio.Semaphore(concurrent)

    async def records(self, slot: ShardSlot, aggregate_id: AggregateId) -> list[PlacedRecord]:
        """All committed records of an aggregate, in order.

        Raises:
            StoreUnavailable: the store cannot be read just now.
            CorruptData: a chunk cannot be read.
        """
        # Memory first: what is flushed in between is then seen twice rather than not at all.
        placed = slot.unindexed(aggregate_id)
        async with self._permits:
            chunks = await self._index.read_chunks(slot.shard, id_bytes(aggregate_id))
        for chunk in chunks:
            placed += decode_chunk(chunk)
        return in_order(placed)

    async def ids(
        self, slot: ShardSlot, scope: str | None, aggregate_type: str, after: str, limit: int
    ) -> list[AggregateId]:
        """Ids above `after` of the shard's aggregates of a scope (None: any) and a type, ascending.

        Raises:
            StoreUnavailable: the store cannot be read just now.
        """
        # Memory first, as above.
        found = {
            aggregate_id
            for drafts in (slot.drafts, slot.flushing)
            for aggregate_id, draft in drafts.items()
            if scope in (None, draft.scope)
            and draft.aggregate_type == aggregate_type
            and aggregate_id > after
        }
        above = id_bytes(AggregateId(after)) if after else b""
        async with self._permits:
            indexed = await self._index.list_aggregates(
                slot.shard, scope, aggregate_type, above, limit
            )
        found.update(AggregateId(id_text(raw)) for raw in indexed)
        return sorted(found)[:limit]

    async def learn_ids(self, slot: ShardSlot, known: KnownIds) -> None:
        """Reads which aggregates a shard holds, unless they are too many to note.

        Args:
            slot: the shard; it is recovered.
            known: what it began to note before (what is flushed meanwhile is then seen twice rather
                than not at all).

        Raises:
            StoreUnavailable: the store cannot be read just now.
        """
        after = b""
        for _ in range(0, MOST_IDS, _ID_PAGE):
            async with self._permits:
                page = await self._index.list_aggregates(slot.shard, None, None, after, _ID_PAGE)
            for raw in page:
                known.add(raw)
            if len(page) < _ID_PAGE:
                known.complete = True
                return
            after = page[-1]

    async def load(self, slot: ShardSlot, aggregate_id: AggregateId) -> AggregateCell:
        """The aggregate with all its committed events; none of its records may be uncommitted.

        Raises:
            StoreUnavailable: the store cannot be read just now.
            CorruptData, UnknownEventType, ProtocolViolation: the aggregate cannot be rebuilt.
        """
        records = await self.records(slot, aggregate_id)
        cell = await self._from_snapshot(aggregate_id, records)
        if cell is None:
            cell = rebuild(aggregate_id, records, self._domain)
        cell.size = (RECORD_OVERHEAD + _RECORD_BYTES) * len(records)
        return cell

    async def _from_snapshot(
        self, aggregate_id: AggregateId, records: list[PlacedRecord]
    ) -> AggregateCell | None:
        if not self._snapshot_every or len(records) < self._snapshot_every:
            return None
        async with self._permits:
            stored = await self._snapshots.load(id_bytes(aggregate_id))
        for snapshot in stored:
            try:
                saved = decode_snapshot(snapshot)
                return rebuild(aggregate_id, records, self._domain, saved)
            except CorruptData as error:
                # Snapshots are a short cut: the next older one will do, and events always do.
                _log.warning(
                    "broken snapshot passed over: %s",
                    error,
                    extra=fields(aggregate_id=aggregate_id, sequence=snapshot.sequence),
                )
        return None
