"""One SQLite database served by threads of its own, so that the event loop never waits for it.

One thread writes. It takes all requests that have gathered while it was busy and executes them in
one transaction (`sqlite_transactions`), and answers all of them after the COMMIT: one fsync for
many. Other threads read, on connections of their own; a read sees everything that was answered
before it was asked.
"""

import asyncio
import sqlite3
import threading
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Final, TypeVar, final

from flightmesh.clock import Clock
from flightmesh.errors import StoreUnavailable
from flightmesh.journal.sqlite_connection import (
    DatabaseOptions,
    Operation,
    connect,
    create_schema,
)
from flightmesh.journal.sqlite_transactions import (
    DatabaseStatistics,
    Request,
    Transactor,
    translated,
)

T = TypeVar("T")

# Requests that may wait for one database; a caller beyond that is told to come back.
MAX_WAITING: Final = 4096
# Requests in one transaction: bounds the time for which the first one waits for the last.
MAX_TRANSACTION: Final = 128


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: Request
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop


@final
class SqliteDatabase:
    """A database with its writing thread and its reading threads.

    Args:
        options: what to open.
        clock: for the statistics.
    """

    def __init__(self, options: DatabaseOptions, clock: Clock) -> None:
        self.statistics = DatabaseStatistics()
        self._name = options.path.name
        self._options = options
        self._clock = clock
        self._writes: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._reads: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._open = False

    async def start(self) -> None:
        """Opens the connections and starts the threads.

        Raises:
            ConfigurationError: the file cannot be opened, or has another version.
        """
        connections = await asyncio.to_thread(self._connect_all)
        targets = [self._write_loop, *[self._read_loop] * self._options.readers]
        for number, (target, connection) in enumerate(zip(targets, connections, strict=True)):
            # Daemons: a process that fails must end, and a commit cut off is what WAL is for.
            thread = threading.Thread(
                target=target, args=(connection,), name=f"{self._name}-{number}", daemon=True
            )
            thread.start()
            self._threads.append(thread)
        self._open = True

    def _connect_all(self) -> list[sqlite3.Connection]:
        create_schema(self._options)
        return [connect(self._options) for _ in range(1 + self._options.readers)]

    async def close(self) -> None:
        """Executes what is waiting, then closes. Idempotent."""
        if not self._open:
            return
        self._open = False
        # Readers first: the last connection to close is the writer's, which then merges the log.
        for _ in range(self._options.readers):
            self._reads.put(None)
        for thread in self._threads[1:]:
            await asyncio.to_thread(thread.join)
        self._writes.put(None)
        await asyncio.to_thread(self._threads[0].join)

    async def write(
        self, operation: Operation[T], *, atomic: bool = False, synced: bool = False
    ) -> T:
        """Runs an operation in a transaction and returns its result after the COMMIT.

        Args:
            operation: what to do; it may be undone and fails without effect.
            atomic: all that it changes, it changes by its first statement; this spares the
                statements around it (see `Transactor`).
            synced: sync this commit, and with it all earlier ones, whatever the options say.

        Raises:
            StoreUnavailable: definitely not applied.
            OutcomeUnknown: it may have been applied.
        """
        return await self._submit(self._writes, operation, atomic=atomic, synced=synced)

    async def read(self, operation: Operation[T]) -> T:
        """Runs an operation that only reads, on a connection of its own.

        Raises:
            StoreUnavailable: the database cannot be read just now.
        """
        return await self._submit(self._reads, operation)

    def _submit(
        self,
        queue: "SimpleQueue[_Waiting | None]",
        operation: Operation[T],
        *,
        atomic: bool = False,
        synced: bool = False,
    ) -> "asyncio.Future[T]":
        if not self._open:
            raise StoreUnavailable(f"{self._name} is closed")
        if queue.qsize() >= MAX_WAITING:
            raise StoreUnavailable(f"{self._name} has {MAX_WAITING} requests waiting")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        queue.put(_Waiting(Request(operation, atomic, synced), future, loop))
        return future

    # Threads from here on.

    def _read_loop(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA query_only = ON")
        while (waiting := self._reads.get()) is not None:
            request = waiting.request
            try:
                request.result = request.operation(connection)
            except Exception as error:  # the thread outlives whatever a request does
                request.error = translated(error)
            _answer([waiting])
        connection.close()

    def _write_loop(self, connection: sqlite3.Connection) -> None:
        transactor = Transactor(connection, self._options, self._clock, self.statistics)
        while batch := self._next_batch():
            transactor.execute([waiting.request for waiting in batch])
            _answer(batch)
        connection.close()

    def _next_batch(self) -> list[_Waiting]:
        """Waits for a request and takes all that have gathered; none at the end."""
        batch: list[_Waiting] = []
        waiting = self._writes.get()
        while waiting is not None:
            batch.append(waiting)
            if len(batch) == MAX_TRANSACTION or self._writes.empty():
                return batch
            waiting = self._writes.get()
        if batch:
            self._writes.put(None)  # the end comes after what gathered before it
        return batch


def _answer(batch: list[_Waiting]) -> None:
    """Hands results to the event loops that wait for them, one wake-up for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for waiting in batch:
        by_loop.setdefault(waiting.loop, []).append(waiting)
    for loop, answered in by_loop.items():
        # A closed loop has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, answered)


def _resolve(batch: list[_Waiting]) -> None:
    for waiting in batch:
        if waiting.future.done():
            continue
        if waiting.request.error is not None:
            waiting.future.set_exception(waiting.request.error)
        else:
            waiting.future.set_result(waiting.request.result)
