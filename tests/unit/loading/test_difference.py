"""The commands that bring a schedule to a plan."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightmesh import ids
from flightmesh.domain import commands, rotation
from flightmesh.domain.refusal import Refusal
from flightmesh.domain.schedule import ScheduleState as DomainSchedule
from flightmesh.domain.values import Leg
from flightmesh.loading.difference import (
    LEGS_PER_COMMAND,
    ScheduleState,
    StoredAirplane,
    StoredAirport,
    StoredRotation,
    difference,
)
from flightmesh.loading.plan import (
    LoadPlan,
    PlannedAirport,
    planned_airplane,
    planned_rotation,
)
from flightmesh.loading.sample_schedule import sample_schedule
from flightmesh.loading.source_legs import DuplicateHandling

REPLACE, REPORT, REJECT = (
    DuplicateHandling.REPLACE,
    DuplicateHandling.REPORT,
    DuplicateHandling.REJECT,
)


def leg(number, start, length=60, **fields):
    values = {
        "leg_id": ids.leg_id("s", str(number), 0),
        "carrier": "XX",
        "flight_number": number,
        "suffix": "",
        "day_of_origin": "1970-01-01",
        "departure_airport": "MRS",
        "arrival_airport": "CDG",
        "departure": start,
        "arrival": start + length,
        **fields,
    }
    return Leg(**values)


def plan_of(rotations, handling=REPORT, **fields):
    planned = tuple(planned_rotation("s", name, "", list(legs)) for name, legs in rotations.items())
    items = sum(len(made.legs) for made in planned)
    return LoadPlan("s", handling, rotations=planned, items=items, **fields)


class Schedule:
    """Holds what commands lead to; one that the real Rotation refuses fails the test."""

    def __init__(self):
        self.legs, self.rotations, self.airplanes, self.airports = {}, {}, {}, {}
        self._decided = {}

    @property
    def state(self):
        return ScheduleState(
            dict(self.legs), dict(self.rotations), dict(self.airplanes), dict(self.airports)
        )

    def _decide(self, aggregate, command):
        state = self._decided.setdefault(aggregate, rotation.RotationState())
        events = rotation.decide(state, command, DomainSchedule("s", 1, exists=True))
        assert not isinstance(events, Refusal), events
        for event in events:
            self._decided[aggregate] = rotation.evolve(self._decided[aggregate], event)

    def apply(self, steps):
        for step in steps:
            commands.check(step.command)
            if commands.AGGREGATE_TYPE[type(step.command)] == "rotation":
                self._decide(step.aggregate_id, step.command)
            self._apply(step.aggregate_id, step.command)

    def _apply(self, aggregate, command):
        match command:
            case commands.CreateRotation(name):
                assert aggregate not in self.rotations
                self.rotations[aggregate] = StoredRotation(name)
            case commands.AddLegs(legs):
                for added in legs:
                    assert added.leg_id not in self.legs
                    self.legs[added.leg_id] = (added, aggregate)
            case commands.RemoveLeg(leg_id):
                assert self.legs.pop(leg_id)[1] == aggregate
            case commands.ChangeLegTimes(leg_id, departure, arrival, out_offset, in_offset):
                old, where = self.legs[leg_id]
                assert where == aggregate
                changed = msgspec.structs.replace(
                    old,
                    departure=departure,
                    arrival=arrival,
                    departure_offset=out_offset,
                    arrival_offset=in_offset,
                )
                self.legs[leg_id] = (changed, aggregate)
            case commands.AssignRotationToAirplane(airplane_id, _):
                name = self.rotations[aggregate].name
                self.rotations[aggregate] = StoredRotation(name, airplane_id)
            case commands.RegisterAirplane(registration, kind, minutes):
                assert aggregate not in self.airplanes
                self.airplanes[aggregate] = StoredAirplane(registration, kind, minutes)
            case commands.ChangeAirplane(kind, minutes):
                registration = self.airplanes[aggregate].registration
                self.airplanes[aggregate] = StoredAirplane(registration, kind, minutes)
            case commands.DefineAirport(iata, minutes, zone):
                self.airports[aggregate] = StoredAirport(iata, minutes, zone)
            case _:
                raise AssertionError(command)


def loaded(plan):
    schedule = Schedule()
    schedule.apply(difference(plan, ScheduleState()).steps)
    return schedule


def kinds(result):
    return [type(step.command).__name__ for step in result.steps]


def test_an_empty_schedule_gets_everything_and_a_second_load_nothing():
    planned = planned_rotation("s", "a", "F-OABC", [leg(1, 0), leg(2, 60)])
    airport = PlannedAirport(ids.airport_id("s", "MRS"), "MRS", 40, "Europe/Paris")
    plan = LoadPlan(
        "s",
        airplanes=(planned_airplane("s", "F-OABC", "772", 60),),
        airports=(airport,),
        rotations=(planned,),
        items=2,
    )
    first = difference(plan, ScheduleState())
    assert kinds(first) == [
        "DefineAirport",
        "RegisterAirplane",
        "CreateRotation",
        "AddLegs",
        "AssignRotationToAirplane",
    ]
    assert (first.added, first.changed, first.unchanged, first.rejected) == (2, 0, 0, 0)
    assert (first.rotations_created, first.airplanes_registered) == (1, 1)
    assert first.assignments_changed == 0
    assert sum(step.items for step in first.steps) == 2
    second = difference(plan, loaded(plan).state)
    assert second.steps == ()
    assert (second.added, second.changed, second.unchanged) == (0, 0, 2)


def test_legs_are_added_in_bounded_batches():
    legs = [leg(number, 60 * number) for number in range(1, 2 * LEGS_PER_COMMAND + 2)]
    result = difference(plan_of({"a": legs}), ScheduleState())
    sizes = [
        len(step.command.legs)
        for step in result.steps
        if isinstance(step.command, commands.AddLegs)
    ]
    assert sizes == [LEGS_PER_COMMAND, LEGS_PER_COMMAND, 1]


@pytest.mark.parametrize("handling", [REPORT, REJECT])
def test_changed_times_stay_and_are_reported_unless_replace_is_asked(handling):
    schedule = loaded(plan_of({"a": [leg(1, 0)]}))
    result = difference(plan_of({"a": [leg(1, 30)]}, handling), schedule.state)
    assert result.steps == ()
    assert (result.changed, result.unchanged, result.rejected) == (0, 0, 1)
    assert result.issue_counts == {"STORED_LEG_DIFFERS": 1}
    assert "departure 1970-01-01T00:00Z, not 1970-01-01T00:30Z" in result.issues[0].message


def test_under_replace_changed_times_are_changed_in_an_order_without_overlap():
    before = plan_of({"a": [leg(1, 0), leg(2, 60), leg(3, 120)]})
    for shift in (45, -45):
        schedule = loaded(before)
        after = plan_of(
            {"a": [leg(number, 60 * number - 60 + shift) for number in (1, 2, 3)]}, REPLACE
        )
        result = difference(after, schedule.state)
        assert kinds(result) == ["ChangeLegTimes"] * 3
        assert result.changed == 3
        schedule.apply(result.steps)
        assert difference(after, schedule.state).steps == ()


def test_legs_that_change_places_are_untied_by_taking_one_out():
    schedule = loaded(plan_of({"a": [leg(1, 0), leg(2, 60)]}))
    after = plan_of({"a": [leg(1, 60), leg(2, 0)]}, REPLACE)
    result = difference(after, schedule.state)
    assert kinds(result) == ["RemoveLeg", "ChangeLegTimes", "AddLegs"]
    schedule.apply(result.steps)
    assert difference(after, schedule.state).steps == ()


def test_under_replace_a_leg_that_differs_otherwise_is_made_anew():
    schedule = loaded(plan_of({"a": [leg(1, 0)]}))
    after = plan_of({"a": [leg(1, 0, aircraft_type="772")]}, REPLACE)
    result = difference(after, schedule.state)
    assert kinds(result) == ["RemoveLeg", "AddLegs"]
    schedule.apply(result.steps)
    assert schedule.legs[leg(1, 0).leg_id][0].aircraft_type == "772"


def test_a_leg_moves_to_the_rotation_that_a_file_names():
    schedule = loaded(plan_of({"a": [leg(1, 0), leg(2, 60)]}))
    after = plan_of({"b": [leg(2, 60)]})
    result = difference(after, schedule.state)
    assert kinds(result) == ["RemoveLeg", "CreateRotation", "AddLegs"]
    assert result.changed == 1
    assert result.issue_counts == {"STORED_LEG_MOVED": 1}
    assert "XX 2/1970-01-01/MRS is taken out of rotation a for b" in result.issues[0].message
    schedule.apply(result.steps)
    assert schedule.legs[leg(2, 0).leg_id][1] == ids.rotation_id("s", "b")


def test_a_leg_that_planners_moved_stays_where_the_file_names_no_rotation():
    schedule = loaded(plan_of({"a": [leg(1, 0)]}))
    planned = planned_rotation("s", "derived", "", [leg(1, 0)], explicit=False)
    result = difference(LoadPlan("s", REPORT, rotations=(planned,), items=1), schedule.state)
    assert result.steps == ()
    assert result.unchanged == 1
    assert result.issue_counts == {"STORED_LEG_ELSEWHERE": 1}
    assert "rotation a" in result.issues[0].message


def test_a_rotation_that_another_airplane_flew_is_listed():
    rotations = (planned_rotation("s", "a", "F-OABC", [leg(1, 0)]),)
    fleet = (planned_airplane("s", "F-OABC"), planned_airplane("s", "F-OXYZ"))
    schedule = loaded(LoadPlan("s", rotations=rotations, airplanes=fleet, items=1))
    again = LoadPlan("s", rotations=(planned_rotation("s", "a", "F-OXYZ", [leg(1, 0)]),), items=1)
    result = difference(again, schedule.state)
    assert result.issue_counts == {"STORED_ASSIGNMENT": 1}
    assert result.issues[0].message == "rotation a is taken from F-OABC for F-OXYZ"


def test_a_leg_that_overlaps_a_planners_leg_is_left_out_with_both_named():
    schedule = loaded(plan_of({"a": [leg(1, 0)]}))
    after = plan_of({"a": [leg(2, 30), leg(3, 90)]})
    result = difference(after, schedule.state)
    assert (result.added, result.rejected) == (1, 1)
    assert result.issue_counts == {"STORED_LEG_OVERLAP": 1}
    assert "XX 2/" in result.issues[0].message
    assert "XX 1/" in result.issues[0].message
    schedule.apply(result.steps)


def test_a_leg_that_cannot_move_blocks_those_that_wanted_its_place():
    foreign = leg(9, 200)
    schedule = loaded(plan_of({"a": [leg(1, 0)], "b": [foreign]}))
    after = plan_of({"b": [leg(1, 210)], "a": [leg(2, 30)]}, REPLACE)
    result = difference(after, schedule.state)
    assert result.steps == ()
    assert result.rejected == 2


def test_a_rotation_gets_the_airplane_of_the_file_whatever_its_id():
    schedule = loaded(plan_of({"a": [leg(1, 0)]}))
    own = ids.created_by("6f1d2c5e-0000-7000-8000-000000000000")
    schedule.airplanes[own] = StoredAirplane("F-OABC")
    planned = planned_rotation("s", "a", "F-OABC", [leg(1, 0)])
    plan = LoadPlan("s", rotations=(planned,), airplanes=(planned_airplane("s", "F-OABC"),))
    result = difference(plan, schedule.state)
    assert kinds(result) == ["AssignRotationToAirplane"]
    schedule.apply(result.steps)
    assert schedule.rotations[ids.rotation_id("s", "a")].airplane_id == own
    assert result.assignments_changed == 1
    assert difference(plan, schedule.state).steps == ()


def test_airplanes_that_a_file_only_names_stay_as_they_are():
    schedule = Schedule()
    airplane = planned_airplane("s", "F-OABC", "772", 60)
    schedule.apply(difference(LoadPlan("s", airplanes=(airplane,)), schedule.state).steps)
    named = LoadPlan("s", airplanes=(planned_airplane("s", "F-OABC", stated=False),))
    assert difference(named, schedule.state).steps == ()
    stated = LoadPlan("s", airplanes=(planned_airplane("s", "F-OABC", "773"),), items=1)
    result = difference(stated, schedule.state)
    assert kinds(result) == ["ChangeAirplane"]
    assert (result.changed, result.added, result.unchanged) == (1, 0, 0)
    schedule.apply(result.steps)
    assert difference(stated, schedule.state).unchanged == 1


def test_a_refused_plan_gives_no_command():
    result = difference(plan_of({"a": [leg(1, 0)]}, refused=True), ScheduleState())
    assert result.steps == ()
    assert result.rejected == 1


@st.composite
def arrangements(draw):
    """Rotations of disjoint legs out of ten legs."""
    numbers = draw(st.permutations(range(1, 11)))
    count = draw(st.integers(0, 10))
    rotations: dict[str, list[Leg]] = {}
    free = dict.fromkeys("abc", 0)
    for number in numbers[:count]:
        name = draw(st.sampled_from("abc"))
        start = free[name] + draw(st.integers(0, 3)) * 20
        free[name] = start + 60
        kind = draw(st.sampled_from(["", "", "", "772"]))
        rotations.setdefault(name, []).append(leg(number, start, aircraft_type=kind))
    return rotations


@settings(max_examples=200)
@given(arrangements(), arrangements(), st.sampled_from([REPLACE, REPORT, REJECT]), st.data())
def test_a_load_cut_off_anywhere_is_finished_by_the_next_one(before, after, handling, data):
    plan = plan_of(after, handling)
    whole, cut = loaded(plan_of(before)), loaded(plan_of(before))
    steps = difference(plan, whole.state).steps
    whole.apply(steps)
    second = difference(plan, whole.state)
    assert second.steps == ()
    cut.apply(steps[: data.draw(st.integers(0, len(steps)))])
    rest = difference(plan, cut.state)
    cut.apply(rest.steps)
    assert cut.state == whole.state
    for result in (second, rest):
        counted = result.added + result.changed + result.unchanged + result.rejected
        assert counted == plan.items


def test_the_rotation_refuses_nothing_of_a_whole_schedule():
    plan = sample_schedule("s", dt.date(2026, 11, 23))
    schedule = loaded(plan)
    assert len(schedule.legs) == plan.leg_count
    assert difference(plan, schedule.state).steps == ()
