"""Findings from scratch: what the rules say, and the same that read nodes keep up to date."""

from collections import Counter
from typing import Any

from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from flightmesh.domain.values import FindingRules
from flightmesh.verification.findings import (
    AirplaneFacts,
    FoundFinding,
    PlacedLeg,
    compute_findings,
)
from tests.unit.read_node.planner import Planner
from tests.unit.read_node.stories import (
    _PlainState,
    a_leg,
    folded,
    kept_findings,
    name_id,
)

RULES = FindingRules()


def leg_id(name: str) -> str:
    return name_id("leg", name)


def computed(*legs: PlacedLeg, **facts: Any) -> set[FoundFinding]:
    values: dict[str, Any] = {
        "rotations": {}, "airplanes": {}, "airports": {}, "rules": RULES, **facts,
    }  # fmt: skip
    return compute_findings(legs, **values)


def pair(minutes: int, **fields: Any) -> tuple[PlacedLeg, PlacedLeg]:
    """Two legs of a rotation AAA - BBB - AAA with that many minutes on the ground."""
    first = a_leg("1", 600, 660, **fields)
    second = a_leg("2", 660 + minutes, 800 + minutes, "BBB", "AAA", number=2, **fields)
    return PlacedLeg(first, "r", "plane"), PlacedLeg(second, "r", "plane")


def test_minutes_on_the_ground_are_those_of_airport_and_airplane_or_thirty() -> None:
    ids = (leg_id("1"), leg_id("2"))
    late = {FoundFinding("ground_time", ids, 29, 30)}
    plane = {"plane": AirplaneFacts("", 20)}
    assert computed(*pair(30)) == set()
    assert computed(*pair(29)) == late
    assert computed(*pair(29), airplanes=plane) == set()
    assert computed(*pair(29), airplanes=plane, airports={"BBB": 30}) == late
    assert computed(*pair(29), airports={"BBB": 29}) == set()


def test_legs_that_do_not_connect_are_a_finding() -> None:
    first, second = pair(60)
    away = PlacedLeg(a_leg("2", 720, 800, "CCC", "AAA", number=2), "r", "plane")
    assert computed(first, second) == set()
    assert computed(first, away) == {FoundFinding("continuity", (leg_id("1"), leg_id("2")))}


def test_two_rotations_of_an_airplane_overlap_unless_that_is_switched_off() -> None:
    one = PlacedLeg(a_leg("1", 600, 700, "AAA", "BBB"), "r", "plane")
    other = PlacedLeg(a_leg("2", 660, 700, "BBB", "AAA", number=2), "s", "plane")
    ids = (leg_id("1"), leg_id("2"))
    on_ground = FoundFinding("ground_time", ids, -40, 30)
    assert computed(one, other) == {on_ground, FoundFinding("airplane_overlap", ids, 40)}
    assert computed(one, other, rules=FindingRules(False)) == {on_ground}
    assert computed(one, other._replace(airplane_id="another")) == set()


def test_types_designators_and_unknown_airplanes() -> None:
    first, second = pair(60, aircraft_type="320")
    plane = {"plane": AirplaneFacts("733", None)}
    types = {FoundFinding("aircraft_type", (leg_id(n),)) for n in "12"}
    assert computed(first, second, airplanes=plane) == types
    assert computed(first, second, airplanes=plane, rules=FindingRules(True, False)) == set()
    again = PlacedLeg(a_leg("3", 900, 960), "t", "")
    assert computed(first, again) == {FoundFinding("designator", (leg_id("1"), leg_id("3")))}
    unknown = {FoundFinding("unknown_airplane", ("r",))}
    assert computed(rotations={"r": "plane", "s": ""}) == unknown
    assert computed(rotations={"r": "plane"}, airplanes=plane) == set()


@settings(max_examples=50)
@examples(st.data())
def test_they_are_those_that_a_read_node_keeps(data: st.DataObject) -> None:
    planner = Planner(data.draw)
    for _ in range(data.draw(st.integers(5, 30))):
        planner.step()
    state = _PlainState(planner.story)
    found = compute_findings(
        [PlacedLeg(leg, key, state.rotations[key].airplane) for key, leg in state.legs()],
        {key: rotation.airplane for key, rotation in state.rotations.items()},
        {k: AirplaneFacts(a.aircraft_type, a.minimum) for k, a in state.airplanes.items()},
        state.airports,
        state.rules,
    )
    kept = kept_findings(folded(planner.story).schedules.get("s05"))
    # A leg id that two rotations have makes findings that look the same.
    assert {(f.kind.upper(), tuple(i.replace("-", "") for i in f.ids)) for f in found} == {
        (kind, tuple(i.replace("-", "") for i in ids)) for kind, ids in Counter(kept)
    }
