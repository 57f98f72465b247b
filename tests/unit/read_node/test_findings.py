"""Findings of small schedules, one rule at a time."""

from flightmesh.api.schedule.v1 import events_pb2
from flightmesh.domain.values import FindingRules
from read_node.finding_lists import Kind
from read_node.ordering import findings_from, total
from read_node.projection import Projection
from read_node.translate import replies
from tests.unit.read_node.stories import (
    Story,
    a_leg,
    apply_fresh,
    folded,
    kept_findings,
    name_id,
    new_projection,
)


def applied(story: Story) -> Projection:
    """A projection that was given the whole story, whatever came of it."""
    projection = new_projection()
    for record in story.records():
        projection.apply(record)
    projection.settle()
    return projection


def a_story() -> Story:
    story = Story()
    story.create_schedule()
    return story


def kinds_of(story: Story) -> list[str]:
    return [kind for kind, _ in kept_findings(folded(story).schedules.get("s05"))]


def turnaround(minutes: int) -> Story:
    story = a_story()
    story.create_rotation(
        "r", a_leg("1", 0, 60, "AAA", "BBB"), a_leg("2", 60 + minutes, 200, "BBB", "AAA", 2)
    )
    return story


def test_ground_time_equal_to_the_minimum_is_allowed() -> None:
    assert kinds_of(turnaround(30)) == []
    assert kinds_of(turnaround(29)) == ["GROUND_TIME"]


def test_a_known_minimum_below_the_default_counts() -> None:
    story = turnaround(10)
    story.define_airport("BBB", 10)
    assert kinds_of(story) == []


def test_the_greater_of_airport_and_airplane_minimum_counts() -> None:
    story = turnaround(44)
    story.define_airport("BBB", 10)
    story.assign(name_id("rotation", "r"), story.register("D-AAAA", minimum=45))
    assert kinds_of(story) == ["GROUND_TIME"]


def test_an_airport_minimum_that_changes_later_changes_the_findings() -> None:
    story = turnaround(44)
    projection = folded(story)
    model = projection.schedules.get("s05")
    for minimum, expected in ((45, 1), (44, 0), (None, 0), (60, 1)):
        story.define_airport("BBB", minimum)
        apply_fresh(projection, story)
        assert total(model, Kind.GROUND_TIME) == expected


def test_legs_of_two_rotations_of_one_airplane_follow_each_other() -> None:
    story = a_story()
    for name, departure in (("a", 0), ("b", 200)):
        rotation = story.create_rotation(name, a_leg(name, departure, departure + 60, "AAA", "BBB"))
        story.assign(rotation, name_id("airplane", "D-AAAA"), "D-AAAA")
    assert kinds_of(story) == [
        "CONTINUITY",
        "DESIGNATOR",
        "UNKNOWN_AIRPLANE",
        "UNKNOWN_AIRPLANE",
    ]


def test_a_long_leg_that_overlaps_far_beyond_its_neighbour_is_found_when_that_changes() -> None:
    story = a_story()
    airplane = story.register("D-AAAA")
    long_one = story.create_rotation("long", a_leg("long", 0, 1000, number=9))
    short = story.create_rotation(
        "short", *(a_leg(f"s{n}", n * 100, n * 100 + 50, "AAA", "AAA", n) for n in range(1, 5))
    )
    for rotation in (long_one, short):
        story.assign(rotation, airplane)
    projection = folded(story)
    model = projection.schedules.get("s05")
    assert total(model, Kind.AIRPLANE_OVERLAP) == 4
    story.move_leg(short, a_leg("s4", 0, 0).leg_id, 1000, 1050)
    apply_fresh(projection, story)
    assert total(model, Kind.AIRPLANE_OVERLAP) == 3


def test_an_overlap_is_gone_when_its_airplane_keeps_one_rotation() -> None:
    story = a_story()
    airplane = story.register("D-AAAA")
    rotations = [
        story.create_rotation(name, a_leg(name, 0, 60, number=number))
        for number, name in enumerate(("a", "b"), 1)
    ]
    for rotation in rotations:
        story.assign(rotation, airplane)
    projection = folded(story)
    model = projection.schedules.get("s05")
    assert total(model, Kind.AIRPLANE_OVERLAP) == 1
    story.unassign(rotations[1])
    apply_fresh(projection, story)
    assert kept_findings(model) == []


def test_switched_off_checks_find_nothing_and_come_back() -> None:
    story = a_story()
    rotation = story.create_rotation("r", a_leg("1", 0, 60))
    story.assign(rotation, name_id("airplane", "D-AAAA"), "D-AAAA")
    story.change_rules(FindingRules(True, True, False))
    assert kinds_of(story) == []
    assert replies.totals(folded(story).schedules.get("s05")).unknown_airplane == 0
    story.change_rules(FindingRules(True, True, True))
    assert kinds_of(story) == ["UNKNOWN_AIRPLANE"]


def test_a_finding_says_what_it_rests_on() -> None:
    story = turnaround(10)
    story.define_airport("BBB", 45)
    model = folded(story).schedules.get("s05")
    found = next(iter(findings_from(model, Kind.GROUND_TIME, None)))
    reply = replies.finding(model, found)
    assert (reply.ground_minutes, reply.required_minutes, reply.airport) == (10, 45, "BBB")
    assert reply.reference == "airport BBB 45 min, airplane default"
    assert "10 min on the ground at BBB" in reply.message


def test_an_unknown_event_type_quarantines_its_aggregate_and_no_other() -> None:
    story = a_story()
    bad = story.create_rotation("bad", a_leg("1", 0, 60))
    story.create_rotation("good", a_leg("2", 0, 60, number=2))
    record = story.record(bad, events_pb2.LegRemoved(leg_id="x"))
    record.events[0].type = "LegPainted"
    story.add_legs(bad, a_leg("3", 100, 160, number=3))
    projection = applied(story)
    model = projection.schedules.get("s05")
    assert len(model.legs) == 2
    assert projection.left_out == 1
    assert list(projection.quarantined.values()) == [
        "event type 'LegPainted' version 1 is unknown to this program"
    ]


def test_a_payload_that_cannot_be_read_quarantines_its_aggregate() -> None:
    story = a_story()
    bad = story.create_rotation("bad")
    story.record(bad, events_pb2.LegRemoved(leg_id="x")).events[0].payload = b"\xff\xff"
    assert len(applied(story).quarantined) == 1
