"""Rules of docs/protocol.md, each switched off by a patch: the simulation must find what follows.

A mutant replaces a part of the product for the runs of one process. It is no switch in the product:
what keeps a rule cannot be turned off there. `make sim-mutants` prints how many seeds each needs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from coordinator import bootstrap as coordinator_bootstrap
from coordinator.node_link import NodeLink
from flightmesh.codec.entries import encode_entry
from flightmesh.errors import OutcomeUnknown, Refused, SessionFenced, StoreError
from flightmesh.eventsourcing import cell as cell_module
from flightmesh.eventsourcing.shard_state import ShardState
from flightmesh.eventsourcing.window import CommandWindow
from flightmesh.journal import Conditional, SegmentRow, SegmentState
from flightmesh.journal.memory import InMemoryAggregateIndex, InMemoryJournal
from flightmesh.ledger import writer as writer_module
from flightmesh.ledger.writer import LedgerWriter
from flightmesh.registry.registration import RegistrationKeeper
from read_node.follower import Follower
from read_node.sequencer import Sequencer
from shard_node import recovery as recovery_module
from shard_node.entry_queue import EntryQueue
from shard_node.index_flusher import IndexFlusher
from shard_node.intake import Intake
from shard_node.ownership import Ownership
from shard_node.recovery import ShardRecovery
from shard_node.replies import answer
from shard_node.session import Session

Patches = Iterator[Any]


def _acknowledge_before_commit() -> Patches:
    write = EntryQueue._write

    async def early(self: Any, entry: Any, listener: Any) -> None:
        replies = listener._intake._replies
        position = replies.position(self.ledger, entry.number)
        waiting, entry.waiting = entry.waiting, []
        for record, task in waiting:
            answer(replies, task, record, position)
        await write(self, entry, listener)

    yield patch.object(EntryQueue, "_write", early)


def _no_claim() -> Patches:
    claim, find_sealed = Ownership._claim, Ownership.find_sealed

    async def anybody(ledgers: Any) -> set[int]:
        return set(ledgers)

    async def take(self: Any, wanted: Any) -> Any:
        self.__dict__.setdefault("seals", self._seals)
        self._seals = SimpleNamespace(among=anybody)
        return await claim(self, wanted)

    async def find(self: Any) -> None:
        self._seals = self.__dict__.get("seals", self._seals)
        await find_sealed(self)

    yield patch.object(Ownership, "_claim", take)
    yield patch.object(Ownership, "find_sealed", find)


def _no_seal_before_reassign() -> Patches:
    async def nothing(journal: Any, ledger: int, clock: Any) -> int:
        return -1

    yield patch.object(coordinator_bootstrap, "seal_ledger", nothing)


def _no_claim_and_no_seal() -> Patches:
    yield from _no_claim()
    yield from _no_seal_before_reassign()


def _ids_not_recovered() -> Patches:
    yield patch.object(cell_module, "_remember", lambda *_: None)


def _zombie_watermark_believed() -> Patches:
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


def _release_without_gathering() -> Patches:
    give_back = Ownership._give_back

    async def at_once(self: Any, slots: Any) -> None:
        async def no_wait(number: int) -> None: ...

        queue = self._queue
        self._queue = SimpleNamespace(ledger=queue.ledger, wait_committed=no_wait)
        try:
            await give_back(self, slots)
        finally:
            self._queue = queue

    yield patch.object(Ownership, "_give_back", at_once)


def _request_after_unknown() -> Patches:
    until_definite = writer_module.until_definite

    async def taken_for_done(request: Any, clock: Any, *rest: Any) -> Any:
        try:
            return await request()
        except OutcomeUnknown:
            return Conditional(True, SegmentRow(SegmentState.OPEN, b"", 0, 0))
        except StoreError:
            return await until_definite(request, clock, *rest)

    yield patch.object(writer_module, "until_definite", taken_for_done)


def _entry_content_changes() -> Patches:
    write = EntryQueue._write

    async def grown(self: Any, entry: Any, listener: Any) -> None:
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
        await write(self, entry, listener)

    yield patch.object(EntryQueue, "_write", grown)


def _refusals_unrecorded() -> Patches:
    recorded = ShardState._recorded

    def told_only(self: Any, cell: Any, envelope: Any, scope: Any) -> Any:
        record = recorded(self, cell, envelope, scope)
        if record.rejection is not None and cell is not None and cell.last_used_s:
            raise Refused(record.rejection.reason, record.rejection.message)
        return record

    yield patch.object(ShardState, "_recorded", told_only)


def _oldest_ledger_first() -> Patches:
    def accept(self: Any, progress: Any, records: Sequence[Any]) -> None:
        for record in records:
            if record.first_shard_sequence:
                self._apply(record)
        progress.applied = progress.next
        progress.next += 1

    yield patch.object(Sequencer, "accept", accept)


def _fenced_means_failed() -> Patches:
    abandon = EntryQueue.abandon

    def fail(self: Any, error: Exception) -> None:
        told = (
            Refused("FAILED", "the command failed") if isinstance(error, SessionFenced) else error
        )
        abandon(self, told)

    yield patch.object(EntryQueue, "abandon", fail)


def _sealer_does_not_create() -> Patches:
    seal = InMemoryJournal.seal

    async def only_present(self: Any, ledger: int, segment: int, first: int) -> Conditional:
        if (ledger, segment) not in self._segments:
            return Conditional(True, SegmentRow(SegmentState.SEALED, b"", first, first - 1))
        return await seal(self, ledger, segment, first)

    yield patch.object(InMemoryJournal, "seal", only_present)


def _memory_kept() -> Patches:
    drop, begin = Ownership._drop, Ownership._begin

    def keep(self: Any, slots: Any) -> None:
        slots = list(slots)
        kept = self.__dict__.setdefault("kept", {})
        kept.update((slot.shard, slot.memory) for slot in slots)
        drop(self, slots)

    def reuse(self: Any, claims: Any, epochs: Any) -> None:
        begin(self, claims, epochs)
        for claim in claims:
            memory, slot = (
                self.__dict__.get("kept", {}).get(claim.shard),
                self.slots.get(claim.shard),
            )
            if memory is not None and slot is not None:
                slot.memory.cells = memory.cells

    yield patch.object(Ownership, "_drop", keep)
    yield patch.object(Ownership, "_begin", reuse)


def _questions_not_repeated() -> Patches:
    assign, release = NodeLink.assign, NodeLink.release

    def once(ask: Any, name: str) -> Any:
        def asked(self: Any, shards: Any, on_answer: Any) -> None:
            known = self.__dict__.setdefault(name, set())
            new = {s: e for s, e in shards.items() if (s, e) not in known}
            known.update(new.items())
            ask(self, new, on_answer)

        return asked

    yield patch.object(NodeLink, "assign", once(assign, "assigned_once"))
    yield patch.object(NodeLink, "release", once(release, "released_once"))


def _registration_not_renewed() -> Patches:
    renew = RegistrationKeeper.renew

    async def once(self: Any) -> None:
        if not self._lease or await self._registry.keep_alive(self._lease):
            await renew(self)

    yield patch.object(RegistrationKeeper, "renew", once)


def _seal_not_noticed() -> Patches:
    async def never(self: Any) -> None: ...

    yield patch.object(Session, "_watch_seal", never)


def _watermark_per_ledger() -> Patches:
    write = InMemoryAggregateIndex.write_watermarks

    async def for_all(self: Any, shard: int, watermarks: Any) -> None:
        for each in range(8):
            await write(self, each, watermarks)

    yield patch.object(InMemoryAggregateIndex, "write_watermarks", for_all)


def _watermark_before_index() -> Patches:
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


def _index_before_watermarks() -> Patches:
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


def _only_newest_tail() -> Patches:
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


def _head_not_used() -> Patches:
    following = recovery_module._next_sequence

    def from_tails(shard: int, indexed: int, tails: Any) -> int:
        firsts = [first for tail in tails for first, _ in tail.events]
        return following(shard, min(firsts) - 1 if firsts else 0, tails)

    yield patch.object(recovery_module, "_next_sequence", from_tails)


def _repeat_answered_at_once() -> Patches:
    def at_once(self: Any, slot: Any, task: Any, known: Any) -> None:
        self._repeats.answer(slot, task, known)

    yield patch.object(Intake, "_repeat", at_once)


def _too_old_accepted() -> Patches:
    yield patch.object(CommandWindow, "is_too_old", lambda *_: False)


def _published_before_commit() -> Patches:
    write = EntryQueue._write

    async def early(self: Any, entry: Any, listener: Any) -> None:
        data = encode_entry(
            self.ledger, entry.number, self._clock.now_us(), [d.data for d in entry.decided]
        )
        await listener.entry_answered(entry.number, data)
        await write(self, entry, listener)

    yield patch.object(EntryQueue, "_write", early)


def _reader_does_not_ask() -> Patches:
    async def never(self: Any) -> None: ...

    yield patch.object(Follower, "_poll", never)


def _position_counts_held() -> Patches:
    accept = Sequencer.accept

    def counted(self: Any, progress: Any, records: Any) -> None:
        accept(self, progress, records)
        progress.applied = progress.next - 1

    yield patch.object(Sequencer, "accept", counted)


def _open_before_marker() -> Patches:
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


MUTANTS: dict[str, Callable[[], Patches]] = {
    "1 a claim is taken whoever holds it": _no_claim,
    "3 the sealer does not create what is absent": _sealer_does_not_create,
    "5 no seal before reassign": _no_seal_before_reassign,
    "5 no claim and no seal": _no_claim_and_no_seal,
    "6 release without the gathering entry": _release_without_gathering,
    "7 the memory of a released shard is kept": _memory_kept,
    "8 questions are not repeated": _questions_not_repeated,
    "10 a lost lease is the end": _registration_not_renewed,
    "10 an idle session does not notice its seal": _seal_not_noticed,
    "11 a watermark counts for all shards": _watermark_per_ledger,
    "12 the zombie's watermark believed": _zombie_watermark_believed,
    "13 a watermark without a yes for the index": _watermark_before_index,
    "14 the index is read before the watermarks": _index_before_watermarks,
    "15 only the newest ledger's tail is read": _only_newest_tail,
    "16 the index's head is not used": _head_not_used,
    "17 request after one of unknown outcome": _request_after_unknown,
    "17 an entry grows between its tries": _entry_content_changes,
    "17 acknowledge before commit": _acknowledge_before_commit,
    "18 a repeat is answered before its first try is in": _repeat_answered_at_once,
    "18 fenced means failed": _fenced_means_failed,
    "18 ids not recovered": _ids_not_recovered,
    "19 refusals unrecorded": _refusals_unrecorded,
    "20 forgotten ids are accepted": _too_old_accepted,
    "21 the next segment before the marker": _open_before_marker,
    "22 published before the commit": _published_before_commit,
    "23 a reader in silence does not ask": _reader_does_not_ask,
    "24 oldest-ledger-first reading": _oldest_ledger_first,
    "24 the position counts what is held back": _position_counts_held,
}


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Switches a rule off meanwhile."""
    with ExitStack() as stack:
        for each in MUTANTS[name]():
            stack.enter_context(each)
        yield
