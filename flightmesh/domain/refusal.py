"""Refusals: why a well-formed command is not carried out. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

SCHEDULE_NOT_FOUND: Final = "SCHEDULE_NOT_FOUND"
SCHEDULE_DELETED: Final = "SCHEDULE_DELETED"
SCHEDULE_EXISTS: Final = "SCHEDULE_EXISTS"
ROTATION_NOT_FOUND: Final = "ROTATION_NOT_FOUND"
ROTATION_REMOVED: Final = "ROTATION_REMOVED"
ROTATION_EXISTS: Final = "ROTATION_EXISTS"
LEG_OVERLAP: Final = "LEG_OVERLAP"
LEG_EXISTS: Final = "LEG_EXISTS"
LEG_NOT_FOUND: Final = "LEG_NOT_FOUND"
AIRPLANE_NOT_FOUND: Final = "AIRPLANE_NOT_FOUND"
AIRPLANE_RETIRED: Final = "AIRPLANE_RETIRED"
AIRPLANE_EXISTS: Final = "AIRPLANE_EXISTS"
AIRPORT_MISMATCH: Final = "AIRPORT_MISMATCH"
WRONG_AGGREGATE: Final = "WRONG_AGGREGATE"


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A refused command.

    Attributes:
        reason: UPPER_SNAKE_CASE name, one of this module's for the domain.
        message: sentence for people.
        details: values a program can act on.
    """

    reason: str
    message: str
    details: Mapping[str, str] = {}


Decision = Sequence[object] | Refusal
