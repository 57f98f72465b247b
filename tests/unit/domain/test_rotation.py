"""The rotation: no two legs overlap, ever."""

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from flightmesh.domain import commands as c
from flightmesh.domain import events as e
from flightmesh.domain.rotation import RotationState
from flightmesh.domain.schedule import ScheduleState
from flightmesh.domain.values import Leg, Minute
from flightmesh.eventsourcing import Accepted, Rejection
from flightmesh.ids import AggregateId, LegId
from flightmesh.schedule_model import ScheduleModel
from flightmesh.testing.given_when_then import Story, given
from tests.unit.domain.strategies import BASE, rotation_commands

SCHEDULE = ScheduleState("s05", 1, True)
CREATED = e.RotationCreated("s05", 1, "line 7")
AIRPLANE = AggregateId("00000000-0000-4000-8000-0000000000aa")


def leg(number: int, departure: int, arrival: int, **fields: object) -> Leg:
    values: dict[str, object] = {
        "leg_id": LegId(f"00000000-0000-4000-8000-{number:012d}"),
        "carrier": "XX",
        "flight_number": number,
        "suffix": "",
        "day_of_origin": "2005-06-14",
        "departure_airport": "MRS",
        "arrival_airport": "CDG",
        "departure": Minute(BASE + departure),
        "arrival": Minute(BASE + arrival),
    }
    return Leg(**{**values, **fields})  # type: ignore[arg-type]


def rotation(*events: object) -> Story:
    story = given(ScheduleModel(), "rotation", scope="s05", scope_state=SCHEDULE)
    return story.after(*events)


def test_a_rotation_is_created_empty() -> None:
    rotation().when(c.CreateRotation("line 7")).then(CREATED)


def test_a_rotation_that_exists_is_not_created_again() -> None:
    rotation(CREATED).when(c.CreateRotation()).then_refused("ROTATION_EXISTS")


def test_a_leg_is_added() -> None:
    rotation(CREATED).when(c.AddLeg(leg(1, 0, 60))).then(e.LegAdded(leg(1, 0, 60)))


@pytest.mark.parametrize(
    ("departure", "arrival"), [(50, 110), (110, 170), (70, 90), (40, 200), (60, 120), (119, 121)]
)
def test_a_leg_that_overlaps_is_refused(departure: int, arrival: int) -> None:
    story = rotation(CREATED, e.LegAdded(leg(1, 60, 120)), e.LegAdded(leg(2, 200, 260)))
    story.when(c.AddLeg(leg(3, departure, arrival))).then_refused(
        "LEG_OVERLAP", overlapping_leg_id=leg(1, 0, 1).leg_id, leg_id=leg(3, 0, 1).leg_id
    )


@pytest.mark.parametrize(("departure", "arrival"), [(0, 60), (120, 180)])
def test_legs_may_touch(departure: int, arrival: int) -> None:
    new = leg(2, departure, arrival)
    rotation(CREATED, e.LegAdded(leg(1, 60, 120))).when(c.AddLeg(new)).then(e.LegAdded(new))


def test_a_leg_that_is_there_already_changes_nothing() -> None:
    rotation(CREATED, e.LegAdded(leg(1, 0, 60))).when(c.AddLeg(leg(1, 0, 60))).then_nothing()


def test_a_leg_id_with_other_values_is_refused() -> None:
    story = rotation(CREATED, e.LegAdded(leg(1, 0, 60)))
    story.when(c.AddLeg(leg(1, 0, 61))).then_refused("LEG_EXISTS")


def test_legs_are_added_all_or_none() -> None:
    story = rotation(CREATED, e.LegAdded(leg(1, 60, 120)))
    story.when(c.AddLegs((leg(2, 0, 60), leg(3, 100, 130)))).then_refused("LEG_OVERLAP")
    story.when(c.AddLegs((leg(2, 120, 150), leg(3, 140, 170)))).then_refused("LEG_OVERLAP")
    story.when(c.AddLegs((leg(3, 120, 130), leg(2, 0, 60)))).then(
        e.LegAdded(leg(3, 120, 130)), e.LegAdded(leg(2, 0, 60))
    )


def test_a_leg_is_moved_in_time_over_its_own_old_place() -> None:
    story = rotation(CREATED, e.LegAdded(leg(1, 60, 120, departure_offset=120)))
    moved = c.ChangeLegTimes(leg(1, 0, 1).leg_id, Minute(BASE + 90), Minute(BASE + 150), None, 60)
    event = e.LegTimesChanged(moved.leg_id, moved.departure, moved.arrival, 120, 60)
    story.when(moved).then(event)
    story.when(moved).then_nothing()


def test_a_leg_is_not_moved_onto_another() -> None:
    story = rotation(CREATED, e.LegAdded(leg(1, 0, 60)), e.LegAdded(leg(2, 60, 120)))
    moved = c.ChangeLegTimes(leg(1, 0, 1).leg_id, Minute(BASE + 10), Minute(BASE + 61))
    story.when(moved).then_refused("LEG_OVERLAP", overlapping_leg_id=leg(2, 0, 1).leg_id)


def test_an_absent_leg_is_neither_removed_nor_moved() -> None:
    absent = leg(9, 0, 1).leg_id
    story = rotation(CREATED)
    story.when(c.RemoveLeg(absent)).then_refused("LEG_NOT_FOUND", leg_id=absent)
    story.when(c.ChangeLegTimes(absent, Minute(BASE), Minute(BASE + 1))).then_refused(
        "LEG_NOT_FOUND"
    )


def test_a_removed_leg_makes_room() -> None:
    story = rotation(CREATED, e.LegAdded(leg(1, 0, 60)), e.LegRemoved(leg(1, 0, 60).leg_id))
    story.when(c.AddLeg(leg(2, 30, 90))).then(e.LegAdded(leg(2, 30, 90)))


def test_a_rotation_is_assigned_moved_and_unassigned() -> None:
    story = rotation(CREATED)
    assign = c.AssignRotationToAirplane(AIRPLANE, "N971AT")
    story.when(c.UnassignRotation()).then_nothing()
    story.when(assign).then(e.RotationAssignedToAirplane(AIRPLANE, "N971AT"))
    story.when(assign).then_nothing()
    story.when(c.UnassignRotation()).then(e.RotationUnassigned())


@pytest.mark.parametrize(
    "command",
    [
        c.AddLeg(leg(1, 0, 60)),
        c.AddLegs((leg(1, 0, 60),)),
        c.RemoveLeg(leg(1, 0, 60).leg_id),
        c.ChangeLegTimes(leg(1, 0, 60).leg_id, Minute(BASE), Minute(BASE + 5)),
        c.RemoveRotation(),
        c.AssignRotationToAirplane(AIRPLANE),
        c.UnassignRotation(),
    ],
)
def test_a_rotation_that_does_not_exist_refuses_everything(command: object) -> None:
    rotation().when(command).then_refused("ROTATION_NOT_FOUND")
    rotation(CREATED, e.RotationRemoved()).when(command).then_refused("ROTATION_REMOVED")


def test_a_removed_rotation_can_be_created_again_empty() -> None:
    story = rotation(CREATED, e.LegAdded(leg(1, 0, 60)), e.RotationRemoved())
    story.when(c.CreateRotation("line 8")).then(e.RotationCreated("s05", 1, "line 8"))
    story.when(c.AddLeg(leg(2, 30, 90))).then(e.LegAdded(leg(2, 30, 90)))


def test_a_rotation_of_an_earlier_incarnation_counts_as_removed() -> None:
    story = rotation(CREATED, e.LegAdded(leg(1, 0, 60)))
    story.scope_state = ScheduleState("s05", 2, True)
    story.when(c.AddLeg(leg(2, 60, 90))).then_refused("ROTATION_REMOVED")
    story.when(c.CreateRotation()).then(e.RotationCreated("s05", 2, ""))
    story.when(c.AddLeg(leg(2, 30, 90))).then(e.LegAdded(leg(2, 30, 90)))


def test_a_schedule_that_does_not_exist_refuses_everything() -> None:
    story = rotation(CREATED)
    story.scope_state = ScheduleState()
    story.when(c.AddLeg(leg(1, 0, 60))).then_refused("SCHEDULE_NOT_FOUND", schedule="s05")
    story.scope_state = ScheduleState("s05", 1, False)
    story.when(c.AddLeg(leg(1, 0, 60))).then_refused("SCHEDULE_DELETED", schedule="s05")


def test_an_unknown_airport_is_warned_of() -> None:
    story = given(
        ScheduleModel(lambda iata: iata == "MRS"), "rotation", scope="s05", scope_state=SCHEDULE
    ).after(CREATED)
    story.when(c.AddLeg(leg(1, 0, 60))).then_warned("UNKNOWN_AIRPORT")
    story.when(c.AddLeg(leg(1, 0, 60))).then_warned()
    story.when(c.AddLegs((leg(2, 60, 90, departure_airport="XXQ"),))).then_warned(
        "UNKNOWN_AIRPORT", "UNKNOWN_AIRPORT"
    )


def overlap(first: Leg, second: Leg) -> bool:
    return first.departure < second.arrival and second.departure < first.arrival


def check_legs(state: RotationState) -> None:
    legs = state.order
    assert state.departures == [leg.departure for leg in legs] == sorted(state.departures)
    assert {leg.leg_id: leg for leg in legs} == state.legs
    assert len(legs) == len(state.legs)
    assert not any(overlap(a, b) for n, a in enumerate(legs) for b in legs[:n])


def overlaps_something(state: RotationState, command: c.AddLeg | c.ChangeLegTimes) -> bool:
    """The same rule, said plainly."""
    if isinstance(command, c.AddLeg):
        others, new = state.order, command.leg
    else:
        others = [leg for leg in state.order if leg.leg_id != command.leg_id]
        new = leg(0, command.departure - BASE, command.arrival - BASE)
    return any(overlap(new, other) for other in others)


@examples(st.lists(rotation_commands, max_size=40))
def test_whatever_comes_no_two_legs_overlap_and_replay_gives_the_state(
    commands: list[object],
) -> None:
    story = rotation(CREATED)
    for command in commands:
        before, legs = story.state, dict(story.state.legs)
        plain = None
        if before.exists and isinstance(command, c.AddLeg) and command.leg.leg_id not in legs:
            plain = overlaps_something(before, command)
        if before.exists and isinstance(command, c.ChangeLegTimes) and command.leg_id in legs:
            plain = overlaps_something(before, command)
        verdict = story.when(command).verdict
        check_legs(story.state)
        if plain is not None:
            refused = isinstance(verdict, Rejection) and verdict.reason == "LEG_OVERLAP"
            assert refused == plain
        if isinstance(command, c.AddLegs) and isinstance(verdict, Accepted):
            assert {leg.leg_id for leg in command.legs} <= story.state.legs.keys()
