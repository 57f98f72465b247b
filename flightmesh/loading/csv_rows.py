"""Rows of a CSV file that arrives in pieces. One row per line; quoted line ends are not taken.

The first line that is not blank names the columns, in any order and any case; further columns are
ignored. A row that cannot be read is an issue, and reading goes on.
"""

import csv
from collections.abc import Mapping, Sequence
from typing import NamedTuple, final

from flightmesh.loading.issues import IssueLog, Rule
from flightmesh.loading.lines import LineSplitter


class Row(NamedTuple):
    """A row: its line, and its fields by column name, without blanks around them."""

    line: int
    fields: Mapping[str, str]


@final
class CsvReader:
    """Reads rows with the columns that the caller requires.

    Attributes:
        records: rows read so far, broken ones included, the header not counted.
        lines_rejected: rows that were left out by this reader.
    """

    def __init__(self, columns: Sequence[str], issues: IssueLog, what: str) -> None:
        self._columns = tuple(columns)
        self._issues = issues
        self._what = what
        self._splitter = LineSplitter()
        self._line = 0
        self._header: tuple[str, ...] | None = None
        self.records = 0
        self.lines_rejected = 0

    def feed(self, piece: bytes) -> list[Row]:
        """The rows that the piece completes."""
        return self._read(self._splitter.feed(piece))

    def finish(self) -> list[Row]:
        """The last row, if the file does not end in a line end. The reader is used up."""
        rows = self._read(self._splitter.finish())
        if self._header is None:
            self._issues.add(Rule.FILE_EMPTY, f"the {self._what} file holds nothing")
        return rows

    def reject(self, rule: Rule, line: int, message: str) -> None:
        """Notes that the caller leaves a row out."""
        self.lines_rejected += 1
        self._issues.add(rule, message, line)

    def _read(self, lines: list[bytes]) -> list[Row]:
        rows = []
        for raw in lines:
            self._line += 1
            if not raw.strip():
                continue
            values = self._values(raw)
            if self._header is None:
                self._begin(values or [])
                continue
            self.records += 1
            if values is None:
                self.reject(Rule.CSV_ENCODING, self._line, "the row is not UTF-8 text")
            elif not self._header:
                self.lines_rejected += 1
            elif len(values) != len(self._header):
                message = f"the row has {len(values)} fields, the header {len(self._header)}"
                self.reject(Rule.CSV_COLUMNS, self._line, message)
            else:
                fields = dict(zip(self._header, map(str.strip, values), strict=True))
                rows.append(Row(self._line, fields))
        return rows

    def _begin(self, values: list[str]) -> None:
        header = tuple(value.strip().lower() for value in values)
        missing = [column for column in self._columns if column not in header]
        if missing:
            wanted = ",".join(self._columns)
            message = f"the header lacks {', '.join(missing)}; the columns are {wanted}"
            self._issues.add(Rule.CSV_HEADER, message, self._line)
        # Without its names a file is read for nothing but the number of its rows.
        self._header = () if missing else header

    @staticmethod
    def _values(raw: bytes) -> list[str] | None:
        try:
            text = raw.decode("utf-8")
            return next(csv.reader([text]), [])
        except (UnicodeDecodeError, csv.Error):
            return None
