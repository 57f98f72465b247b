"""Files that mean legs and rotations which planners made by the API, with ids of their own."""

import datetime as dt
import uuid

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from flightmesh import ids
from flightmesh.domain.values import Leg
from flightmesh.ids import AggregateId, LegId
from flightmesh.loading.difference import difference
from flightmesh.loading.export_csv import ExportedLeg, export_assignments
from flightmesh.loading.export_ssim import export_ssim
from flightmesh.loading.identity import as_stored
from flightmesh.loading.plan import LoadPlan, planned_rotation
from flightmesh.loading.schedule_state import ScheduleState, StoredRotation
from flightmesh.loading.source_legs import DuplicateHandling

DAY = dt.date(2026, 3, 23)
NOON = (DAY - dt.date(1970, 1, 1)).days * 1440 + 720


def own_id(number):
    """An id as the mesh makes it, derived from nothing that a file says."""
    return str(uuid.UUID(int=(7 << 76) + (2 << 62) + number))


def leg(number, start, leg_id=None, **fields):
    values = {
        "carrier": "XX",
        "flight_number": number,
        "suffix": "",
        "day_of_origin": DAY.isoformat(),
        "departure_airport": "MRS",
        "arrival_airport": "CDG",
        "departure": NOON + start,
        "arrival": NOON + start + 60,
        **fields,
    }
    made = Leg(LegId(""), **values)
    return msgspec.structs.replace(
        made, leg_id=LegId(leg_id or ids.leg_id("s", made.designator, 0))
    )


def state_of(*rotations):
    """Rotations as (id, name, legs)."""
    return ScheduleState(
        legs={one.leg_id: (one, rotation_id) for rotation_id, _, legs in rotations for one in legs},
        rotations={rotation_id: StoredRotation(name) for rotation_id, name, _ in rotations},
    )


def plan_of(handling=DuplicateHandling.REPLACE, **rotations):
    planned = tuple(planned_rotation("s", name, "", legs) for name, legs in rotations.items())
    return LoadPlan("s", handling, rotations=planned, items=sum(len(r.legs) for r in planned))


def test_a_leg_is_known_by_its_designator_and_a_rotation_by_its_name():
    state = state_of((own_id(1), "a", [leg(1, 0, own_id(2))]))
    found = difference(plan_of(a=[leg(1, 0)]), state)
    assert (found.steps, found.unchanged) == ((), 1)
    moved = difference(plan_of(a=[leg(1, 30)]), state)
    assert [(step.aggregate_id, step.command.leg_id) for step in moved.steps] == [
        (own_id(1), own_id(2))
    ]


def test_a_derived_id_goes_first():
    derived = ids.rotation_id("s", "a")
    state = state_of(
        (own_id(1), "a", [leg(1, 0, own_id(2))]),
        (derived, "a", [leg(1, 200)]),
    )
    found = difference(plan_of(a=[leg(1, 200)]), state)
    assert (found.steps, found.unchanged) == ((), 1)


def test_a_name_that_two_rotations_have_means_none_of_them():
    state = state_of((own_id(1), "a", []), (own_id(2), "a", []))
    plan = plan_of(a=[leg(1, 0)])
    assert as_stored(plan, state) == plan.rotations


def test_a_name_may_be_the_id_of_a_rotation():
    state = state_of((own_id(1), "", [leg(1, 0)]))
    found = difference(plan_of(**{own_id(1): [leg(1, 0)]}), state)
    assert (found.steps, found.unchanged) == ((), 1)


def test_no_two_rotations_of_a_file_mean_the_same_stored_one():
    state = state_of((own_id(1), "a", []))
    plan = plan_of(**{"a": [leg(1, 0)], own_id(1): [leg(2, 100)]})
    found = [rotation.rotation_id for rotation in as_stored(plan, state)]
    assert len(set(found)) == 2
    assert own_id(1) in found


def test_an_export_of_what_planners_made_changes_nothing_when_it_is_loaded(load):
    rotations = [
        (own_id(1), "line", [leg(1, 0, own_id(11)), leg(2, 100, own_id(12))]),
        (own_id(2), "line", [leg(1, 0, own_id(13)), leg(3, 100, own_id(14))]),
        (own_id(3), "", [leg(1, 300, own_id(15))]),
    ]
    rows = [
        ExportedLeg(one, AggregateId(rotation_id), name)
        for rotation_id, name, legs in rotations
        for one in legs
    ]
    created = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    data = b"".join(export_ssim("test", [row.leg for row in rows], created=created, utc=True))
    plan = load(data, b"".join(export_assignments("test", rows)))
    assert plan.leg_count == 5
    found = difference(plan, state_of(*rotations))
    assert (found.steps, found.unchanged, found.issues) == ((), 5, ())


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from("ab"), st.booleans()), max_size=6),
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from("abc")), max_size=6),
)
def test_no_leg_is_meant_twice_and_none_that_has_the_derived_id_is_passed_over(stored, planned):
    held = {"a": [], "b": []}
    for place, (number, name, is_own) in enumerate(stored):
        one = leg(number, place * 100, own_id(100 + place) if is_own else None)
        if all(one.leg_id != other.leg_id for legs in held.values() for other in legs):
            held[name].append(one)
    state = state_of(*((own_id(ord(name)), name, legs) for name, legs in held.items()))
    rotations, seen = {}, {}
    for place, (number, name) in enumerate(planned):
        one = leg(number, place * 100)
        occurrence = seen[number] = seen.get(number, -1) + 1
        leg_id = ids.leg_id("s", one.designator, occurrence)
        rotations.setdefault(name, []).append(msgspec.structs.replace(one, leg_id=leg_id))
    plan = plan_of(**rotations)
    before = {one.leg_id for rotation in plan.rotations for one in rotation.legs}
    after = [one.leg_id for rotation in as_stored(plan, state) for one in rotation.legs]
    assert len(set(after)) == len(before)
    assert before & state.legs.keys() <= set(after)
