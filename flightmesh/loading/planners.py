"""Planners: fed with pieces of a file, they end in a `LoadPlan`. One per format.

All share one shape, `Planner`. They do not wait and do no I/O, but `finish` of a large file takes
seconds of computing: call it where that is allowed. Flights have theirs in `flights`.
"""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar, final

import msgspec

from flightmesh.errors import InvalidInput
from flightmesh.loading import airplanes, airports
from flightmesh.loading.assignments import AssignmentTable, build_rotations
from flightmesh.loading.csv_rows import CsvReader, Row
from flightmesh.loading.issues import IssueLog, Rule
from flightmesh.loading.plan import LoadPlan, summarise
from flightmesh.loading.source_legs import DuplicateHandling, LegCollector
from flightmesh.loading.ssim_expand import MAX_DATED_LEGS, SsimExpander
from flightmesh.loading.ssim_records import SsimParser

T = TypeVar("T")


class Planner(Protocol):
    """Reads one file."""

    @property
    def records(self) -> int:
        """Records read so far."""
        ...

    def feed(self, piece: bytes) -> None:
        """Takes a piece of the file, of any size."""
        ...

    def finish(self) -> LoadPlan:
        """The plan. The planner is used up."""
        ...


@final
class SsimPlanner:
    """Plans the load of an SSIM file, with an assignments file or without.

    Args:
        schedule: name of the schedule.
        duplicates: what happens to a designator that comes twice.
        strict: whether the plan is refused if anything is wrong with the files.
        limit: number of dated legs that a file may give.
    """

    def __init__(
        self,
        schedule: str,
        duplicates: DuplicateHandling = DuplicateHandling.REPORT,
        *,
        strict: bool = False,
        limit: int = MAX_DATED_LEGS,
    ) -> None:
        self._schedule = schedule
        self._duplicates = duplicates
        self._strict = strict
        self._issues = IssueLog()
        self._parser = SsimParser(self._issues)
        self._collector = LegCollector(schedule, duplicates, self._issues)
        self._expander = SsimExpander(self._collector, self._issues, limit)
        self._table = AssignmentTable(self._issues)

    @property
    def records(self) -> int:
        """Records read so far, the assignments not counted."""
        return self._parser.records

    def feed(self, piece: bytes) -> None:
        """Takes a piece of the SSIM file."""
        self._expander.take(self._parser.feed(piece))

    def feed_assignments(self, piece: bytes) -> None:
        """Takes a piece of the assignments file; before, between or after those of the other."""
        self._table.feed(piece)

    def finish(self) -> LoadPlan:
        """The plan. The planner is used up."""
        self._expander.take(self._parser.finish())
        self._expander.finish()
        self._table.finish()
        collector = self._collector
        built = build_rotations(self._schedule, collector.legs(), self._table, self._issues)
        summary = summarise(self._issues, strict=self._strict)
        return LoadPlan(
            schedule=self._schedule,
            duplicates=self._duplicates,
            rotations=built.rotations,
            records=self._parser.records,
            items=collector.items,
            rejected=collector.rejected + built.rejected,
            lines_rejected=self._parser.lines_rejected + self._table.lines_rejected,
            code_share_duplicates=collector.code_share_duplicates,
            duplicate_designators=collector.duplicate_designators,
            issue_counts=summary.issue_counts,
            issues=summary.issues,
            refused=summary.refused,
        )


@final
class AirplanesPlanner:
    """Plans the load of airplanes; of two rows with one registration the first one counts."""

    def __init__(self, schedule: str, *, strict: bool = False) -> None:
        self._rows = _Rows(
            schedule, airplanes.COLUMNS, "airplanes", airplanes.airplane_of, "registration"
        )
        self._strict = strict

    @property
    def records(self) -> int:
        """Rows read so far."""
        return self._rows.reader.records

    def feed(self, piece: bytes) -> None:
        """Takes a piece of the file."""
        self._rows.take(self._rows.reader.feed(piece))

    def finish(self) -> LoadPlan:
        """The plan. The planner is used up."""
        plan = self._rows.finish(strict=self._strict)
        return msgspec.structs.replace(plan, airplanes=tuple(self._rows.found.values()))


@final
class AirportsPlanner:
    """Plans the load of airports; of two rows with one IATA code the first one counts."""

    def __init__(self, schedule: str, *, strict: bool = False) -> None:
        self._rows = _Rows(schedule, airports.COLUMNS, "airports", airports.airport_of, "iata")
        self._strict = strict

    @property
    def records(self) -> int:
        """Rows read so far."""
        return self._rows.reader.records

    def feed(self, piece: bytes) -> None:
        """Takes a piece of the file."""
        self._rows.take(self._rows.reader.feed(piece))

    def finish(self) -> LoadPlan:
        """The plan. The planner is used up."""
        plan = self._rows.finish(strict=self._strict)
        return msgspec.structs.replace(plan, airports=tuple(self._rows.found.values()))


@final
class _Rows(Generic[T]):
    """Rows of a CSV file that each name one thing, by the key column."""

    def __init__(
        self,
        schedule: str,
        columns: Sequence[str],
        what: str,
        read: Callable[[str, Row], T],
        key: str,
    ) -> None:
        self.issues = IssueLog()
        self.reader = CsvReader(columns, self.issues, what)
        self.found: dict[str, T] = {}
        self._schedule = schedule
        self._read = read
        self._key = key

    def take(self, rows: list[Row]) -> None:
        """Takes rows; a broken or repeated one is left out."""
        for row in rows:
            name = row.fields[self._key]
            if name in self.found:
                message = f"{name} stands in an earlier row"
                self.reader.reject(Rule.CSV_REPEATED, row.line, message)
                continue
            try:
                self.found[name] = self._read(self._schedule, row)
            except InvalidInput as error:
                self.reader.reject(Rule.CSV_VALUE, row.line, error.message)

    def finish(self, *, strict: bool) -> LoadPlan:
        """A plan with counts and issues; the things themselves are the caller's to add."""
        self.take(self.reader.finish())
        summary = summarise(self.issues, strict=strict)
        return LoadPlan(
            schedule=self._schedule,
            records=self.reader.records,
            items=self.reader.records,
            rejected=self.reader.lines_rejected,
            lines_rejected=self.reader.lines_rejected,
            issue_counts=summary.issue_counts,
            issues=summary.issues,
            refused=summary.refused,
        )
