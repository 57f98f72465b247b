"""Dated legs as a file gives them, and the ids that they get.

A leg's id is derived from the schedule, the designator and the leg's occurrence: how many legs with
that designator stand before it in the file. What happens to a designator that a file gives twice is
the caller's choice (`DuplicateHandling`); occurrences are counted over the whole file, whether or
not a leg is left out later, so that ids do not depend on other legs being refused.
"""

import enum
from typing import final

import msgspec

from flightmesh import ids
from flightmesh.domain.values import Leg
from flightmesh.ids import LegId
from flightmesh.loading.issues import IssueLog, Rule
from flightmesh.loading.ssim_layout import OnwardFlight


class DuplicateHandling(enum.Enum):
    """What to do with a designator given twice, and with a stored leg that differs."""

    REJECT = "reject"
    REPLACE = "replace"
    REPORT = "report"


class SourceLeg(msgspec.Struct, frozen=True, gc=False):
    """A dated leg of a file.

    Attributes:
        leg: the leg, with its id.
        line: where it stands.
        onward: next flight of the aircraft, if the file says so.
        code_share: whether it is a marketing duplicate of another airline's leg.
        rotation: name of the rotation that the file itself gives (a tail number), else empty.
    """

    leg: Leg
    line: int
    onward: OnwardFlight | None = None
    code_share: bool = False
    rotation: str = ""


@final
class LegCollector:
    """Takes the legs of a file in its order; gives ids and settles duplicates.

    Attributes:
        items: legs taken, code-share duplicates not counted.
        rejected: of these, legs left out.
        code_share_duplicates: marked legs, kept out.
        duplicate_designators: designators that came more than once.
    """

    def __init__(self, schedule: str, handling: DuplicateHandling, issues: IssueLog) -> None:
        self._schedule = schedule
        self._handling = handling
        self._issues = issues
        self._occurrences: dict[str, int] = {}
        self._place: dict[str, int] = {}
        self._legs: list[SourceLeg | None] = []
        self.items = 0
        self.rejected = 0
        self.code_share_duplicates = 0
        self.duplicate_designators = 0

    def next_id(self, designator: str) -> LegId:
        """The id for the next leg of that designator; follow it by `add`."""
        numbered = self._handling is DuplicateHandling.REPORT
        occurrence = self._occurrences.get(designator, 0) if numbered else 0
        return ids.leg_id(self._schedule, designator, occurrence)

    def add(self, source: SourceLeg) -> None:
        """Takes a leg whose id came from `next_id`."""
        designator = source.leg.designator
        if source.code_share:
            self.code_share_duplicates += 1
            message = f"{designator} is a code-share duplicate; it is not loaded"
            self._issues.add(Rule.CODE_SHARE, message, source.line)
            return
        self.items += 1
        occurrence = self._occurrences.get(designator, 0)
        self._occurrences[designator] = occurrence + 1
        if not occurrence:
            if self._handling is DuplicateHandling.REPLACE:
                self._place[designator] = len(self._legs)
            self._legs.append(source)
            return
        self.duplicate_designators += occurrence == 1
        self._duplicate(source, designator)

    def refuse(self, designator: str) -> None:
        """Counts a leg that was well-formed enough to have a designator but cannot be loaded."""
        self.items += 1
        self.rejected += 1
        self._occurrences[designator] = self._occurrences.get(designator, 0) + 1

    def _duplicate(self, source: SourceLeg, designator: str) -> None:
        if self._handling is DuplicateHandling.REPORT:
            message = f"{designator} occurs again; both legs are loaded"
            self._issues.add(Rule.DUPLICATE_REPORTED, message, source.line)
            self._legs.append(source)
            return
        self.rejected += 1
        if self._handling is DuplicateHandling.REJECT:
            message = f"{designator} occurs again; this leg is left out"
            self._issues.add(Rule.DUPLICATE_REJECTED, message, source.line)
            return
        place = self._place.get(designator)
        earlier = None if place is None else self._legs[place]
        where = f" of line {earlier.line}" if earlier else ""
        message = f"{designator} occurs again; it takes the place of the leg{where}"
        self._issues.add(Rule.DUPLICATE_REPLACED, message, source.line)
        if place is not None:
            self._legs[place] = None
        self._place[designator] = len(self._legs)
        self._legs.append(source)

    def legs(self) -> list[SourceLeg]:
        """The legs that stay, in the file's order (a replacing leg stands where it stood)."""
        return [source for source in self._legs if source is not None]
