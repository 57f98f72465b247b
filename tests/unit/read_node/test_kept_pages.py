"""A reply from kept pages is the reply that would be made anew, after any edits."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flightmesh.api.read.v1 import query_service_pb2 as pb
from read_node.translate.answers import METHODS, Answers
from tests.unit.read_node.planner import Planner
from tests.unit.read_node.stories import apply_fresh, new_projection

KINDS: list[Any] = list(pb.FindingKind.values())
REQUESTS = [
    *(("list_findings", pb.ListFindingsRequest(schedule="s05", kind=[kind])) for kind in KINDS),
    ("list_findings", pb.ListFindingsRequest(schedule="s05", airplane="D-AAAA", page_size=3)),
    ("list_legs", pb.ListLegsRequest(schedule="s05", airport="AAA")),
    ("list_rotations", pb.ListRotationsRequest(schedule="s05", unassigned=True)),
    ("list_airplanes", pb.ListAirplanesRequest(schedule="s05")),
    ("get_schedule", pb.GetScheduleRequest(schedule="s05")),
    ("list_schedules", pb.ListSchedulesRequest()),
]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_kept_pages_equal_fresh_ones_after_any_edits(data: st.DataObject) -> None:
    planner = Planner(data.draw)
    projection = new_projection()
    apply_fresh(projection, planner.story)
    kept = Answers(projection.schedules, most_kept=data.draw(st.sampled_from((3_000, 10**9))))
    for number in range(data.draw(st.integers(1, 12))):
        for _ in range(data.draw(st.integers(1, 3))):
            planner.step()
        apply_fresh(projection, planner.story)
        fresh = Answers(projection.schedules)
        for name, request in REQUESTS:
            asked = request.SerializeToString()
            for as_json in (False, True):
                from_kept, made = (
                    answers.answer(answers.question(METHODS[name], asked), f"1:{number}", as_json)
                    for answers in (kept, fresh)
                )
                assert from_kept == made
