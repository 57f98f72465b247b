"""Replies of the query service: filters, pages, encodings and the cache of pages."""

from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.domain.values import FIRST_MINUTE, LAST_MINUTE, FindingRules, Leg
from flightmesh.errors import InvalidInput, Refused
from read_node.projection import Projection
from read_node.translate.answers import METHODS, Answers
from tests.unit.read_node.stories import Story, a_leg, apply_fresh, at, folded, leg_message, name_id

FIELD_OF = {method.request: name for name, method in METHODS.items()}


def ask(projection: Projection, request: Any, answers: Answers | None = None) -> Any:
    """The reply, having checked that its JSON says the same."""
    answers = answers or Answers(projection.schedules)
    method = METHODS[FIELD_OF[type(request)]]
    question = answers.question(method, request.SerializeToString())
    reply = method.response.FromString(answers.answer(question, "1:7"))
    assert reply.position == "1:7"
    text = answers.answer(question, "1:7", as_json=True)
    assert json_format.Parse(text, method.response()) == reply
    return reply


def findings_request(**filters: Any) -> pb.ListFindingsRequest:
    return pb.ListFindingsRequest(schedule="s05", **filters)


def a_story() -> Story:
    """Two airplanes with three rotations, one rotation without; ten legs."""
    story = Story()
    story.create_schedule()
    for n in range(10):
        rotation = ("r1", "r2", "r3", "free")[n % 4]
        leg = a_leg(
            f"leg{n}",
            n * 100,
            n * 100 + 60,
            ("AAA", "BBB", "CCC")[n % 3],
            "DDD",
            n % 2 + 1,
            f"2026-01-0{n % 3 + 1}",
            "733",
        )
        if n < 4:
            story.create_rotation(rotation, leg)
        else:
            story.add_legs(name_id("rotation", rotation), leg)
    story.assign(name_id("rotation", "r1"), story.register("D-AAAA", "320", 40))
    story.assign(name_id("rotation", "r2"), name_id("airplane", "D-AAAA"))
    story.assign(name_id("rotation", "r3"), name_id("airplane", "D-BBBB"), "D-BBBB")
    story.define_airport("DDD", 50)
    return story


def numbers(reply: Any) -> list[int]:
    ids = {a_leg(f"leg{n}", 0, 1).leg_id: n for n in range(10)}
    return [ids[leg.leg.leg_id] for leg in reply.legs]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, list(range(10))),
        ({"rotation_id": name_id("rotation", "r2")}, [1, 5, 9]),
        ({"rotation_id": name_id("rotation", "none")}, []),
        ({"rotation_id": "no id"}, []),
        ({"airplane": "D-AAAA"}, [0, 1, 4, 5, 8, 9]),
        ({"airplane": name_id("airplane", "D-AAAA")}, [0, 1, 4, 5, 8, 9]),
        ({"airplane": "D-BBBB"}, [2, 6]),
        ({"airplane": "D-AAAA", "rotation_id": name_id("rotation", "r3")}, []),
        ({"airport": "BBB"}, [1, 4, 7]),
        ({"airport": "XXX"}, []),
        ({"flight_number": 2}, [1, 3, 5, 7, 9]),
        ({"carrier": "YY"}, []),
        ({"day_of_origin": "2026-01-02", "airport": "DDD"}, [1, 4, 7]),
        ({"day_of_origin": "2027-01-02"}, []),
        ({"from": at(360)}, [4, 5, 6, 7, 8, 9]),
        ({"from": at(359)}, [3, 4, 5, 6, 7, 8, 9]),
        ({"to": at(300)}, [0, 1, 2]),
        ({"to": at(301), "from": at(159)}, [1, 2, 3]),
    ],
)
def test_legs_are_filtered(filters: dict[str, Any], expected: list[int]) -> None:
    reply = ask(folded(a_story()), pb.ListLegsRequest(schedule="s05", **filters))
    assert numbers(reply) == expected
    assert reply.total == len(expected)


def test_a_leg_is_shown_with_its_rotation_and_airplane() -> None:
    projection = folded(a_story())
    request = pb.ListLegsRequest(schedule="s05", rotation_id=name_id("rotation", "r1"))
    shown = ask(projection, request).legs[0]
    leg = a_leg("leg0", 0, 60, "AAA", "DDD", 1, "2026-01-01", "733")
    assert shown.leg == leg_message(leg)
    assert shown.rotation_id == name_id("rotation", "r1")
    assert (shown.airplane_id, shown.registration) == (name_id("airplane", "D-AAAA"), "D-AAAA")


TEXT = st.text("AZ09", max_size=3)
LEGS = st.builds(
    Leg,
    leg_id=st.uuids().map(str),
    carrier=TEXT,
    flight_number=st.integers(0, 9999),
    suffix=TEXT,
    day_of_origin=TEXT,
    departure_airport=TEXT,
    arrival_airport=TEXT,
    departure=st.integers(FIRST_MINUTE, LAST_MINUTE - 60),
    arrival=st.just(0),
    departure_offset=st.integers(-840, 840),
    arrival_offset=st.integers(-840, 840),
    aircraft_type=TEXT,
    service_type=TEXT,
).map(lambda leg: leg.__class__(*[*_fields(leg)[:8], leg.departure + 60, *_fields(leg)[9:]]))


def _fields(leg: Leg) -> list[Any]:
    return [getattr(leg, name) for name in leg.__struct_fields__]


@given(LEGS)
def test_legs_written_by_hand_are_what_the_message_class_writes(leg: Leg) -> None:
    story = Story()
    story.create_schedule()
    story.create_rotation("r", leg)
    reply = ask(folded(story), pb.ListLegsRequest(schedule="s05"))
    assert reply.legs[0].leg == leg_message(leg)


@settings(max_examples=50)
@given(st.integers(1, 12), st.lists(st.integers(0, 3), min_size=10, max_size=10))
def test_pages_together_are_the_whole(size: int, departures: list[int]) -> None:
    story = Story()
    story.create_schedule()
    for n, departure in enumerate(departures):
        name = f"r{n}"
        rotation = story.create_rotation(name, a_leg(name, departure, departure + 5, number=n % 3))
        story.assign(rotation, name_id("airplane", str(n % 4)), str(n % 4))
    projection = folded(story)
    for request in (
        pb.ListLegsRequest(schedule="s05"),
        pb.ListFindingsRequest(schedule="s05"),
        pb.ListRotationsRequest(schedule="s05"),
        pb.ListAirplanesRequest(schedule="s05"),
        pb.ListAirportsRequest(schedule="s05"),
    ):
        request.page_size = 1000
        whole = items(ask(projection, request))
        request.page_size = size
        parts = []
        while True:
            reply = ask(projection, request)
            assert len(items(reply)) <= size
            parts += items(reply)
            request.page_token = reply.next_page_token
            if not request.page_token:
                break
        assert parts == whole
        assert len(whole) > 0


def items(reply: Any) -> list[Any]:
    for name in ("legs", "findings", "rotations", "airplanes", "airports"):
        if name in reply.DESCRIPTOR.fields_by_name:
            return list(getattr(reply, name))
    raise AssertionError(reply)


def test_a_page_token_holds_its_place_when_earlier_legs_come_and_go() -> None:
    story = a_story()
    projection = folded(story)
    first = ask(projection, pb.ListLegsRequest(schedule="s05", page_size=4))
    assert numbers(first) == [0, 1, 2, 3]
    rotation = name_id("rotation", "free")
    story.remove_leg(rotation, a_leg("leg3", 0, 1).leg_id)
    projection = folded(story)
    request = pb.ListLegsRequest(schedule="s05", page_size=4, page_token=first.next_page_token)
    assert numbers(ask(projection, request)) == [4, 5, 6, 7]


def test_findings_are_filtered_and_totals_are_not() -> None:
    projection = folded(a_story())
    whole = ask(projection, pb.ListFindingsRequest(schedule="s05"))
    by_kind: dict[int, int] = {}
    for finding in whole.findings:
        by_kind[finding.kind] = by_kind.get(finding.kind, 0) + 1
    totals = whole.totals
    assert by_kind == {1: 7, 2: 3, 3: 4, 5: 6, 6: 1}
    assert (totals.continuity, totals.ground_time, totals.designator) == (7, 3, 4)
    assert (totals.airplane_overlap, totals.aircraft_type, totals.unknown_airplane) == (0, 6, 1)
    only = ask(projection, findings_request(kind=[2]))
    assert {finding.kind for finding in only.findings} == {2}
    assert only.totals == totals
    airplane = ask(projection, pb.ListFindingsRequest(schedule="s05", airplane="D-BBBB"))
    assert [finding.kind for finding in airplane.findings] == [1, 3, 3, 6]
    late = ask(projection, findings_request(**{"from": at(900)}))
    assert all(finding.legs[-1].leg.arrival_time.seconds > 900 * 60 for finding in late.findings)
    assert 0 < len(late.findings) < len(whole.findings)
    nowhere = ask(projection, pb.ListFindingsRequest(schedule="s05", airport="XXX"))
    assert not nowhere.findings
    somewhere = ask(projection, findings_request(kind=[1], airport="BBB"))
    assert all(
        "BBB" in (leg.leg.departure_airport for leg in finding.legs)
        for finding in somewhere.findings
    )


def test_rotations_are_filtered_and_in_order_of_name() -> None:
    projection = folded(a_story())

    def names(**filters: Any) -> list[str]:
        reply = ask(projection, pb.ListRotationsRequest(schedule="s05", **filters))
        assert reply.total == len(reply.rotations)
        return [rotation.name for rotation in reply.rotations]

    assert names() == ["free", "r1", "r2", "r3"]
    assert names(unassigned=True) == ["free"]
    assert names(airplane="D-AAAA") == ["r1", "r2"]
    assert names(**{"from": at(860)}) == ["r2"]
    assert names(to=at(100)) == ["r1"]
    shown = ask(projection, pb.ListRotationsRequest(schedule="s05", airplane="D-BBBB")).rotations[0]
    assert (shown.legs, shown.first_airport, shown.last_airport) == (2, "CCC", "DDD")
    assert (shown.registration, shown.sequence) == ("D-BBBB", 4)


def test_airplanes_show_those_that_only_assignments_name() -> None:
    reply = ask(folded(a_story()), pb.ListAirplanesRequest(schedule="s05"))
    shown = [(a.registration, a.registered, a.legs, len(a.rotation_ids)) for a in reply.airplanes]
    assert shown == [("D-AAAA", True, 6, 2), ("D-BBBB", False, 2, 1)]
    assert reply.airplanes[0].minimum_ground_minutes == 40
    assert not reply.airplanes[1].HasField("minimum_ground_minutes")


def test_airports_show_those_defined_and_those_used() -> None:
    story = a_story()
    story.define_airport("ZZZ", None, "")
    reply = ask(folded(story), pb.ListAirportsRequest(schedule="s05"))
    shown = [(a.iata, a.departures, a.arrivals) for a in reply.airports]
    assert shown == [("AAA", 4, 0), ("BBB", 3, 0), ("CCC", 3, 0), ("DDD", 0, 10), ("ZZZ", 0, 0)]
    assert reply.airports[3].minimum_ground_minutes == 50
    assert (reply.airports[3].time_zone, reply.airports[0].airport_id) == ("Etc/UTC", "")


def test_a_schedule_is_shown_with_its_statistics() -> None:
    projection = folded(a_story())
    shown = ask(projection, pb.GetScheduleRequest(schedule="s05")).schedule
    assert (shown.legs, shown.rotations, shown.airplanes, shown.airports) == (10, 4, 2, 4)
    assert (shown.unassigned_rotations, shown.block_minutes, shown.title) == (1, 600, "A title")
    assert (shown.first_departure.seconds, shown.last_arrival.seconds) == (0, 960 * 60)
    assert list(ask(projection, pb.ListSchedulesRequest()).schedules) == [shown]


def test_a_missing_and_a_deleted_schedule_are_refused_by_name() -> None:
    story = a_story()
    with pytest.raises(Refused) as missing:
        ask(folded(story), pb.ListLegsRequest(schedule="other"))
    assert missing.value.reason == "SCHEDULE_NOT_FOUND"
    story.delete_schedule()
    with pytest.raises(Refused) as deleted:
        ask(folded(story), pb.ListLegsRequest(schedule="s05"))
    assert deleted.value.reason == "SCHEDULE_DELETED"


@pytest.mark.parametrize("token", ["x", "bm9uc2Vuc2U", "W10", "é", "a" * 3000])
@pytest.mark.parametrize("kind", ["list_legs", "list_findings", "list_rotations"])
def test_a_foreign_page_token_is_refused(token: str, kind: str) -> None:
    request = METHODS[kind].request(schedule="s05", page_token=token)
    with pytest.raises(InvalidInput, match="page_token"):
        ask(folded(a_story()), request)


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidInput, match="kind"):
        ask(folded(a_story()), findings_request(kind=[17]))


def test_a_page_is_kept_until_what_it_shows_changes() -> None:
    story = a_story()
    projection = folded(story)
    answers = Answers(projection.schedules)
    request = findings_request(kind=[2])
    before = ask(projection, request, answers)
    made = answers.misses
    story.create_rotation("elsewhere", a_leg("else", 5000, 5060, number=7))
    apply_fresh(projection, story)
    assert ask(projection, request, answers).findings == before.findings
    assert answers.misses == made
    story.change_airplane("D-AAAA", "320", 250)
    apply_fresh(projection, story)
    after = ask(projection, request, answers)
    assert answers.misses > made
    assert len(after.findings) == after.totals.ground_time != before.totals.ground_time


def test_switching_a_rule_changes_kept_pages() -> None:
    story = a_story()
    projection = folded(story)
    answers = Answers(projection.schedules)
    request = pb.ListFindingsRequest(schedule="s05")
    assert ask(projection, request, answers).totals.aircraft_type == 6
    story.change_rules(FindingRules(True, False, True))
    apply_fresh(projection, story)
    reply = ask(projection, request, answers)
    assert reply.totals.aircraft_type == 0
    assert all(finding.kind != 5 for finding in reply.findings)
