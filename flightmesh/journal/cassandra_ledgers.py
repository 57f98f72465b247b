"""Ledgers in Cassandra: every change of a segment is one conditional write in its partition.

A segment's head row is the static part of its partition, so an append, which moves the head and
adds the entry's row, is one batch in one partition: one mutation under one Paxos round, all or
nothing. A segment's first number never changes; it is remembered, since the answer to a write that
was applied does not tell it.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, final

from cassandra.query import PreparedStatement

from flightmesh.errors import CorruptData
from flightmesh.journal import (
    Conditional,
    Constants,
    DirectoryRow,
    SegmentRow,
    SegmentState,
)
from flightmesh.journal.cassandra_connection import CassandraConnection

# Bytes that one read of entries should bring.
_READ_BYTES: Final = 4 * 1024 * 1024
_MAX_ROWS: Final = 2000

_STATEMENTS: Final = (
    "INSERT INTO {ks}.constants (one, shard_count, format_version) VALUES (1, ?, ?) IF NOT EXISTS",
    "SELECT last FROM {ks}.sessions WHERE one = 1",
    "INSERT INTO {ks}.sessions (one, last) VALUES (1, ?) IF NOT EXISTS",
    "UPDATE {ks}.sessions SET last = ? WHERE one = 1 IF last = ?",
    "INSERT INTO {ks}.directory (one, ledger, node) VALUES (1, ?, ?)",
    "SELECT ledger, node FROM {ks}.directory WHERE one = 1",
    "INSERT INTO {ks}.ledgers (ledger, segment, state, writer, first_number, head)"
    " VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS",
    # The last condition always holds; it is there to have the first number in the answer.
    "BEGIN UNLOGGED BATCH"
    " UPDATE {ks}.ledgers SET head = ? WHERE ledger = ? AND segment = ?"
    " IF state = 'open' AND writer = ? AND head = ? AND first_number >= 0;"
    " INSERT INTO {ks}.ledgers (ledger, segment, number, data) VALUES (?, ?, ?, ?);"
    " APPLY BATCH",
    "UPDATE {ks}.ledgers SET state = 'rolled' WHERE ledger = ? AND segment = ?"
    " IF state = 'open' AND writer = ? AND head = ? AND first_number >= 0",
    "UPDATE {ks}.ledgers SET state = 'sealed' WHERE ledger = ? AND segment = ?"
    " IF state = 'open' AND writer != null AND head >= -1 AND first_number >= 0",
    "SELECT state, writer, first_number, head FROM {ks}.ledgers WHERE ledger = ? AND segment = ?"
    " LIMIT 1",
    "SELECT number, data FROM {ks}.ledgers WHERE ledger = ? AND segment = ? AND number >= ?"
    " LIMIT ?",
)


@final
class CassandraJournal:
    """Ledgers in Cassandra; see `flightmesh.journal.Journal`. Get one by `CassandraStore.open`.

    Args:
        connection: the connection.
        statements: what `prepare` returned.
    """

    def __init__(
        self, connection: CassandraConnection, statements: Sequence[PreparedStatement]
    ) -> None:
        self._connection = connection
        (
            self._fix, self._last_session, self._first_session, self._next_session,
            self._add_row, self._list_rows, self._create, self._append, self._roll, self._seal,
            self._read_head, self._read_data,
        ) = statements  # fmt: skip
        self._sessions = asyncio.Lock()
        # First number of the segment that each ledger was last written in.
        self._firsts: dict[int, tuple[int, int]] = {}
        self._row_bytes = float(_READ_BYTES // 256)

    @staticmethod
    async def prepare(connection: CassandraConnection) -> "CassandraJournal":
        """Makes a journal of a connection."""
        return CassandraJournal(connection, await connection.prepare(*_STATEMENTS))

    async def fix_constants(self, wanted: Constants) -> Constants:
        """See the port."""
        row = await self._connection.conditional(
            self._fix.bind((wanted.shard_count, wanted.format_version))
        )
        if row["[applied]"]:
            return wanted
        return Constants(row["shard_count"], row["format_version"])

    async def allocate_session(self) -> int:
        """See the port."""
        # One at a time in this process; others are met by the condition.
        async with self._sessions:
            rows = await self._connection.serial(self._last_session.bind(()))
            last: int | None = rows[0][0] if rows else None
            while True:
                wanted = 1 if last is None else last + 1
                row = await self._connection.conditional(
                    self._first_session.bind((wanted,))
                    if last is None
                    else self._next_session.bind((wanted, last))
                )
                if row["[applied]"]:
                    return wanted
                last = int(row["last"])

    async def add_to_directory(self, row: DirectoryRow) -> None:
        """See the port."""
        await self._connection.write(self._add_row.bind((row.ledger, row.node)))

    async def list_directory(self) -> Sequence[DirectoryRow]:
        """See the port."""
        rows = await self._connection.read(self._list_rows.bind(()))
        return [DirectoryRow(*row) for row in rows]

    async def open_segment(
        self, ledger: int, segment: int, writer: bytes, first: int
    ) -> Conditional:
        """See the port."""
        return await self._create_row(
            ledger, segment, SegmentRow(SegmentState.OPEN, writer, first, first - 1)
        )

    async def _create_row(self, ledger: int, segment: int, row: SegmentRow) -> Conditional:
        values = (ledger, segment, row.state.value, row.writer, row.first, row.head)
        answer = await self._connection.conditional(self._create.bind(values))
        if not answer["[applied]"]:
            return Conditional(False, _found(answer))
        self._firsts[ledger] = segment, row.first
        return Conditional(True, row)

    async def append(
        self, ledger: int, segment: int, writer: bytes, number: int, data: bytes
    ) -> Conditional:
        """See the port."""
        condition = (number, ledger, segment, writer, number - 1)
        answer = await self._connection.conditional(
            self._append.bind((*condition, ledger, segment, number, data))
        )
        if not answer["[applied]"]:
            return Conditional(False, _found(answer))
        first = await self._first(ledger, segment)
        return Conditional(True, SegmentRow(SegmentState.OPEN, writer, first, number))

    async def roll(self, ledger: int, segment: int, writer: bytes, head: int) -> Conditional:
        """See the port."""
        answer = await self._connection.conditional(
            self._roll.bind((ledger, segment, writer, head))
        )
        if not answer["[applied]"]:
            return Conditional(False, _found(answer))
        first = await self._first(ledger, segment)
        return Conditional(True, SegmentRow(SegmentState.ROLLED, writer, first, head))

    async def _first(self, ledger: int, segment: int) -> int:
        """The first number of a segment that exists."""
        known, first = self._firsts.get(ledger, (-1, 0))
        if known == segment:
            return first
        row = await self._row_after(ledger, segment)
        self._firsts[ledger] = segment, row.first
        return row.first

    async def _row_after(self, ledger: int, segment: int) -> SegmentRow:
        """The row after a write that was applied."""
        row = await self.read_segment(ledger, segment)
        if row is None:
            raise CorruptData(f"segment {segment} of ledger {ledger} was written and is not there")
        return row

    async def seal(self, ledger: int, segment: int, first: int) -> Conditional:
        """See the port."""
        sealed = SegmentRow(SegmentState.SEALED, b"", first, first - 1)
        while True:
            answer = await self._connection.conditional(self._seal.bind((ledger, segment)))
            if answer["[applied]"]:
                # Nothing changes any more, so a read shows the row as the seal left it.
                return Conditional(True, await self._row_after(ledger, segment))
            row = _found(answer)
            if row is not None:
                return Conditional(False, row)
            created = await self._create_row(ledger, segment, sealed)
            # Created by another since the first look: it may be open, so seal that.
            if created.applied:
                return created

    async def read_segment(self, ledger: int, segment: int) -> SegmentRow | None:
        """See the port."""
        rows = await self._connection.serial(self._read_head.bind((ledger, segment)))
        return _segment_row(*rows[0]) if rows else None

    async def read_entries(
        self, ledger: int, segment: int, first: int, limit: int
    ) -> Sequence[tuple[int, bytes]]:
        """See the port.

        Entries may be of a few bytes or of a MiB. How many are asked for at once follows the size
        of those read before, so that no answer grows beyond some MiB.
        """
        entries: list[tuple[int, bytes]] = []
        while len(entries) < limit:
            wanted = min(limit - len(entries), self._rows_per_read())
            rows = await self._connection.read(
                self._read_data.bind((ledger, segment, first, wanted))
            )
            # A partition without entries is shown as one row of its static part.
            found = [(row[0], row[1] or b"") for row in rows if row[0] is not None]
            entries += found
            if len(found) < wanted:
                break
            first = found[-1][0] + 1
            self._learn_size(found)
        return entries

    def _rows_per_read(self) -> int:
        return max(1, min(_MAX_ROWS, int(_READ_BYTES / self._row_bytes)))

    def _learn_size(self, rows: Sequence[tuple[int, bytes]]) -> None:
        size = sum(len(data) for _, data in rows) / len(rows) + 64
        # Grows at once, shrinks slowly: large entries often come one after another.
        self._row_bytes = max(size, 0.5 * self._row_bytes + 0.5 * size)


def _found(answer: dict[str, Any]) -> SegmentRow | None:
    """The row that stopped a conditional write; None if there is none."""
    state = answer.get("state")
    if state is None:
        return None
    return _segment_row(state, answer["writer"], answer["first_number"], answer["head"])


def _segment_row(state: str, writer: bytes | None, first: int, head: int) -> SegmentRow:
    try:
        return SegmentRow(SegmentState(state), writer or b"", first, head)
    except ValueError:
        raise CorruptData(f"a segment's state is {state!r}") from None
