"""Decides when the read node saves its model, and which saved one it starts from.

A snapshot only saves time: whatever is wrong with one, it is passed over with a warning and the
model is built from the ledgers. The follower rests while the model is copied, in slices between
which queries are answered; writing the copy needs no rest and is done on a thread of its own.
"""

import asyncio
import logging
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, final

import msgspec

from flightmesh.clock import Clock
from flightmesh.errors import CorruptData, FlightmeshError, StoreError
from flightmesh.journal import Journal, SegmentState
from read_node.follower import Follower
from read_node.model_image import ModelPiece, image_of
from read_node.projection import Projection, StoredRecord
from read_node.snapshot_content import (
    PROGRAM,
    Header,
    HeldRecord,
    LedgerMark,
    Loaded,
    ScopeImage,
    read_header,
    read_models,
    write_blocks,
)
from read_node.snapshot_file import read_snapshot, snapshots_in, write_snapshot

_log = logging.getLogger(__name__)
T = TypeVar("T")

# Ledgers asked for at a time, when a snapshot is checked against the journal.
_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class SnapshotPlan:
    """Where and when snapshots are saved.

    Attributes:
        folder: where they lie.
        store: names the store; a snapshot of one of another name is never used.
        interval_s: seconds between two looks whether one is due.
        events: events applied since the last that make one due.
        slice_s: seconds of copying after which queries get their turn.
        retry_s: seconds before the journal is asked again after an error.
    """

    folder: Path
    store: str = ""
    interval_s: float = 60.0
    events: int = 50_000
    slice_s: float = 0.005
    retry_s: float = 0.5


@dataclass(slots=True)
class SnapshotStatistics:
    """What became of snapshots.

    Attributes:
        saved: snapshots written.
        failed: snapshots that could not be written.
        passed_over: snapshots found at the start that were of no use.
        loaded_events: events in the snapshot that the node started from; 0 if from none.
        rest_s: how long the follower rested for the last one.
        longest_slice_s: longest time without a turn for queries in that rest.
    """

    saved: int = 0
    failed: int = 0
    passed_over: int = 0
    loaded_events: int = 0
    rest_s: float = 0.0
    longest_slice_s: float = 0.0


@final
class SnapshotKeeper:
    """Saves and loads snapshots of one read node.

    Args:
        plan: where and when.
        journal: what snapshots are checked against.
        clock: for intervals.
        follower: what rests meanwhile, and goes on from a snapshot.
        projection: the models.
        write_record: bytes of a record.
        read_record: the record of such bytes.

    Attributes:
        statistics: what became of them.
    """

    def __init__(
        self,
        plan: SnapshotPlan,
        journal: Journal,
        clock: Clock,
        *,
        follower: Follower,
        projection: Projection,
        write_record: Callable[[StoredRecord], bytes],
        read_record: Callable[[bytes], StoredRecord],
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._clock = clock
        self._follower = follower
        self._projection = projection
        self._write_record = write_record
        self._read_record = read_record
        self._writers: dict[int, bytes] = {}
        self._saved_events = 0
        self._lock = asyncio.Lock()
        # One thread, so that the files are written one after the other.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read-node-snapshots")
        self.statistics = SnapshotStatistics()

    # Loading

    async def load(self) -> bool:
        """Starts from the newest snapshot that is of use; returns whether there was one."""
        for path in await self._in_thread(snapshots_in, self._plan.folder):
            try:
                loaded = await self._read(path)
            except (CorruptData, OSError) as error:
                self.statistics.passed_over += 1
                _log.warning("snapshot %s is passed over: %s", path.name, error)
                continue
            self._take_over(loaded)
            _log.info("%s holds %d events", path.name, loaded.header.events)
            return True
        return False

    async def _read(self, path: Path) -> Loaded:
        blocks = read_snapshot(path)
        try:
            header = await self._in_thread(read_header, blocks)
            if header.store != self._plan.store:
                raise CorruptData(f"it is of the store {header.store!r}")
            await self._check(header)
            return await self._in_thread(read_models, header, blocks)
        finally:
            await self._in_thread(_close, blocks)

    async def _check(self, header: Header) -> None:
        """Raises CorruptData unless the journal holds all that the snapshot was made of."""
        known = {row.ledger for row in await self._ask(self._journal.list_directory)}
        if unknown := {mark.ledger for mark in header.ledgers} - known:
            raise CorruptData(f"the journal has no ledger {min(unknown)}")
        for start in range(0, len(header.ledgers), _AT_ONCE):
            marks = header.ledgers[start : start + _AT_ONCE]
            covered = await asyncio.gather(*(self._covers(mark) for mark in marks))
            for mark, covers in zip(marks, covered, strict=True):
                if not covers:
                    raise CorruptData(f"ledger {mark.ledger} is another one, or shorter")
                self._writers[mark.ledger] = mark.writer

    async def _covers(self, mark: LedgerMark) -> bool:
        segment = 0
        row = await self._ask(self._journal.read_segment, mark.ledger, segment)
        if row is None or row.writer != mark.writer:
            return False
        while row.state is SegmentState.ROLLED and (mark.finished or row.head < mark.next - 1):
            segment += 1
            following = await self._ask(self._journal.read_segment, mark.ledger, segment)
            if following is None:
                return False
            row = following
        if mark.finished:
            return row.state is SegmentState.SEALED and bool(row.head == mark.next - 1)
        return bool(row.head >= mark.next - 1)

    async def _ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """The journal's answer; asks until there is one, as the replay does."""
        while True:
            try:
                return await call(*arguments)
            except CorruptData:
                raise
            except StoreError as error:
                _log.warning("the journal cannot be read: %s", error)
                await self._clock.sleep(self._plan.retry_s)

    def _take_over(self, loaded: Loaded) -> None:
        header, sequencer = loaded.header, self._follower.sequencer
        held = [(h.ledger, h.entry, self._read_record(h.data)) for h in header.held]
        for mark in header.ledgers:
            progress = sequencer.ledger(mark.ledger)
            progress.next, progress.finished = mark.next, mark.finished
        sequencer.load(header.shards, held)
        self._projection.load(loaded.scopes, header.quarantined, header.events, header.left_out)
        self._follower.progress.moved()
        self._saved_events = self.statistics.loaded_events = header.events

    # Saving

    async def run(self) -> None:
        """Saves whenever one is due, until cancelled."""
        await self._follower.ready.wait()
        while True:
            if self._projection.events - self._saved_events >= self._plan.events:
                await self.save()
            await self._clock.sleep(self._plan.interval_s)

    async def save(self) -> bool:
        """Saves the model as it is now, if it has changed; returns whether it is saved."""
        async with self._lock:
            if self._projection.events == self._saved_events:
                return False
            try:
                await self._save()
            except (FlightmeshError, OSError) as error:
                self.statistics.failed += 1
                _log.warning("the model could not be saved: %s", error)
                return False
            return True

    async def close(self) -> None:
        """Returns when nothing is being written any more. Idempotent."""
        await asyncio.to_thread(self._thread.shutdown)

    async def _save(self) -> None:
        async with self._follower.at_rest():
            began = self._clock.monotonic_s()
            header = self._header()
            pieces = await self._copy()
            self.statistics.rest_s = self._clock.monotonic_s() - began
        marks = tuple([await self._identified(mark) for mark in header.ledgers])
        header = msgspec.structs.replace(header, ledgers=marks)
        folder, blocks = self._plan.folder, write_blocks(header, pieces)
        path = await self._in_thread(write_snapshot, folder, blocks)
        self._saved_events = header.events
        self.statistics.saved += 1
        _log.info("%s saved with %d events", path.name, header.events)

    def _header(self) -> Header:
        """What a snapshot says of itself; the ledgers' writers are still to be asked for."""
        projection, sequencer = self._projection, self._follower.sequencer
        return Header(
            PROGRAM,
            self._plan.store,
            tuple(
                LedgerMark(ledger, b"", progress.next, progress.finished)
                for ledger, progress in sorted(sequencer.ledgers.items())
                if progress.next or progress.finished
            ),
            sequencer.shards(),
            tuple(
                HeldRecord(ledger, entry, self._write_record(record))
                for ledger, entry, record in sequencer.held_records()
            ),
            projection.events,
            projection.left_out,
            dict(projection.quarantined),
            tuple(
                ScopeImage(scope.name, scope.dropped, len(scope.models))
                for scope in projection.schedules.scopes()
            ),
        )

    async def _copy(self) -> list[ModelPiece]:
        """The pieces of all models, copied in slices."""
        pieces: list[ModelPiece] = []
        began = self._clock.monotonic_s()
        longest = 0.0
        for scope in self._projection.schedules.scopes():
            for model in scope.models:
                for piece in image_of(model):
                    pieces.append(piece)
                    took = self._clock.monotonic_s() - began
                    if took > self._plan.slice_s:
                        longest = max(longest, took)
                        await asyncio.sleep(0)
                        began = self._clock.monotonic_s()
        self.statistics.longest_slice_s = longest
        return pieces

    async def _identified(self, mark: LedgerMark) -> LedgerMark:
        writer = self._writers.get(mark.ledger)
        if writer is None:
            row = await self._journal.read_segment(mark.ledger, 0)
            if row is None:
                raise StoreError(f"ledger {mark.ledger} cannot be found")
            writer = self._writers[mark.ledger] = row.writer
        return msgspec.structs.replace(mark, writer=writer)

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, call, *arguments)


def _close(blocks: Iterator[bytes]) -> None:
    """Lets go of the file."""
    if isinstance(blocks, Generator):
        blocks.close()
