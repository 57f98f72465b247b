"""What can be wrong with a file, and the log that collects it.

Every rule has one level. An `ERROR` leaves something out; an `IRREGULAR` file breaks its format but
can be read; a `NOTICE` says something worth knowing about a proper file. Strict mode refuses a file
that has errors or irregularities, never one that has only notices.
"""

import enum
from typing import final

import msgspec

MAX_KEPT_ISSUES = 1_000


class Level(enum.IntEnum):
    """How grave an issue is."""

    NOTICE = 0
    IRREGULAR = 1
    ERROR = 2


class Rule(enum.Enum):
    """The rules; the name is the public id, the value is the level and what the rule says."""

    SSIM_RECORD_TYPE = (Level.ERROR, "a line begins with a record type 1 to 5, or is all zeros")
    SSIM_ENCODING = (Level.ERROR, "the columns that are read hold printable ASCII")
    SSIM_TRUNCATED = (Level.ERROR, "a record has all its mandatory columns")
    SSIM_NO_CARRIER = (Level.ERROR, "a leg stands in a carrier block that could be read")
    SSIM_CARRIER = (Level.ERROR, "an airline designator is two or three of A-Z and 0-9")
    SSIM_TIME_MODE = (Level.ERROR, "the time mode is U or L")
    SSIM_FLIGHT = (Level.ERROR, "a flight number is 1 to 9999, with a suffix A-Z or none")
    SSIM_ITINERARY_ID = (Level.ERROR, "itinerary variation and leg sequence are numbers from 1")
    SSIM_SERVICE_TYPE = (Level.ERROR, "a service type is one letter")
    SSIM_DATE = (Level.ERROR, "a date is DDMMMYY and exists")
    SSIM_PERIOD = (Level.ERROR, "a period ends on or after its start, at most three years later")
    SSIM_DAYS = (Level.ERROR, "days of operation are digits in their own places, at least one")
    SSIM_FREQUENCY = (Level.ERROR, "the frequency rate is blank or 2, and 2 has no open period")
    SSIM_STATION = (Level.ERROR, "a station is three letters")
    SSIM_TIME = (Level.ERROR, "a departure is 0000 to 2359, an arrival 0000 to 2400")
    SSIM_VARIATION = (Level.ERROR, "a UTC variation is +HHMM or -HHMM, at most 14 hours")
    SSIM_AIRCRAFT_TYPE = (Level.ERROR, "an aircraft type is three of A-Z and 0-9, or blank")
    SSIM_TOO_MANY_LEGS = (Level.ERROR, "a file gives no more dated legs than the limit")
    SSIM_HEADER = (Level.IRREGULAR, "a file begins with a type 1 record")
    SSIM_VALIDITY = (Level.IRREGULAR, "a carrier block says from when to when it is valid")
    SSIM_SERIAL = (Level.IRREGULAR, "record serial numbers go up by one")
    SSIM_TRAILER = (Level.IRREGULAR, "a carrier block ends in a type 5 record that refers to it")
    SSIM_LINE_LENGTH = (Level.IRREGULAR, "a record has 200 columns")
    SSIM_UNREAD_ENCODING = (Level.IRREGULAR, "columns that are not read hold ASCII, too")
    SSIM_SEGMENT = (Level.IRREGULAR, "a type 4 record follows the leg that it belongs to")
    SSIM_BLOCK_CARRIER = (Level.IRREGULAR, "a leg has the airline of its carrier block")
    SSIM_FORTNIGHT = (Level.IRREGULAR, "a fortnightly period starts and ends on operating dates")
    SSIM_NO_DATES = (Level.IRREGULAR, "a leg operates on at least one date of its period")
    SSIM_DATE_VARIATION = (Level.IRREGULAR, "date variations agree with the itinerary")
    SSIM_ITINERARY = (Level.IRREGULAR, "a later leg of an itinerary follows its first leg")
    SSIM_ONWARD = (Level.IRREGULAR, "onward-flight fields are blank or well-formed")
    SSIM_OUTSIDE_VALIDITY = (Level.NOTICE, "a period lies within the carrier block's validity")
    SSIM_TIME_ZONE = (Level.NOTICE, "a UTC variation agrees with the time zone database")
    SSIM_ONWARD_UNRESOLVED = (Level.NOTICE, "an onward flight is in the file")
    SSIM_ONWARD_TAKEN = (Level.NOTICE, "an onward flight follows one leg only")
    CODE_SHARE = (Level.NOTICE, "a code-share duplicate is no leg of an airplane")
    AIRPORT_UNKNOWN = (Level.NOTICE, "an airport is in the reference data")
    DUPLICATE_REJECTED = (Level.ERROR, "a designator occurs once (duplicates: reject)")
    DUPLICATE_REPLACED = (Level.NOTICE, "a designator occurs once (duplicates: replace)")
    DUPLICATE_REPORTED = (Level.NOTICE, "a designator occurs once (duplicates: report)")
    LEG_OVERLAP = (Level.ERROR, "no two legs of one rotation overlap")
    LEG_INVALID = (Level.ERROR, "a leg arrives after it departs, at most 48 hours later")
    FILE_EMPTY = (Level.IRREGULAR, "a file holds something")
    CSV_HEADER = (Level.ERROR, "a file begins with the names of its columns")
    CSV_COLUMNS = (Level.ERROR, "a row has as many fields as the header")
    CSV_ENCODING = (Level.ERROR, "a row is UTF-8 text")
    CSV_VALUE = (Level.ERROR, "a field has the form of its column")
    CSV_REPEATED = (Level.ERROR, "a row names something that no earlier row names")
    ASSIGNMENT_NO_LEG = (Level.NOTICE, "an assignment names a leg of the file")
    ASSIGNMENT_CONFLICT = (Level.ERROR, "the rows of one rotation name one registration")
    FLIGHTS_COLUMNS = (Level.ERROR, "a row has at least 18 fields")
    FLIGHTS_DATE = (Level.ERROR, "year, month and day make a date")
    FLIGHTS_TIME = (Level.ERROR, "a scheduled time is 0 to 2400, as hhmm")
    FLIGHTS_FLIGHT = (Level.ERROR, "carrier and flight number are well-formed")
    FLIGHTS_AIRPORT = (Level.ERROR, "an airport is three letters")
    FLIGHTS_TAIL_NUMBER = (Level.ERROR, "a flight has a tail number")
    TIME_ZONE_UNKNOWN = (Level.ERROR, "an airport whose local time is needed has a known time zone")
    STORED_LEG_DIFFERS = (Level.NOTICE, "a stored leg equals the file's")
    STORED_LEG_ELSEWHERE = (Level.NOTICE, "a stored leg is in the rotation that the file gives")
    STORED_LEG_MOVED = (Level.NOTICE, "a leg stays in its rotation unless a file names another one")
    STORED_ASSIGNMENT = (Level.NOTICE, "a rotation keeps its airplane unless a file names another")
    STORED_LEG_OVERLAP = (Level.ERROR, "a leg of the file overlaps no stored leg of its rotation")

    @property
    def level(self) -> Level:
        """How grave a breach is."""
        return self.value[0]

    @property
    def text(self) -> str:
        """What the rule says."""
        return self.value[1]


class Issue(msgspec.Struct, frozen=True, gc=False):
    """A breach of a rule at one place of a file.

    Attributes:
        line: from 1; 0 for the whole file.
        column: from 1; 0 for the whole line.
        rule: name of the rule.
        message: sentence for people.
        rejected: whether something was left out.
    """

    line: int
    column: int
    rule: str
    message: str
    rejected: bool


@final
class IssueLog:
    """Counts all issues by rule and keeps the first ones, so that a hopeless file costs no memory.

    Attributes:
        kept: the first issues, in order of discovery.
        counts: number of issues by rule name, all of them.
        worst: gravest level met; None while there is no issue.
    """

    def __init__(self, limit: int = MAX_KEPT_ISSUES) -> None:
        self._limit = limit
        self._said: set[tuple[Rule, str]] = set()
        self.kept: list[Issue] = []
        self.counts: dict[str, int] = {}
        self.worst: Level | None = None

    def add(self, rule: Rule, message: str, line: int = 0, column: int = 0) -> None:
        """Notes a breach of rule at a place (both from 1; 0 where there is none)."""
        self.counts[rule.name] = self.counts.get(rule.name, 0) + 1
        level = rule.level
        if self.worst is None or level > self.worst:
            self.worst = level
        if len(self.kept) < self._limit:
            rejected = level is Level.ERROR
            self.kept.append(Issue(line, column, rule.name, message, rejected))

    def add_once(
        self, rule: Rule, subject: str, message: str, line: int = 0, column: int = 0
    ) -> None:
        """Notes a breach, unless one of the same rule about the same subject was noted before."""
        if (rule, subject) not in self._said:
            self._said.add((rule, subject))
            self.add(rule, message, line, column)

    @property
    def refuses_strict(self) -> bool:
        """Whether strict mode refuses the file."""
        return self.worst is not None and self.worst >= Level.IRREGULAR
