"""Rules 17 to 20: entries, answers, command ids."""

import asyncio
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from flightmesh.codec.entries import encode_entry
from flightmesh.errors import OutcomeUnknown, Refused, SessionFenced, StoreError
from flightmesh.eventsourcing import cell as cell_module
from flightmesh.eventsourcing.shard_state import ShardState
from flightmesh.eventsourcing.window import CommandWindow
from flightmesh.journal import Conditional, SegmentRow, SegmentState
from flightmesh.ledger import writer as writer_module
from flightmesh.ledger.writer import LedgerWriter
from shard_node.entry_queue import EntryQueue
from shard_node.intake import Intake
from shard_node.replies import answer

Patches = Iterator[Any]


def request_after_unknown() -> Patches:
    until_definite = writer_module.until_definite

    async def taken_for_done(request: Any, clock: Any, *rest: Any) -> Any:
        try:
            return await request()
        except OutcomeUnknown:
            return Conditional(True, SegmentRow(SegmentState.OPEN, b"", 0, 0))
        except StoreError:
            return await until_definite(request, clock, *rest)

    yield patch.object(writer_module, "until_definite", taken_for_done)


def entry_content_changes() -> Patches:
    write, find = EntryQueue._write, EntryQueue.find

    def found(self: Any, number: int) -> Any:
        # What went along is still known by the number it was to have.
        newest = self._entries[-1].number if self._entries else number
        return find(self, min(number, newest))

    async def waited(self: Any, number: int) -> None:
        entry = found(self, number)
        if entry is not None:
            await asyncio.shield(entry.committed())

    async def grown(self: Any, entry: Any, listener: Any) -> float:
        writer, again = self._writer, LedgerWriter._send

        async def send(ledger_writer: Any, request: Any) -> Any:
            try:
                return await request()
            except StoreError:
                # What has come meanwhile goes along.
                for other in list(self._entries)[1:]:
                    other.number = entry.number
                    entry.decided += other.decided
                    entry.waiting += other.waiting
                    entry.repeats += other.repeats
                    self._entries.remove(other)
                self._next = entry.number + 1
                data = encode_entry(
                    self.ledger, entry.number, self._last_time_us, [d.data for d in entry.decided]
                )
                cells = request.__closure__ or ()
                for closed in cells:
                    if isinstance(closed.cell_contents, bytes):
                        closed.cell_contents = data
                return await again(ledger_writer, request)

        writer._send = lambda request: send(writer, request)
        return await write(self, entry, listener)

    yield patch.object(EntryQueue, "_write", grown)
    yield patch.object(EntryQueue, "find", found)
    yield patch.object(EntryQueue, "wait_committed", waited)


def acknowledge_before_commit() -> Patches:
    write = EntryQueue._write

    async def early(self: Any, entry: Any, listener: Any) -> float:
        replies = listener._intake._replies
        position = replies.position(self.ledger, entry.number)
        waiting, entry.waiting = entry.waiting, []
        for record, task in waiting:
            answer(replies, task, record, position)
        return await write(self, entry, listener)

    yield patch.object(EntryQueue, "_write", early)


def repeat_answered_at_once() -> Patches:
    def at_once(self: Any, slot: Any, task: Any, known: Any) -> None:
        self._repeats.answer(slot, task, known)

    yield patch.object(Intake, "_repeat", at_once)


def fenced_means_failed() -> Patches:
    abandon = EntryQueue.abandon

    def fail(self: Any, error: Exception) -> None:
        told = (
            Refused("FAILED", "the command failed") if isinstance(error, SessionFenced) else error
        )
        abandon(self, told)

    yield patch.object(EntryQueue, "abandon", fail)


def ids_not_recovered() -> Patches:
    yield patch.object(cell_module, "_remember", lambda *_: None)


def refusals_unrecorded() -> Patches:
    recorded = ShardState._recorded

    def told_only(self: Any, cell: Any, envelope: Any, scope: Any) -> Any:
        record = recorded(self, cell, envelope, scope)
        if record.rejection is not None and cell is not None and cell.last_used_s:
            raise Refused(record.rejection.reason, record.rejection.message)
        return record

    yield patch.object(ShardState, "_recorded", told_only)


def too_old_accepted() -> Patches:
    yield patch.object(CommandWindow, "is_too_old", lambda *_: False)
