"""Writing results to stdout: JSON, JSON lines and plain tables, all of them as they arrive.

Tables are plain text with columns two spaces apart, so that they read well in a terminal, a pipe
and a file; only a terminal gets a bold heading.
"""

import itertools
import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson
import typer

T = TypeVar("T")
Row = Mapping[str, Any]

# Rows that decide the widths of a table's columns; later ones may stick out.
_MEASURED_ROWS: Final = 500
# Columns that count things, and so read better with separators; other numbers are names.
_COUNTS: Final = frozenset({"legs", "rotations", "airplanes", "findings", "shards_owned"})


def write_bytes(data: bytes) -> None:
    """Writes bytes to stdout."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def write_object(value: Row) -> None:
    """Writes one JSON object, indented."""
    write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def write_json_lines(rows: Iterable[Row]) -> None:
    """Writes one JSON object per line."""
    write_bytes(b"".join([orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows]))


async def write_rows(
    groups: AsyncIterable[Sequence[Row]], columns: Sequence[str], *, as_json: bool
) -> int:
    """Writes groups of rows as they arrive, as JSON lines or as one table.

    Returns:
        Number of rows.
    """
    count, table = 0, None if as_json else TableWriter(columns)
    async for rows in groups:
        count += len(rows)
        if table is None:
            write_json_lines(rows)
        else:
            table.write(rows)
    if table is not None:
        table.finish()
    return count


async def grouped(items: AsyncIterator[T], size: int = 1_000) -> AsyncIterator[list[T]]:
    """Gathers items into lists of at most that size."""
    group: list[T] = []
    async for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


class TableWriter:
    """Writes rows under a heading; widths come from the first rows.

    Args:
        columns: keys of the rows, shown as the heading with spaces for underscores.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._widths: list[int] = []
        self._right: list[bool] = []

    def write(self, rows: Sequence[Row]) -> None:
        """Writes rows, and the heading before the first."""
        if not rows:
            return
        if not self._widths:
            self._measure(rows[:_MEASURED_ROWS])
            self._write_heading()
        lines = [self._line([cell(row.get(name), name) for name in self._columns]) for row in rows]
        write_bytes("".join(lines).encode())

    def finish(self) -> None:
        """Says so if there was no row."""
        if not self._widths:
            typer.echo("nothing found", err=True)

    def _measure(self, rows: Sequence[Row]) -> None:
        for name in self._columns:
            cells = [cell(row.get(name), name) for row in rows]
            self._widths.append(max(map(len, itertools.chain([name], cells))))
            self._right.append(all(isinstance(row.get(name), int | float) for row in rows))

    def _write_heading(self) -> None:
        line = self._line([name.replace("_", " ") for name in self._columns])
        write_bytes((typer.style(line, bold=True) if sys.stdout.isatty() else line).encode())

    def _line(self, cells: Sequence[str]) -> str:
        padded = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(cells, self._widths, self._right, strict=True)
        ]
        return "  ".join(padded).rstrip() + "\n"


def cell(value: object, column: str) -> str:
    """A value as people read it in a column of a table."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}" if column in _COUNTS else str(value)
        case list() | tuple():
            return ", ".join(map(str, value)) or "-"
        case _:
            return str(value)
