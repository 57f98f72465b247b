"""Group commit: entries being gathered, and the loop that writes them one after another.

While one entry is written the next one gathers. At low load a command is written at once. After an
entry of several commands the next one is given a moment to gather as many as were waiting for this
one: an append costs the store as much as a dozen commands, so many small entries leave less of the
machine to the commands themselves. Entries and the queue are bounded. Everything here belongs to
one session.
"""

import asyncio
import math
from collections import deque
from typing import Final, NamedTuple, Protocol, final

from flightmesh.clock import Clock
from flightmesh.codec.entries import encode_entry, encode_record
from flightmesh.errors import Overloaded, ProtocolViolation, SessionFenced
from flightmesh.eventsourcing.record import Record
from shard_node.slot import ShardSlot, Task

# An entry of fewer commands is followed by no pause: a caller or two who take turns shall not wait.
_FEW: Final = 4


class EntryWriter(Protocol):
    """The ledger's writer; see flightmesh.ledger.writer."""

    @property
    def ledger(self) -> int:
        """Number of the ledger."""

    async def append(self, data: bytes) -> int:
        """Adds an entry durably; returns its number. Raises SessionFenced."""


class Decided(NamedTuple):
    """A record with the bytes it is stored as."""

    slot: ShardSlot
    record: Record
    data: bytes


@final
class OpenEntry:
    """An entry that is not committed yet.

    Attributes:
        number: its number.
        decided: its records.
        waiting: commands answered with a record of it: (record, task).
        repeats: repeated commands whose first try is in it: (slot, task).
        size: bytes of its records.
    """

    __slots__ = ("_committed", "decided", "number", "repeats", "size", "waiting")

    def __init__(self, number: int) -> None:
        self.number = number
        self.decided: list[Decided] = []
        self.waiting: list[tuple[Record, Task]] = []
        self.repeats: list[tuple[ShardSlot, Task]] = []
        self.size = 0
        self._committed: asyncio.Future[None] | None = None

    def committed(self) -> "asyncio.Future[None]":
        """Done when the entry is committed; raises SessionFenced if it cannot be."""
        if self._committed is None:
            self._committed = asyncio.get_running_loop().create_future()
        return self._committed

    def tell(self, error: Exception | None) -> None:
        """Wakes whoever waits for `committed`."""
        future = self._committed
        if future is None or future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
            future.exception()  # its waiter may be gone; that is no failure of ours


class CommitListener(Protocol):
    """What happens after an entry is committed."""

    def entry_committed(self, entry: OpenEntry, committed_at_us: int) -> None:
        """Takes the records in and answers the commands. Must not fail."""

    async def entry_answered(self, number: int, data: bytes) -> None:
        """Publishes the entry."""


@final
class EntryQueue:
    """Gathers decided commands into entries and writes them in order.

    Args:
        writer: writes the ledger; only this object uses it.
        clock: for commit times.
        max_commands: commands in one entry.
        max_bytes: bytes of records in one entry.
        max_queued: commands that wait.
        max_pause_s: longest time that an entry is given to gather; never longer than an append.

    Attributes:
        ledger: number of the ledger.
        head: number of the last committed entry; -1 if there is none.
        commands: commands answered so far.
        paused: whether commands are refused because the index lags too far behind.
        appended_s: when the last append that succeeded began: the ledger was not sealed then.
    """

    def __init__(
        self,
        writer: EntryWriter,
        clock: Clock,
        *,
        max_commands: int,
        max_bytes: int,
        max_queued: int,
        max_pause_s: float,
    ) -> None:
        self.ledger = writer.ledger
        self.head = -1
        self.commands = 0
        self.paused = False
        self.appended_s = -math.inf
        self._writer = writer
        self._clock = clock
        self._max_commands = max_commands
        self._max_bytes = max_bytes
        self._max_queued = max_queued
        self._max_pause_s = max_pause_s
        self._entries: deque[OpenEntry] = deque()
        self._in_flight: OpenEntry | None = None
        self._queued = 0
        self._next = 0
        self._last_time_us = 0
        self._wake: asyncio.Future[None] | None = None
        # Commands in the gathering entry that end the wait.
        self._enough = 1

    @property
    def queued(self) -> int:
        """Commands that wait for their entry."""
        return self._queued

    @property
    def newest(self) -> int:
        """Number of the newest entry, committed or not; -1 if there is none."""
        return self._next - 1

    def next_number(self) -> int:
        """Number of the entry that the next record goes into.

        Raises:
            Overloaded: too many commands wait.
        """
        if self._queued >= self._max_queued or self.paused:
            raise Overloaded("too many commands wait to be written")
        entry = self._gathering()
        return self._next if entry is None else entry.number

    def _gathering(self) -> OpenEntry | None:
        """The entry that takes records; None if the next record begins a new one."""
        entry = self._entries[-1] if self._entries else None
        if (
            entry is None
            or entry is self._in_flight
            or len(entry.decided) >= self._max_commands
            or entry.size >= self._max_bytes
        ):
            return None
        return entry

    def add(self, slot: ShardSlot, record: Record, task: Task) -> int:
        """Puts a new record into the entry that `next_number` named; returns its size in bytes."""
        data = encode_record(record)  # first: if it fails, nothing has changed
        entry = self._gathering()
        if entry is None:
            entry = OpenEntry(self._next)
            self._next += 1
            self._entries.append(entry)
        entry.decided.append(Decided(slot, record, data))
        entry.waiting.append((record, task))
        entry.size += len(data)
        slot.last_entry = entry.number
        self._queued += 1
        if len(entry.decided) >= self._enough or len(self._entries) > 1:
            self._wake_up()
        return len(data)

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def find(self, number: int) -> OpenEntry | None:
        """The entry of that number if it is not committed yet."""
        if number <= self.head or not self._entries:
            return None
        return self._entries[number - self._entries[0].number]

    def add_repeat(self, entry: OpenEntry, slot: ShardSlot, task: Task) -> None:
        """Has a repeated command wait for the entry of its first try; it counts as queued."""
        entry.repeats.append((slot, task))
        self._queued += 1

    async def wait_committed(self, number: int) -> None:
        """Waits until the entry of that number is committed.

        Raises:
            SessionFenced: it will not be, or nobody here can tell.
        """
        entry = self.find(number)
        if entry is not None:
            await asyncio.shield(entry.committed())
        elif number > self.head:
            raise SessionFenced(f"entry {number} of ledger {self.ledger} was given up")

    async def run(self, listener: CommitListener) -> None:
        """Writes entries until cancelled.

        Raises:
            SessionFenced: the session is over.
        """
        while True:
            # Again, since the session may end between the call and the awakening.
            while not self._entries:
                self._wake = asyncio.get_running_loop().create_future()
                await self._wake
            entry = self._entries[0]
            append_s = await self._write(entry, listener)
            if len(entry.decided) >= _FEW:
                await self._gather(len(entry.decided), min(append_s, self._max_pause_s))

    async def _gather(self, written: int, pause_s: float) -> None:
        """Lets the next entry gather what waits and what was just answered, in a pause at most.

        Callers who wait for their answer before they go on come back at once, together. Without
        the pause they fall into two groups, of which one waits while the other is written, and
        these into more: entries grow small while every core is busy.
        """
        waiting = len(self._entries[-1].decided) if self._entries else 0
        if pause_s <= 0 or (self._entries and self._gathering() is None):
            return
        loop = asyncio.get_running_loop()
        self._enough = min(written + waiting, self._max_commands)
        self._wake = loop.create_future()
        timer = loop.call_later(pause_s, self._wake_up)
        try:
            await self._wake
        finally:
            timer.cancel()
            self._enough = 1

    async def _write(self, entry: OpenEntry, listener: CommitListener) -> float:
        """Writes the oldest entry; returns the seconds that its append took."""
        self._in_flight = entry
        began_s = self._clock.monotonic_s()
        # Commit times of a ledger never go back, so that "as of" is well defined.
        self._last_time_us = max(self._clock.now_us(), self._last_time_us)
        data = encode_entry(
            self.ledger, entry.number, self._last_time_us, [d.data for d in entry.decided]
        )
        number = await self._writer.append(data)
        append_s = self._clock.monotonic_s() - began_s
        self.appended_s = began_s
        if not self._entries or self._entries[0] is not entry:
            raise SessionFenced(f"entry {entry.number} of ledger {self.ledger} was given up")
        if number != entry.number:
            raise ProtocolViolation(f"entry {entry.number} of {self.ledger} became {number} (I2)")
        self.head = number
        self._entries.popleft()
        self._in_flight = None
        self._queued -= len(entry.decided) + len(entry.repeats)
        self.commands += len(entry.waiting)
        listener.entry_committed(entry, self._last_time_us)
        entry.tell(None)
        await listener.entry_answered(number, data)
        return append_s

    def abandon(self, error: Exception) -> None:
        """Answers every waiting command with the error: the session is over."""
        while self._entries:
            entry = self._entries.popleft()
            for _, task in entry.waiting:
                task.batch.put(task.place, error)
            for _, task in entry.repeats:
                task.batch.put(task.place, error)
            entry.tell(error)
        self._queued = 0
