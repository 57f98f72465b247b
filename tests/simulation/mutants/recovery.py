"""Rules 11 to 16: index, watermarks, recovery."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from flightmesh.errors import StoreError
from flightmesh.journal.memory import InMemoryAggregateIndex, InMemoryJournal
from shard_node import recovery as recovery_module
from shard_node.index_flusher import IndexFlusher
from shard_node.known_ids import KnownIds
from shard_node.recovery import ShardRecovery
from shard_node.slot import ShardSlot

Patches = Iterator[Any]


def watermark_per_ledger() -> Patches:
    write = InMemoryAggregateIndex.write_watermarks

    async def for_all(self: Any, shard: int, watermarks: Any) -> None:
        for each in range(8):
            await write(self, each, watermarks)

    yield patch.object(InMemoryAggregateIndex, "write_watermarks", for_all)


def zombie_watermark_believed() -> Patches:
    flush_slot = IndexFlusher.flush_slot

    async def flush(self: Any, slot: Any) -> None:
        # States of every ledger how far it is now, whoever wrote it and whatever was read of it.
        marks = {}
        for (ledger, _), segment in _JOURNALS[-1]._segments.items():
            if ledger != self._queue.ledger:
                marks[ledger] = max(marks.get(ledger, 0), segment.row.head + 1)
        if slot.drafts or slot.watermarks:
            await self._index.write_watermarks(slot.shard, marks)
        await flush_slot(self, slot)

    yield _watch_journals()
    yield patch.object(IndexFlusher, "flush_slot", flush)


_JOURNALS: list[Any] = []


def _watch_journals() -> Any:
    begin = InMemoryJournal.__init__

    def noted(self: Any) -> None:
        begin(self)
        _JOURNALS[:] = [self]

    return patch.object(InMemoryJournal, "__init__", noted)


def watermark_before_index() -> Patches:
    flush_slot = IndexFlusher.flush_slot

    async def careless(self: Any, slot: Any) -> None:
        index = self._index

        async def flush(*arguments: Any) -> None:
            try:
                await index.flush(*arguments)
            except StoreError:
                return  # as if it were a yes

        self._index = SimpleNamespace(flush=flush, write_watermarks=index.write_watermarks)
        try:
            await flush_slot(self, slot)
        finally:
            self._index = index

    yield patch.object(IndexFlusher, "flush_slot", careless)


def index_before_watermarks() -> Patches:
    read = ShardRecovery._read

    async def late_marks(self: Any, slots: Any) -> None:
        if "heads" not in self.__dict__:
            self.heads, self.index = {}, self._index

            async def read_head(shard: int) -> Any:
                return self.heads[shard]

            self._index = SimpleNamespace(
                read_head=read_head, read_watermarks=self.index.read_watermarks
            )
        for slot in slots:
            self.heads[slot.shard] = await self.index.read_head(slot.shard)
        await self._clock.sleep(0.5)
        await read(self, slots)

    yield patch.object(ShardRecovery, "_read", late_marks)


def only_newest_tail() -> Patches:
    read = ShardRecovery._read

    async def newest(self: Any, slots: Any) -> None:
        claims = {slot: slot.claim for slot in slots}
        for slot, claim in claims.items():
            others = [n for n in claim.ledgers if n != self._ledger]
            slot.claim = replace(claim, ledgers=(*others[-1:], self._ledger))
        try:
            await read(self, slots)
        finally:
            for slot, claim in claims.items():
                slot.claim = claim

    yield patch.object(ShardRecovery, "_read", newest)


def head_not_used() -> Patches:
    following = recovery_module._next_sequence

    def from_tails(shard: int, indexed: int, tails: Any) -> int:
        firsts = [first for tail in tails for first, _ in tail.events]
        return following(shard, min(firsts) - 1 if firsts else 0, tails)

    yield patch.object(recovery_module, "_next_sequence", from_tails)


def tails_unheard_of() -> Patches:
    def begin(self: Any) -> KnownIds:
        self.ids = KnownIds(())
        return self.ids

    yield patch.object(ShardSlot, "begin_ids", begin)


def later_ones_unheard_of() -> Patches:
    add_committed = ShardSlot.add_committed

    def add(self: Any, *record: Any) -> None:
        ids, self.ids = self.ids, None
        add_committed(self, *record)
        self.ids = ids

    yield patch.object(ShardSlot, "add_committed", add)
