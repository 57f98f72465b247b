"""The flaws of the sample schedule: a few findings of each kind, always the same ones.

Each flaw changes rotations in place; none makes legs of one rotation overlap, which the domain
would refuse. Two rotations of one airplane at once give continuity findings as well: where one
change breaks several rules, all of them are found.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from flightmesh.domain.values import Leg, Minute
from flightmesh.loading.local_time import DAY

UNKNOWN_REGISTRATION: Final = "ZZ-GONE"
_EACH: Final = 3


class Draft(Protocol):
    """A rotation while the schedule is being made."""

    name: str
    registration: str
    legs: list[Leg]


def put_in_flaws(drafts: Sequence[Draft]) -> None:
    """Puts in flaws of all kinds, each into rotations of its own.

    Args:
        drafts: rotations by airplane, each airplane's in order of time; out and back from a hub.
    """
    short = [draft for draft in drafts if len(draft.legs) >= 4]
    # Every 37th rotation: spread over airplanes and days, and none used twice.
    chosen = iter(short[20::37])
    flaws: tuple[Callable[[Draft], None], ...] = (
        _break_continuity,
        _hurry,
        _change_type,
        _give_to_unknown,
    )
    for flaw in flaws:
        for _ in range(_EACH):
            flaw(next(chosen))
    for _ in range(_EACH):
        _repeat_designator(next(chosen), short)
    for _ in range(_EACH):
        _overlap(next(chosen), short)


def _break_continuity(draft: Draft) -> None:
    """The second flight back departs from where the first one did."""
    elsewhere = draft.legs[1]
    back = draft.legs[3]
    draft.legs[3] = msgspec.structs.replace(
        back, departure_airport=_other(elsewhere.departure_airport, back.departure_airport)
    )


def _other(wanted: str, unless: str) -> str:
    return wanted if wanted != unless else "BSL"


def _hurry(draft: Draft) -> None:
    """The first flight back departs a quarter of an hour after arrival."""
    out, back = draft.legs[0], draft.legs[1]
    departure = out.arrival + 15
    arrival = departure + back.arrival - back.departure
    draft.legs[1] = msgspec.structs.replace(
        back, departure=Minute(departure), arrival=Minute(arrival)
    )


def _change_type(draft: Draft) -> None:
    """The first flight is planned with a type that the airplane is not."""
    leg = draft.legs[0]
    other = "321" if leg.aircraft_type == "320" else "320"
    draft.legs[0] = msgspec.structs.replace(leg, aircraft_type=other)


def _give_to_unknown(draft: Draft) -> None:
    """The airplane of the rotation does not exist."""
    draft.registration = UNKNOWN_REGISTRATION


def _repeat_designator(draft: Draft, others: Sequence[Draft]) -> None:
    """The first flight has the number of another one from the same airport on the same day."""
    leg = draft.legs[0]
    for other in others:
        twin = other.legs[0]
        same_place = twin.departure_airport == leg.departure_airport
        if other is not draft and same_place and twin.day_of_origin == leg.day_of_origin:
            draft.legs[0] = msgspec.structs.replace(leg, flight_number=twin.flight_number)
            return
    raise ValueError(f"no other flight leaves {leg.departure_airport} that day")


def _overlap(draft: Draft, others: Sequence[Draft]) -> None:
    """The rotation goes to an airplane of the same type that flies another one at that time."""
    first = draft.legs[0]
    for other in others:
        twin = other.legs[0]
        like = (twin.departure_airport, twin.aircraft_type) == (
            first.departure_airport,
            first.aircraft_type,
        )
        near = abs(twin.departure - first.departure) < DAY // 4
        if like and near and other.registration not in (draft.registration, UNKNOWN_REGISTRATION):
            draft.registration = other.registration
            return
    raise ValueError(f"no other airplane flies at the time of {draft.name}")
