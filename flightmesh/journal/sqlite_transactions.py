"""Executing many requests in one SQLite transaction, and telling what a failure means.

* An error before the COMMIT, a full disk or a busy file: the transaction is rolled back, so
  `StoreUnavailable`.
* Any other error of the COMMIT itself (a failed write or fsync): `OutcomeUnknown`. What it left in
  the write-ahead log is neither believed nor built upon.
"""

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, final

from flightmesh.clock import Clock
from flightmesh.errors import CorruptData, OutcomeUnknown, StoreUnavailable
from flightmesh.journal.sqlite_connection import DatabaseOptions, Operation

_log = logging.getLogger(__name__)

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


@dataclass(slots=True)
class Request:
    """One thing to do, and what came of it.

    Attributes:
        operation: what to do; it may be undone and fails without effect.
        atomic: all that the operation changes, it changes by its first statement.
        synced: sync the commit, whatever the options say.
        result: what the operation returned, if there is no error.
        error: what the caller is to get instead.
    """

    operation: Operation[Any]
    atomic: bool = False
    synced: bool = False
    result: Any = None
    error: Exception | None = None


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


@final
class Transactor:
    """Executes requests on one connection. Not for several threads at once.

    Args:
        connection: open, in autocommit mode.
        options: what it was opened with.
        clock: for the statistics.
        statistics: counted here.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        options: DatabaseOptions,
        clock: Clock,
        statistics: DatabaseStatistics,
    ) -> None:
        self._connection = connection
        self._options = options
        self._clock = clock
        self._statistics = statistics
        # Whether the log may end in frames of a commit that failed; see `_settle`.
        self._in_doubt = False

    def execute(self, requests: Sequence[Request]) -> None:
        """Executes requests in one transaction and leaves results or errors in them.

        Each statement gives the interpreter lock away and must win it back from a busy event loop,
        which can cost more than the statement. So one atomic request alone goes without BEGIN and
        COMMIT: its statement is its own transaction.
        """
        started = self._clock.monotonic_s()
        alone = len(requests) == 1
        begun = not (alone and requests[0].atomic)
        try:
            if self._in_doubt:
                self._settle()
            self._set_synchronous(requests)
            if begun:
                self._connection.execute("BEGIN IMMEDIATE")
                for request in requests:
                    _run(self._connection, request, alone=alone)
        except Exception as error:  # the thread outlives whatever a request does
            self._fail(requests, error, definite=True)
            return
        if self._commit(requests, begun=begun):
            self._statistics.count(len(requests), self._clock.monotonic_s() - started)

    def _commit(self, requests: Sequence[Request], *, begun: bool) -> bool:
        changes = self._connection.total_changes
        try:
            if begun:
                self._connection.execute("COMMIT")
            else:
                requests[0].result = requests[0].operation(self._connection)
        except Exception as error:
            # An atomic request may fail after its statement was committed, by reading what it did.
            unchanged = self._connection.total_changes == changes
            definite = unchanged and _is_definite(error)
            self._in_doubt = self._in_doubt or not definite
            self._fail(requests, error, definite=definite)
            return False
        return True

    def _fail(self, requests: Sequence[Request], error: Exception, *, definite: bool) -> None:
        # Some errors (a full disk, failed writes) have rolled the transaction back already.
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
        name = self._options.path.name
        _log.warning("%s: %d requests failed: %s", name, len(requests), error)
        self._statistics.failed_transactions += 1
        for request in requests:
            request.error = translated(error) if definite else OutcomeUnknown(str(error))

    def _set_synchronous(self, requests: Sequence[Request]) -> None:
        """Sets whether this transaction is synced; one log, so that covers all before it."""
        if self._options.synchronous != "FULL":
            wanted = "FULL" if any(request.synced for request in requests) else "NORMAL"
            self._connection.execute(f"PRAGMA synchronous = {wanted}")

    def _settle(self) -> None:
        """Makes the log end where readers see it end, before anything is built on it.

        Frames of a commit whose fsync failed are invisible to this process, yet would count after a
        crash. Copying the visible log into the database and cutting the log removes them.
        """
        checkpoint = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, _, _ = checkpoint.fetchone()
        if busy:
            raise sqlite3.OperationalError("a reader keeps the log from being cut")
        self._in_doubt = False


def _is_definite(error: Exception) -> bool:
    """Whether nothing of a commit that failed with this error can be in the log."""
    if not isinstance(error, sqlite3.Error):
        return True
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR)
    return code & 0xFF in _DEFINITE


# What Python's driver says, without a code, where a text is none.
_NO_TEXT: Final = "Could not decode to UTF-8"


def translated(error: Exception) -> Exception:
    """The error as callers get it, for a request that was definitely not applied."""
    if not isinstance(error, sqlite3.Error):
        return error
    # The low byte is the kind of error; the rest says where it was found.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or _NO_TEXT in str(error):
        return CorruptData(f"the file is damaged: {error}")
    return StoreUnavailable(str(error))


def _run(connection: sqlite3.Connection, request: Request, *, alone: bool) -> None:
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
        request.error = translated(error)
    if not request.atomic:
        connection.execute("RELEASE request")
