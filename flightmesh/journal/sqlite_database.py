"""One SQLite database served by threads of its own, so that the event loop never waits for it.

One thread writes. It takes all requests that have gathered while it was busy and executes them in
one transaction, each on its own terms (a request that fails is undone alone), and answers all of
them after the COMMIT: one fsync for many. Other threads read, on connections of their own; a read
sees everything that was answered before it was asked.

What a failure means is decided here, once:
* an error before the COMMIT, a full disk or a busy file: the transaction is rolled back, so
  `StoreUnavailable`;
* any other error of the COMMIT itself (a failed write or fsync): `OutcomeUnknown`. What it left in
  the write-ahead log is neither believed nor built upon: before the next transaction the log is
  copied into the database, synced, and cut to nothing.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar, final

from flightmesh.clock import Clock
from flightmesh.errors import ConfigurationError, OutcomeUnknown, StoreUnavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]

# Requests that may wait for one database; a caller beyond that is told to come back.
MAX_WAITING: Final = 4096
# Requests in one transaction: bounds the time for which the first one waits for the last.
MAX_TRANSACTION: Final = 128
# Errors of a COMMIT after which nothing of it can be in the log: no frame that ends a transaction
# was written.
_DEFINITE: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_TOOBIG,
    }
)


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """How a database is opened.

    Attributes:
        path: the file.
        schema: statements that create what is missing.
        schema_version: kept in the file; another version is refused.
        synchronous: "FULL" (fsync at each commit) or "NORMAL" (fsync at checkpoints; after a power
            loss the file is as of some earlier commit).
        readers: number of reading threads.
        busy_timeout_s: how long a statement waits for a lock.
        connection_class: tests plant failing connections here.
    """

    path: Path
    schema: str
    schema_version: int
    synchronous: str
    readers: int = 2
    busy_timeout_s: float = 5.0
    connection_class: type[sqlite3.Connection] = sqlite3.Connection


@dataclass(slots=True)
class DatabaseStatistics:
    """Counters of one database, for metrics.

    Attributes:
        requests: write requests answered.
        transactions: transactions they took.
        largest_transaction: most requests in one transaction.
        last_commit_s: seconds that the last transaction took, its commit included.
        failed_transactions: transactions that failed as a whole.
    """

    requests: int = 0
    transactions: int = 0
    largest_transaction: int = 0
    last_commit_s: float = 0.0
    failed_transactions: int = 0

    def count(self, requests: int, seconds: float) -> None:
        """Adds one transaction."""
        self.requests += requests
        self.transactions += 1
        self.largest_transaction = max(self.largest_transaction, requests)
        self.last_commit_s = seconds


@dataclass(slots=True)
class _Request:
    operation: Operation[Any]
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    atomic: bool = False
    synced: bool = False
    result: Any = None
    error: Exception | None = None


def statement(sql: str, parameters: Sequence[object] = ()) -> Operation[None]:
    """An operation that executes one statement and returns nothing."""

    def execute(connection: sqlite3.Connection) -> None:
        connection.execute(sql, parameters).close()

    return execute


def connect(options: DatabaseOptions) -> sqlite3.Connection:
    """A connection in autocommit mode with the options applied.

    Raises:
        ConfigurationError: the file cannot be opened, or has another version.
    """
    try:
        connection = sqlite3.connect(
            options.path,
            timeout=options.busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
            factory=options.connection_class,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {options.synchronous}")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise ConfigurationError(f"cannot open {options.path.name}: {error}") from error
    if version not in (0, options.schema_version):
        connection.close()
        raise ConfigurationError(
            f"{options.path.name} has format {version}, this program needs {options.schema_version}"
        )
    return connection


def create_schema(options: DatabaseOptions) -> None:
    """Creates the file and its tables where they are missing, in one transaction.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    connection = connect(options)
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {options.schema}"
            f"PRAGMA user_version = {options.schema_version}; COMMIT;"
        )
    except sqlite3.Error as error:
        raise ConfigurationError(f"cannot prepare {options.path.name}: {error}") from error
    finally:
        connection.close()


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
        self._writes: SimpleQueue[_Request | None] = SimpleQueue()
        self._reads: SimpleQueue[_Request | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._open = False
        # Whether the log may end in frames of a commit that failed; see `_settle`.
        self._in_doubt = False

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
                statements around it (see `_transact`).
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
        queue: "SimpleQueue[_Request | None]",
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
        queue.put(_Request(operation, future, loop, atomic, synced))
        return future

    # Threads from here on.

    def _read_loop(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA query_only = ON")
        while (request := self._reads.get()) is not None:
            try:
                request.result = request.operation(connection)
            except Exception as error:  # as in _transact
                request.error = _translated(error)
            _answer([request])
        connection.close()

    def _write_loop(self, connection: sqlite3.Connection) -> None:
        while (request := self._writes.get()) is not None:
            requests, last = [request], False
            with suppress(Empty):
                while len(requests) < MAX_TRANSACTION and not last:
                    more = self._writes.get_nowait()
                    if more is None:
                        last = True
                    else:
                        requests.append(more)
            self._transact(connection, requests)
            _answer(requests)
            if last:
                break
        connection.close()

    def _transact(self, connection: sqlite3.Connection, requests: list[_Request]) -> None:
        """Executes requests in one transaction and leaves results or errors in them.

        Each statement gives the interpreter lock away and must win it back from a busy event loop
        (`sys.setswitchinterval`), which costs more than the statement. So one atomic request alone
        goes without BEGIN and COMMIT: its statement is its own transaction.
        """
        started = self._clock.monotonic_s()
        alone = len(requests) == 1
        begun = not (alone and requests[0].atomic)
        try:
            if self._in_doubt:
                self._settle(connection)
            self._set_synchronous(connection, requests)
            if begun:
                connection.execute("BEGIN IMMEDIATE")
                for request in requests:
                    _run(connection, request, alone=alone)
        except Exception as error:  # the thread outlives whatever a request does
            self._roll_back(connection)
            self._fail(requests, error, definite=True)
            return
        self._commit(connection, requests, begun=begun)
        self.statistics.count(len(requests), self._clock.monotonic_s() - started)

    def _commit(
        self, connection: sqlite3.Connection, requests: list[_Request], *, begun: bool
    ) -> None:
        try:
            if begun:
                connection.execute("COMMIT")
            else:
                requests[0].result = requests[0].operation(connection)
        except Exception as error:
            # Only SQLite's own errors can come after something was written.
            code = _primary_code(error) if isinstance(error, sqlite3.Error) else None
            definite = code is None or code in _DEFINITE
            self._in_doubt = self._in_doubt or not definite
            self._roll_back(connection)
            self._fail(requests, error, definite=definite)

    def _fail(self, requests: list[_Request], error: Exception, *, definite: bool) -> None:
        _log.warning("%s: %d requests failed: %s", self._name, len(requests), error)
        self.statistics.failed_transactions += 1
        for request in requests:
            request.error = _translated(error) if definite else OutcomeUnknown(str(error))

    def _set_synchronous(self, connection: sqlite3.Connection, requests: list[_Request]) -> None:
        """Sets whether this transaction is synced; one log, so that covers all before it."""
        if self._options.synchronous != "FULL":
            wanted = "FULL" if any(request.synced for request in requests) else "NORMAL"
            connection.execute(f"PRAGMA synchronous = {wanted}")

    def _settle(self, connection: sqlite3.Connection) -> None:
        """Makes the log end where readers see it end, before anything is built on it.

        Frames of a commit whose fsync failed are invisible to this process, yet would count after a
        crash. Copying the visible log into the database and cutting the log removes them.
        """
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("a reader keeps the log from being cut")
        self._in_doubt = False

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        # Some errors (a full disk, failed writes) have rolled the transaction back already.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")


def _primary_code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR)
    return code & 0xFF


def _translated(error: Exception) -> Exception:
    """The error as callers get it, for a request that was definitely not applied."""
    return StoreUnavailable(str(error)) if isinstance(error, sqlite3.Error) else error


def _run(connection: sqlite3.Connection, request: _Request, *, alone: bool) -> None:
    """Executes one request of a transaction; where it fails, undoes it and leaves the others.

    Raises:
        Exception: the whole transaction must go.
    """
    if alone:
        request.result = request.operation(connection)
        return
    # SQLite undoes a statement that fails, so only several of them need a savepoint.
    if not request.atomic:
        connection.execute("SAVEPOINT request")
    try:
        request.result = request.operation(connection)
    except Exception as error:
        if not connection.in_transaction:
            raise
        if not request.atomic:
            connection.execute("ROLLBACK TO request")
        request.error = _translated(error)
    if not request.atomic:
        connection.execute("RELEASE request")


def _answer(requests: list[_Request]) -> None:
    """Hands results to the event loops that wait for them, one wake-up for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Request]] = {}
    for request in requests:
        by_loop.setdefault(request.loop, []).append(request)
    for loop, answered in by_loop.items():
        # A closed loop has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, answered)


def _resolve(requests: list[_Request]) -> None:
    for request in requests:
        if request.future.done():
            continue
        if request.error is not None:
            request.future.set_exception(request.error)
        else:
            request.future.set_result(request.result)
