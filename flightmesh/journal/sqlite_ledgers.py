"""Ledgers, sessions and claims in SQLite: the file in which every commit is synced.

An entry is one row, keyed by ledger and number in one integer, so that a ledger lies in order in
the file and is read in one sweep. A trigger moves the segment's head when an entry comes in: the
condition, the entry and the head are one statement.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, final

from flightmesh.errors import CorruptData
from flightmesh.journal import (
    Claim,
    ClaimChange,
    Conditional,
    Constants,
    DirectoryRow,
    SegmentRow,
    SegmentState,
)
from flightmesh.journal.claim_changes import check_changes
from flightmesh.journal.sqlite_connection import statement
from flightmesh.journal.sqlite_database import SqliteDatabase

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS constants (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    shard_count INTEGER NOT NULL, format_version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS directory (ledger INTEGER PRIMARY KEY, node TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS segments (
    ledger INTEGER NOT NULL, segment INTEGER NOT NULL, state TEXT NOT NULL, writer BLOB NOT NULL,
    first INTEGER NOT NULL, head INTEGER NOT NULL, PRIMARY KEY (ledger, segment)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    place INTEGER PRIMARY KEY, segment INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS entry_moves_head AFTER INSERT ON entries BEGIN
    UPDATE segments SET head = new.place & 0xFFFFFFFF
    WHERE ledger = new.place >> 32 AND segment = new.segment;
END;
CREATE TABLE IF NOT EXISTS claims (
    shard INTEGER PRIMARY KEY, holder INTEGER NOT NULL, generation INTEGER NOT NULL,
    released INTEGER NOT NULL, ledgers TEXT NOT NULL);
"""

_ROW: Final = "SELECT state, writer, first, head FROM segments WHERE ledger = ? AND segment = ?"


def _place(ledger: int, number: int) -> int:
    """Key of an entry: 31 bits of ledger, 32 bits of number."""
    assert 0 <= number < 1 << 32, f"entry number {number} is out of range"
    assert 0 <= ledger < 1 << 31, f"ledger {ledger} is out of range"
    return ledger << 32 | number


def _segment_row(connection: sqlite3.Connection, ledger: int, segment: int) -> SegmentRow | None:
    found = connection.execute(_ROW, (ledger, segment)).fetchone()
    if found is None:
        return None
    state, writer, first, head = found
    try:
        # A page that was torn may show anything, NULL included, where the schema allows none.
        return SegmentRow(SegmentState(state), bytes(writer), first + 0, head + 0)
    except (TypeError, ValueError):
        raise CorruptData(
            f"the head row of ledger {ledger}, segment {segment} is damaged"
        ) from None


def _conditional(
    connection: sqlite3.Connection, cursor: sqlite3.Cursor, ledger: int, segment: int
) -> Conditional:
    """The answer to a conditional statement: what it did, and the row as it is now."""
    return Conditional(cursor.rowcount == 1, _segment_row(connection, ledger, segment))


# All but the entries, whose every number and byte is looked at when they are read.
_SMALL_TABLES: Final = ("constants", "sessions", "directory", "segments", "claims")


async def check_tables(database: SqliteDatabase) -> None:
    """Refuses a file in which a row of the small tables may be missing: a page was torn.

    Raises:
        CorruptData: a table is damaged.
    """

    def check(connection: sqlite3.Connection) -> None:
        for table in _SMALL_TABLES:
            found = connection.execute(f"PRAGMA quick_check({table})").fetchall()
            if found != [("ok",)]:
                what = found[0][0].splitlines()[-1]
                raise CorruptData(f"journal.db is damaged: table {table}: {what}")

    await database.read(check)


@final
class SqliteJournal:
    """Ledgers in SQLite; see `flightmesh.journal.Journal` for what each method promises."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        # The segment each ledger was last appended to, and its first number, which never changes:
        # spares an append the statement that would read the row.
        self._firsts: dict[int, tuple[int, int]] = {}

    async def fix_constants(self, wanted: Constants) -> Constants:
        """See the port."""

        def fix(connection: sqlite3.Connection) -> Constants:
            connection.execute(
                "INSERT OR IGNORE INTO constants VALUES (1, ?, ?)",
                (wanted.shard_count, wanted.format_version),
            )
            row = connection.execute("SELECT shard_count, format_version FROM constants")
            return Constants(*row.fetchone())

        return await self._database.write(fix)

    async def allocate_session(self) -> int:
        """See the port."""

        def allocate(connection: sqlite3.Connection) -> int:
            connection.execute(
                "INSERT INTO sessions VALUES (1, 1) ON CONFLICT DO UPDATE SET last = last + 1"
            )
            (last,) = connection.execute("SELECT last FROM sessions").fetchone()
            return int(last)

        return await self._database.write(allocate)

    async def add_to_directory(self, row: DirectoryRow) -> None:
        """See the port."""
        await self._database.write(
            statement("INSERT OR IGNORE INTO directory VALUES (?, ?)", (row.ledger, row.node)),
            atomic=True,
        )

    async def list_directory(self) -> Sequence[DirectoryRow]:
        """See the port."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT ledger, node FROM directory ORDER BY ledger"
            ).fetchall()
        )
        return [DirectoryRow(*row) for row in rows]

    async def open_segment(
        self, ledger: int, segment: int, writer: bytes, first: int
    ) -> Conditional:
        """See the port."""

        def create(connection: sqlite3.Connection) -> Conditional:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO segments VALUES (?, ?, 'open', ?, ?, ?)",
                (ledger, segment, writer, first, first - 1),
            )
            return _conditional(connection, cursor, ledger, segment)

        return await self._database.write(create, atomic=True)

    async def append(
        self, ledger: int, segment: int, writer: bytes, number: int, data: bytes
    ) -> Conditional:
        """See the port."""
        place = _place(ledger, number)
        known, first = self._firsts.get(ledger, (-1, 0))

        def add(connection: sqlite3.Connection) -> Conditional:
            cursor = connection.execute(
                "INSERT INTO entries SELECT ?, segment, ? FROM segments WHERE ledger = ?"
                " AND segment = ? AND state = 'open' AND writer = ? AND head = ?",
                (place, data, ledger, segment, writer, number - 1),
            )
            if cursor.rowcount == 1 and known == segment:
                return Conditional(True, SegmentRow(SegmentState.OPEN, writer, first, number))
            return _conditional(connection, cursor, ledger, segment)

        answer = await self._database.write(add, atomic=True)
        if answer.applied and known != segment and answer.row is not None:
            self._firsts[ledger] = segment, answer.row.first
        return answer

    async def roll(self, ledger: int, segment: int, writer: bytes, head: int) -> Conditional:
        """See the port."""

        def mark(connection: sqlite3.Connection) -> Conditional:
            cursor = connection.execute(
                "UPDATE segments SET state = 'rolled' WHERE ledger = ? AND segment = ?"
                " AND state = 'open' AND writer = ? AND head = ?",
                (ledger, segment, writer, head),
            )
            return _conditional(connection, cursor, ledger, segment)

        return await self._database.write(mark, atomic=True)

    async def seal(self, ledger: int, segment: int, first: int) -> Conditional:
        """See the port."""

        def close(connection: sqlite3.Connection) -> Conditional:
            cursor = connection.execute(
                "INSERT INTO segments VALUES (?, ?, 'sealed', x'', ?, ?)"
                " ON CONFLICT DO UPDATE SET state = 'sealed' WHERE state = 'open'",
                (ledger, segment, first, first - 1),
            )
            return _conditional(connection, cursor, ledger, segment)

        return await self._database.write(close, atomic=True)

    async def read_segment(self, ledger: int, segment: int) -> SegmentRow | None:
        """See the port."""
        return await self._database.read(
            lambda connection: _segment_row(connection, ledger, segment)
        )

    async def read_entries(
        self, ledger: int, segment: int, first: int, limit: int
    ) -> Sequence[tuple[int, bytes]]:
        """See the port."""

        def fetch(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
            row = _segment_row(connection, ledger, segment)
            start = max(first, row.first) if row is not None else 0
            if row is None or start > row.head:
                return []
            entries = connection.execute(
                "SELECT place & 0xFFFFFFFF, data FROM entries WHERE place BETWEEN ? AND ?"
                " ORDER BY place LIMIT ?",
                (_place(ledger, start), _place(ledger, row.head), limit),
            ).fetchall()
            if not all(isinstance(data, bytes) for _, data in entries):
                raise CorruptData(f"an entry of ledger {ledger} from {start} on is damaged")
            return entries

        return await self._database.read(fetch) if limit > 0 else []


def _claim(row: tuple[int, int, int, int, str]) -> Claim:
    shard, holder, generation, released, ledgers = row
    try:
        numbers = tuple(map(int, ledgers.split(","))) if ledgers else ()
    except ValueError:
        raise CorruptData(f"claim of shard {shard} lists ledgers {ledgers[:40]!r}") from None
    return Claim(shard, holder, generation, bool(released), numbers)


def _claims(connection: sqlite3.Connection) -> dict[int, Claim]:
    rows = connection.execute("SELECT shard, holder, generation, released, ledgers FROM claims")
    return {row[0]: _claim(row) for row in rows}


def _drops_a_ledger(change: ClaimChange) -> bool:
    return change.expected is not None and bool(
        set(change.expected.ledgers) - set(change.new.ledgers)
    )


@final
class SqliteClaims:
    """Claims in SQLite; see `flightmesh.journal.Claims`.

    Args:
        database: the database of the ledgers.
        sync_index: makes everything in the index durable. A claim that no longer lists a ledger
            says that the index has all of it, and must not outlive a power loss that the index
            does not (rules 13 and 15).
    """

    def __init__(self, database: SqliteDatabase, sync_index: Callable[[], Awaitable[None]]) -> None:
        self._database = database
        self._sync_index = sync_index

    async def read_claims(self) -> dict[int, Claim]:
        """See the port."""
        return await self._database.read(_claims)

    async def change_claims(self, changes: Sequence[ClaimChange]) -> bool:
        """See the port."""
        check_changes(changes)
        if any(map(_drops_a_ledger, changes)):
            await self._sync_index()

        def change_all(connection: sqlite3.Connection) -> bool:
            found = _claims(connection)
            if any(found.get(change.new.shard) != change.expected for change in changes):
                return False
            connection.executemany(
                "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?)",
                [_claim_values(change.new) for change in changes],
            )
            return True

        return await self._database.write(change_all)


def _claim_values(claim: Claim) -> tuple[int, int, int, int, str]:
    ledgers = ",".join(map(str, claim.ledgers))
    return claim.shard, claim.holder, claim.generation, int(claim.released), ledgers
