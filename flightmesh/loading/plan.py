"""The plan of a load: all that a loader has to know, and what the report says of the file.

A plan is what the file says, whatever the schedule holds; `difference` compares the two.
"""

import itertools
from typing import Final, final

import msgspec

from flightmesh import ids
from flightmesh.domain import values
from flightmesh.domain.values import Leg
from flightmesh.errors import InvalidInput
from flightmesh.ids import AggregateId
from flightmesh.loading.issues import Issue, IssueLog, Level, Rule
from flightmesh.loading.source_legs import DuplicateHandling

NO_REGISTRATION: Final = ""


class PlannedAirplane(msgspec.Struct, frozen=True, gc=False):
    """An airplane that the schedule should have.

    Attributes:
        stated: whether the file describes the airplane; if it only names it (a tail number), an
            airplane that is there already stays as it is.
    """

    airplane_id: AggregateId
    registration: str
    aircraft_type: str = ""
    minimum_ground_minutes: int | None = None
    stated: bool = True


class PlannedAirport(msgspec.Struct, frozen=True, gc=False):
    """An airport that the schedule should have."""

    airport_id: AggregateId
    iata: str
    minimum_ground_minutes: int | None = None
    time_zone: str = ""


class PlannedRotation(msgspec.Struct, frozen=True, gc=False):
    """A rotation that the schedule should have.

    Attributes:
        rotation_id: derived from schedule and name.
        name: unique in the plan.
        registration: of its airplane; empty if the file does not say.
        legs: without overlap, in order of departure.
        explicit: whether a file names the rotation (assignments, tail numbers); else it was made up
            here, and legs that planners have put elsewhere stay there.
    """

    rotation_id: AggregateId
    name: str
    registration: str
    legs: tuple[Leg, ...]
    explicit: bool = True


class LoadPlan(msgspec.Struct, frozen=True):
    """What a file gives.

    Attributes:
        schedule: name of the schedule that ids are derived from.
        duplicates: how duplicates were, and differences to the schedule are to be, handled.
        airplanes: in the file's order.
        airports: in the file's order.
        rotations: in order of their first departure.
        records: records (lines with content) read.
        items: dated legs (or airplanes, or airports) that the file gives.
        rejected: of these, left out.
        lines_rejected: lines left out because they could not be read (they give no items).
        code_share_duplicates: legs marked as code share; not among the items.
        duplicate_designators: designators that the file gives more than once.
        issue_counts: all issues, by rule.
        issues: the first ones.
        refused: whether strict mode refuses the file; nothing of it may be applied then.
    """

    schedule: str
    duplicates: DuplicateHandling = DuplicateHandling.REPORT
    airplanes: tuple[PlannedAirplane, ...] = ()
    airports: tuple[PlannedAirport, ...] = ()
    rotations: tuple[PlannedRotation, ...] = ()
    records: int = 0
    items: int = 0
    rejected: int = 0
    lines_rejected: int = 0
    code_share_duplicates: int = 0
    duplicate_designators: int = 0
    issue_counts: dict[str, int] = {}
    issues: tuple[Issue, ...] = ()
    refused: bool = False

    @property
    def unusable(self) -> bool:
        """Whether this is no file of its kind, so that nothing of it may be applied.

        Either nothing in it can be used and something is wrong with it, or a CSV file lacks the
        names of its columns.
        """
        if Rule.CSV_HEADER.name in self.issue_counts:
            return True
        empty = not (self.airplanes or self.airports or self.leg_count)
        return empty and any(Rule[name].level > Level.NOTICE for name in self.issue_counts)

    @property
    def leg_count(self) -> int:
        """Number of legs in the rotations."""
        return sum(len(rotation.legs) for rotation in self.rotations)


def leg_order(leg: Leg) -> tuple[int, int, str]:
    """Key that puts legs in order of departure, with ties broken the same way everywhere."""
    return (leg.departure, leg.arrival, leg.leg_id)


def planned_airplane(
    schedule: str,
    registration: str,
    aircraft_type: str = "",
    minimum_ground_minutes: int | None = None,
    *,
    stated: bool = True,
) -> PlannedAirplane:
    """An airplane with its derived id.

    Raises:
        InvalidInput: a value is malformed.
    """
    values.check_registration(registration)
    values.check_aircraft_type(aircraft_type)
    values.check_ground_minutes(minimum_ground_minutes)
    return PlannedAirplane(
        ids.airplane_id(schedule, registration),
        registration,
        aircraft_type,
        minimum_ground_minutes,
        stated,
    )


def planned_rotation(
    schedule: str,
    name: str,
    registration: str,
    legs: list[Leg],
    *,
    explicit: bool = True,
) -> PlannedRotation:
    """A rotation with its derived id and its legs in order.

    Raises:
        InvalidInput: legs overlap.
    """
    ordered = sorted(legs, key=leg_order)
    for first, second in itertools.pairwise(ordered):
        if second.departure < first.arrival:
            text = f"{second.designator} overlaps {first.designator} in rotation {name}"
            raise InvalidInput("legs", text)
    rotation_id = ids.rotation_id(schedule, name)
    return PlannedRotation(rotation_id, name, registration, tuple(ordered), explicit)


@final
class IssueSummary(msgspec.Struct, frozen=True):
    """What a plan keeps of its issue log."""

    issue_counts: dict[str, int]
    issues: tuple[Issue, ...]
    refused: bool


def summarise(log: IssueLog, *, strict: bool) -> IssueSummary:
    """Counts and kept issues; refused if the caller is strict and the file is not clean."""
    return IssueSummary(dict(log.counts), tuple(log.kept), strict and log.refuses_strict)
