"""What a SQLite store says when the disk, the file or a request fails."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from flightmesh.clock.virtual import ManualClock
from flightmesh.errors import ConfigurationError, OutcomeUnknown, StoreUnavailable
from flightmesh.journal import Conditional, SegmentRow, SegmentState
from flightmesh.journal.sqlite import SqliteStore
from flightmesh.journal.sqlite_connection import DatabaseOptions, statement
from flightmesh.journal.sqlite_database import SqliteDatabase
from flightmesh.journal.sqlite_ledgers import SCHEMA, SqliteJournal

TOKEN = b"token"
IO_ERROR = sqlite3.SQLITE_IOERR_FSYNC


class FailingConnection(sqlite3.Connection):
    """Fails statements as told: before they are executed, or after."""

    plan: ClassVar[list[tuple[str, int, bool]]] = []
    executed: ClassVar[list[str]] = []

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        self.executed.append(sql)
        if not self.plan or not sql.startswith(self.plan[0][0]):
            return super().execute(sql, *parameters)
        _, code, after = self.plan.pop(0)
        if after:
            super().execute(sql, *parameters)
        error = sqlite3.OperationalError("planted failure")
        error.sqlite_errorcode = code
        raise error


@pytest.fixture(autouse=True)
def _fresh_plan() -> None:
    FailingConnection.plan, FailingConnection.executed = [], []


@asynccontextmanager
async def database_in(directory: Path) -> AsyncIterator[SqliteDatabase]:
    options = DatabaseOptions(
        directory / "journal.db", SCHEMA, 1, "FULL", connection_class=FailingConnection
    )
    database = SqliteDatabase(options, ManualClock())
    await database.start()
    try:
        yield database
    finally:
        await database.close()


class Hold:
    """Keeps the writing thread busy until it is let go."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._entered, self._gate = threading.Event(), threading.Event()

    def _wait(self, _: sqlite3.Connection) -> None:
        self._entered.set()
        assert self._gate.wait(30)

    async def take(self) -> "asyncio.Future[None]":
        """Returns once the thread is busy; the future ends when it was let go and answered."""
        answer = asyncio.ensure_future(self._database.write(self._wait))
        await asyncio.to_thread(self._entered.wait)
        return answer

    def let_go(self) -> None:
        self._gate.set()


async def gathered(
    database: SqliteDatabase, operations: list[Callable[[sqlite3.Connection], Any]]
) -> list[Any]:
    """Submits operations while the writing thread is busy, so that they share a transaction."""
    hold = Hold(database)
    first = await hold.take()
    others = [asyncio.ensure_future(database.write(each)) for each in operations]
    await asyncio.sleep(0)
    hold.let_go()
    await first
    return await asyncio.gather(*others, return_exceptions=True)


def count_directory(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("SELECT count(*) FROM directory").fetchone()
    return int(found)


def add_row(number: int) -> Callable[[sqlite3.Connection], None]:
    return statement("INSERT INTO directory VALUES (?, 'a')", (number,))


async def test_requests_that_gather_share_one_transaction(tmp_path: Path) -> None:
    async with database_in(tmp_path) as database:
        await gathered(database, [add_row(number) for number in range(10)])
        assert database.statistics.transactions == 2
        assert database.statistics.largest_transaction == 10
        assert await database.read(count_directory) == 10


async def test_a_request_that_fails_is_undone_alone(tmp_path: Path) -> None:
    def add_two_then_fail(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO directory VALUES (100, 'a')")
        connection.execute("INSERT INTO directory VALUES (1, 'again')")

    def break_down(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO directory VALUES (200, 'a')")
        raise ZeroDivisionError

    async with database_in(tmp_path) as database:
        operations = [add_row(1), add_two_then_fail, break_down, add_row(2)]
        answers = await gathered(database, operations)
        assert answers[0] is answers[3] is None
        assert isinstance(answers[1], StoreUnavailable)
        assert isinstance(answers[2], ZeroDivisionError)
        assert await database.read(count_directory) == 2
        with pytest.raises(ZeroDivisionError):
            await database.write(break_down)
        assert await database.read(count_directory) == 2


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY])
async def test_a_commit_that_was_rolled_back_is_unavailable(tmp_path: Path, code: int) -> None:
    async with database_in(tmp_path) as database:
        FailingConnection.plan = [("COMMIT", code, False)]
        with pytest.raises(StoreUnavailable):
            await database.write(add_row(1))
        assert await database.read(count_directory) == 0
        await database.write(add_row(1))


@pytest.mark.parametrize("applied", [False, True])
async def test_a_commit_that_broke_off_is_unknown_to_all_in_it(
    tmp_path: Path, applied: bool
) -> None:
    async with database_in(tmp_path) as database:
        hold = Hold(database)
        first = await hold.take()
        others = [asyncio.ensure_future(database.write(add_row(n))) for n in range(3)]
        await asyncio.sleep(0)
        FailingConnection.plan = [("COMMIT", IO_ERROR, applied), ("COMMIT", IO_ERROR, applied)]
        hold.let_go()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        assert [type(answer) for answer in answers] == [OutcomeUnknown] * 4
        assert await database.read(count_directory) == (3 if applied else 0)


@pytest.mark.parametrize("applied", [False, True])
async def test_an_append_of_unknown_outcome_is_settled_by_its_repeat(
    tmp_path: Path, applied: bool
) -> None:
    async with database_in(tmp_path) as database:
        journal = SqliteJournal(database)
        await journal.open_segment(1, 0, TOKEN, 0)
        FailingConnection.plan = [("INSERT INTO entries", IO_ERROR, applied)]
        with pytest.raises(OutcomeUnknown):
            await journal.append(1, 0, TOKEN, 0, b"data")
        FailingConnection.executed.clear()
        row = SegmentRow(SegmentState.OPEN, TOKEN, 0, 0)
        assert await journal.append(1, 0, TOKEN, 0, b"data") == Conditional(not applied, row)
        # Whatever the broken commit left in the log is gone before anything is built on it.
        assert FailingConnection.executed[0] == "PRAGMA wal_checkpoint(TRUNCATE)"
        assert await journal.read_entries(1, 0, 0, 10) == [(0, b"data")]
        FailingConnection.executed.clear()
        await journal.append(1, 0, TOKEN, 1, b"more")
        assert not any("checkpoint" in sql for sql in FailingConnection.executed)


async def test_an_append_that_fails_after_its_commit_is_not_called_unavailable(
    tmp_path: Path,
) -> None:
    async with database_in(tmp_path) as database:
        journal = SqliteJournal(database)
        await journal.open_segment(1, 0, TOKEN, 0)
        FailingConnection.plan = [("SELECT state", sqlite3.SQLITE_BUSY, False)]
        with pytest.raises(OutcomeUnknown):
            await journal.append(1, 0, TOKEN, 0, b"data")
        assert await journal.read_entries(1, 0, 0, 10) == [(0, b"data")]


async def test_nothing_is_written_while_the_log_stays_in_doubt(tmp_path: Path) -> None:
    async with database_in(tmp_path) as database:
        FailingConnection.plan = [("COMMIT", IO_ERROR, False), ("PRAGMA wal", IO_ERROR, False)]
        with pytest.raises(OutcomeUnknown):
            await database.write(add_row(1))
        with pytest.raises(StoreUnavailable):
            await database.write(add_row(2))
        await database.write(add_row(3))
        assert await database.read(count_directory) == 1


async def test_a_full_disk_is_unavailable_and_later_works_again(tmp_path: Path) -> None:
    async with database_in(tmp_path) as database:
        journal = SqliteJournal(database)
        await journal.open_segment(1, 0, TOKEN, 0)
        await database.write(statement("PRAGMA max_page_count = 20"))
        with pytest.raises(StoreUnavailable, match="full"):
            await journal.append(1, 0, TOKEN, 0, bytes(500_000))
        assert (await journal.append(1, 0, TOKEN, 0, b"small")).applied
        await database.write(statement("PRAGMA max_page_count = 100000"))
        assert (await journal.append(1, 0, TOKEN, 1, bytes(500_000))).applied


async def test_an_append_of_a_caller_who_gave_up_is_still_executed(tmp_path: Path) -> None:
    async with database_in(tmp_path) as database:
        hold = Hold(database)
        first = await hold.take()
        given_up = asyncio.ensure_future(database.write(add_row(1)))
        await asyncio.sleep(0)
        given_up.cancel()
        hold.let_go()
        await first
        await database.write(add_row(2))
        assert await database.read(count_directory) == 2


async def test_a_closed_store_is_unavailable_and_closing_finishes_what_waits(
    tmp_path: Path,
) -> None:
    store = await SqliteStore.open(tmp_path)
    writes = [asyncio.ensure_future(store.journal.allocate_session()) for _ in range(20)]
    await asyncio.sleep(0)
    for _ in range(2):
        await store.close()
    assert sorted(await asyncio.gather(*writes)) == list(range(1, 21))
    with pytest.raises(StoreUnavailable):
        await store.journal.allocate_session()
    with pytest.raises(StoreUnavailable):
        await store.index.read_head(0)


async def test_the_queue_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flightmesh.journal.sqlite_database.MAX_WAITING", 3)
    async with database_in(tmp_path) as database:
        hold = Hold(database)
        first = await hold.take()
        writes = [asyncio.ensure_future(database.write(add_row(n))) for n in range(5)]
        await asyncio.sleep(0)
        hold.let_go()
        answers = await asyncio.gather(*writes, return_exceptions=True)
        await first
        assert [type(answer) for answer in answers[3:]] == [StoreUnavailable] * 2
        assert await database.read(count_directory) == 3


async def test_files_of_another_format_are_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "journal.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigurationError, match=r"journal\.db has format 99"):
        await SqliteStore.open(tmp_path)


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_bytes(b"something else" * 1000)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"index\.db"):
            await SqliteStore.open(tmp_path)
    assert (tmp_path / "index.db").read_bytes() == b"something else" * 1000
