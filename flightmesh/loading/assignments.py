"""Which leg goes into which rotation.

First comes the assignments file: CSV with the columns of `COLUMNS`. The n-th row of a designator is
for the n-th leg of that designator in the schedule's file. Where it is silent, legs are chained by
their onward flights (see `onward`); else one rotation holds the legs of a flight and day.

Names of rotations that no file names, all derived from the first leg:
- `XX 946/2005-06-14`: the legs of one flight on one day of origin;
- `XX 946/2005-06-14/MRS`: legs chained over several flights, from the designator of the first one;
- with `#2`, `#3` ... behind where that name is in use already, in order of departure.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, final

from flightmesh.domain import values
from flightmesh.domain.values import Leg
from flightmesh.errors import InvalidInput
from flightmesh.loading import onward
from flightmesh.loading.csv_rows import CsvReader, Row
from flightmesh.loading.issues import IssueLog, Rule
from flightmesh.loading.plan import PlannedRotation, leg_order, planned_rotation
from flightmesh.loading.source_legs import SourceLeg

COLUMNS: Final = (
    "carrier",
    "flight_number",
    "suffix",
    "day_of_origin",
    "departure_airport",
    "rotation",
    "registration",
)


class Assignment(NamedTuple):
    """A row: the rotation of a leg, and the rotation's airplane (empty if not given)."""

    line: int
    rotation: str
    registration: str


@final
class AssignmentTable:
    """The assignments file; also the empty one.

    Attributes:
        registrations: airplane by rotation name, where given.
        lines_rejected: rows left out.
    """

    def __init__(self, issues: IssueLog) -> None:
        self._issues = issues
        self._reader = CsvReader(COLUMNS, issues, "assignments")
        self._rows: dict[str, list[Assignment]] = {}
        self._used: dict[str, int] = {}
        self._fed = False
        self.registrations: dict[str, str] = {}

    @property
    def lines_rejected(self) -> int:
        """Rows left out."""
        return self._reader.lines_rejected

    def feed(self, piece: bytes) -> None:
        """Takes a piece of the file."""
        self._fed = True
        for row in self._reader.feed(piece):
            self._take(row)

    def finish(self) -> None:
        """Takes what is left of the file, if there is one."""
        if self._fed:
            for row in self._reader.finish():
                self._take(row)

    def next_for(self, leg: Leg) -> Assignment | None:
        """The row for the next leg of this leg's designator; None where the file is silent."""
        rows = self._rows.get(leg.designator)
        if rows is None:
            return None
        used = self._used.get(leg.designator, 0)
        self._used[leg.designator] = used + 1
        return rows[used] if used < len(rows) else None

    def report_unused(self) -> None:
        """Notes the rows that no leg asked for."""
        for designator, rows in self._rows.items():
            for row in rows[self._used.get(designator, 0) :]:
                message = f"{designator} is assigned to {row.rotation}, but is not in the file"
                self._issues.add(Rule.ASSIGNMENT_NO_LEG, message, row.line)

    def _take(self, row: Row) -> None:
        try:
            designator = _designator(row)
            rotation, registration = row.fields["rotation"], row.fields["registration"]
            values.check_name(rotation, "rotation")
            if not rotation:
                raise InvalidInput("rotation", "is empty")
            if registration:
                values.check_registration(registration)
        except InvalidInput as error:
            self._reader.reject(Rule.CSV_VALUE, row.line, error.message)
            return
        known = self.registrations.get(rotation)
        if registration and known and known != registration:
            message = f"rotation {rotation} has {known} already, not {registration}"
            self._issues.add(Rule.ASSIGNMENT_CONFLICT, message, row.line)
        elif registration:
            self.registrations[rotation] = registration
        assignment = Assignment(row.line, rotation, registration)
        self._rows.setdefault(designator, []).append(assignment)


def _designator(row: Row) -> str:
    fields = row.fields
    carrier, number = fields["carrier"], fields["flight_number"]
    if not number.isdecimal() or not 1 <= int(number) <= 9999:
        raise InvalidInput("flight_number", f"{number[:20]!r} is not between 1 and 9999")
    values.check_day(fields["day_of_origin"], "day_of_origin")
    values.check_iata(fields["departure_airport"], "departure_airport")
    return values.designator(
        carrier,
        int(number),
        fields["suffix"],
        fields["day_of_origin"],
        fields["departure_airport"],
    )


class Rotations(NamedTuple):
    """Rotations of a file, and how many legs were left out since they overlap another one."""

    rotations: tuple[PlannedRotation, ...]
    rejected: int


def without_overlap(
    name: str, legs: Iterable[SourceLeg], issues: IssueLog
) -> tuple[list[Leg], int]:
    """Keeps, in order of departure, each leg that does not overlap the last one kept.

    Returns the legs and the number left out; each of these is an issue naming both legs.
    """
    kept: list[Leg] = []
    rejected = 0
    for source in sorted(legs, key=lambda source: leg_order(source.leg)):
        leg = source.leg
        if kept and leg.departure < kept[-1].arrival:
            rejected += 1
            message = (
                f"{leg.designator} ({values.iso_minute(leg.departure)} to "
                f"{values.iso_minute(leg.arrival)}) overlaps {kept[-1].designator} "
                f"({values.iso_minute(kept[-1].departure)} to "
                f"{values.iso_minute(kept[-1].arrival)}) in rotation {name}"
            )
            issues.add(Rule.LEG_OVERLAP, message, source.line)
        else:
            kept.append(leg)
    return kept, rejected


def build_rotations(
    schedule: str, legs: Sequence[SourceLeg], table: AssignmentTable, issues: IssueLog
) -> Rotations:
    """Puts every leg into a rotation: by the table, by onward flights, else by flight and day."""
    named: dict[str, list[SourceLeg]] = {}
    free: list[SourceLeg] = []
    for source in legs:
        row = table.next_for(source.leg)
        if row is None:
            free.append(source)
        else:
            named.setdefault(row.rotation, []).append(source)
    table.report_unused()
    rotations, rejected = [], 0
    for name, members in named.items():
        kept, left_out = without_overlap(name, members, issues)
        rejected += left_out
        registration = table.registrations.get(name, "")
        rotations.append(planned_rotation(schedule, name, registration, kept))
    used = set(named)
    for name, chain in _derived(free, issues):
        unique, number = name, 1
        while unique in used:
            number += 1
            unique = f"{name}#{number}"
        used.add(unique)
        rotations.append(planned_rotation(schedule, unique, "", chain, explicit=False))
    return Rotations(tuple(sorted(rotations, key=rotation_order)), rejected)


def rotation_order(rotation: PlannedRotation) -> tuple[int, str]:
    """Key that puts rotations in order of their first departure."""
    return (rotation.legs[0].departure if rotation.legs else 0, rotation.name)


def _derived(free: list[SourceLeg], issues: IssueLog) -> list[tuple[str, list[Leg]]]:
    after = onward.follow(free, issues)
    followers = set(after.values())
    by_flight: dict[tuple[str, int, str, str], list[list[Leg]]] = {}
    chains: list[list[Leg]] = []
    for index in range(len(free)):
        if index in followers:
            continue
        chain = [free[index].leg]
        here = index
        while here in after:
            here = after[here]
            chain.append(free[here].leg)
        if len({_flight(leg) for leg in chain}) == 1:
            by_flight.setdefault(_flight(chain[0]), []).append(chain)
        else:
            chains.append(chain)
    result = [(chain[0].designator, chain) for chain in chains]
    for flight, parts in by_flight.items():
        name = f"{flight[0]} {flight[1]}{flight[2]}/{flight[3]}"
        result += [(name, part) for part in _join(parts)]
    return sorted(result, key=lambda named: (leg_order(named[1][0]), named[0]))


def _flight(leg: Leg) -> tuple[str, int, str, str]:
    return (leg.carrier, leg.flight_number, leg.suffix, leg.day_of_origin)


def _join(parts: list[list[Leg]]) -> list[list[Leg]]:
    """Joins the parts of one flight and day, in order of departure, as far as none overlap."""
    joined: list[list[Leg]] = []
    for part in sorted(parts, key=lambda part: leg_order(part[0])):
        for earlier in joined:
            if earlier[-1].arrival <= part[0].departure:
                earlier.extend(part)
                break
        else:
            joined.append(part)
    return joined
