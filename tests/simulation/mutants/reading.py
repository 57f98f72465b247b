"""Rules 21 to 24: segments and readers."""

from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

from flightmesh.codec.entries import encode_entry
from flightmesh.ledger.writer import LedgerWriter
from read_node.follower import Follower
from read_node.sequencer import Sequencer
from shard_node.entry_queue import EntryQueue

Patches = Iterator[Any]


def open_before_marker() -> Patches:
    send = LedgerWriter._send

    async def roll(self: Any) -> None:
        segment, head = self._segment, self._head
        await send(
            self,
            lambda: self._journal.open_segment(self.ledger, segment + 1, self._token, head + 1),
        )
        self._segment, self._segment_first, self._segment_bytes = segment + 1, head + 1, 0
        await send(self, lambda: self._journal.roll(self.ledger, segment, self._token, head))

    yield patch.object(LedgerWriter, "_roll", roll)


def published_before_commit() -> Patches:
    write = EntryQueue._write

    async def early(self: Any, entry: Any, listener: Any) -> float:
        data = encode_entry(
            self.ledger, entry.number, self._clock.now_us(), [d.data for d in entry.decided]
        )
        await listener.entry_answered(entry.number, data)
        return await write(self, entry, listener)

    yield patch.object(EntryQueue, "_write", early)


def reader_does_not_ask() -> Patches:
    async def never(self: Any) -> None: ...

    yield patch.object(Follower, "_poll", never)


def oldest_ledger_first() -> Patches:
    def accept(self: Any, progress: Any, records: Sequence[Any]) -> None:
        for record in records:
            if record.first_shard_sequence:
                self._apply(record)
        progress.applied = progress.next
        progress.next += 1

    yield patch.object(Sequencer, "accept", accept)


def position_counts_held() -> Patches:
    accept = Sequencer.accept

    def counted(self: Any, progress: Any, records: Any) -> None:
        accept(self, progress, records)
        progress.applied = progress.next - 1

    yield patch.object(Sequencer, "accept", counted)
