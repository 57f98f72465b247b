"""Recovery of shards after their claim is won: watermarks, index heads, tails (rules 14-16)."""

import asyncio
from collections.abc import Sequence
from typing import final

from flightmesh.clock import Clock
from flightmesh.codec.entries import decode_entry, encode_indexed, place_prefix, record_of
from flightmesh.errors import OutcomeUnknown, ProtocolViolation, StoreUnavailable
from flightmesh.eventsourcing.record import Record
from flightmesh.journal import AggregateIndex, Journal
from flightmesh.ledger.persistence import Backoff
from flightmesh.ledger.reader import LedgerReader
from shard_node.slot import ShardSlot, SlotStatus

_BACKOFF = Backoff()


@final
class ShardRecovery:
    """Brings claimed shards into a session's memory.

    Args:
        journal: the ledgers.
        index: the aggregate index.
        ledger: the session's own ledger.
        clock: for pauses while the store cannot be read.
    """

    def __init__(self, journal: Journal, index: AggregateIndex, ledger: int, clock: Clock) -> None:
        self._journal = journal
        self._index = index
        self._ledger = ledger
        self._clock = clock
        self._count = 0

    async def recover(self, slots: Sequence[ShardSlot]) -> None:
        """Recovers shards together, reading each ledger once; then they are active.

        Raises:
            CorruptData: an entry cannot be read.
            ProtocolViolation: shard sequences are not contiguous (I4).
        """
        pause_s = _BACKOFF.first_s
        while True:
            try:
                await self._read(slots)
                break
            except (StoreUnavailable, OutcomeUnknown):
                await self._clock.sleep(pause_s)
                pause_s = _BACKOFF.after(pause_s)
        for slot in slots:
            slot.recovered = True
            if slot.status is SlotStatus.RECOVERING:
                slot.status = SlotStatus.ACTIVE

    async def _read(self, slots: Sequence[ShardSlot]) -> None:
        # Each recovery has a chunk key of its own; see ChunkDraft.
        self._count += 1
        tails: dict[int, dict[int, _Tail]] = {}
        # Rule 14: first the watermarks, then the index (its head here, its chunks whenever an
        # aggregate is loaded), then the tails. Each for all shards at once: one after another they
        # would wait for two answers each.
        marks_of = await asyncio.gather(*(self._index.read_watermarks(s.shard) for s in slots))
        heads = await asyncio.gather(*(self._index.read_head(s.shard) for s in slots))
        for slot, marks, head in zip(slots, marks_of, heads, strict=True):
            slot.drafts, slot.unflushed = {}, 0
            slot.head = slot.indexed_head = head
            for ledger in slot.claim.ledgers:  # Rule 15: all of them, not the last one.
                tail = _Tail(slot, marks.get(ledger, 0))
                tails.setdefault(ledger, {})[slot.shard] = tail
        indexed = {slot.shard: slot.head.sequence if slot.head else 0 for slot in slots}
        await self._read_tails(tails)
        for slot in slots:
            if slot.status is not SlotStatus.RECOVERING:
                continue  # asked back: others may write on already, and it will not be served
            mine = [t[slot.shard] for t in tails.values() if slot.shard in t]
            slot.memory.next_sequence = _next_sequence(slot.shard, indexed[slot.shard], mine)

    async def _read_tails(self, tails: "dict[int, dict[int, _Tail]]") -> None:
        readers = [
            LedgerReader(self._journal, ledger, min(t.first for t in tails[ledger].values()))
            for ledger in sorted(tails)
        ]
        # The first batch, mostly the only one, of all ledgers at once.
        batches = await asyncio.gather(*(reader.read_batch() for reader in readers))
        for reader, batch in zip(readers, batches, strict=True):
            await self._read_tail(reader, batch, tails[reader.ledger])

    async def _read_tail(
        self,
        reader: LedgerReader,
        batch: Sequence[tuple[int, bytes]],
        tails: "dict[int, _Tail]",
    ) -> None:
        ledger = reader.ledger
        while batch:
            for number, data in batch:
                self._take_entry(ledger, number, data, tails)
                # An entry may hold hundreds of records; whoever else is served must not wait.
                await asyncio.sleep(0)
            batch = await reader.read_batch()
        for tail in tails.values():
            if ledger != self._ledger:
                # Rule 12: what was read here, after the seal or the release, and no more.
                tail.slot.watermarks[ledger] = max(reader.next_number, tail.first)
                if reader.finished:
                    tail.slot.sealed.add(ledger)

    def _take_entry(self, ledger: int, number: int, data: bytes, tails: "dict[int, _Tail]") -> None:
        _, _, committed_at_us, messages = decode_entry(data)
        prefix = place_prefix(ledger, number, committed_at_us)
        for message in messages:
            tail = tails.get(message.shard)
            if tail is None or number < tail.first:
                continue
            record = record_of(message)
            frame = encode_indexed(prefix, message.SerializeToString())
            tail.slot.add_committed(record, frame, (ledger, number), (self._ledger, -self._count))
            tail.see(record)


@final
class _Tail:
    """What one ledger holds of one shard above its watermark."""

    def __init__(self, slot: ShardSlot, first: int) -> None:
        self.slot = slot
        self.first = first
        self.events: list[tuple[int, int]] = []

    def see(self, record: Record) -> None:
        if record.events:
            first = record.first_shard_sequence
            self.events.append((first, first + len(record.events)))


def _next_sequence(shard: int, indexed: int, tails: Sequence[_Tail]) -> int:
    """Rule 16: the number after the index's head and after the tails."""
    following = indexed + 1
    for first, after in sorted(event for tail in tails for event in tail.events):
        if first <= indexed:
            continue  # flushed by its owner before, perhaps without its watermark
        if first != following:
            raise ProtocolViolation(f"shard {shard}: sequence {first} follows {following - 1} (I4)")
        following = after
    return following
