"""A read node that runs for weeks keeps no more than its bounds allow."""

import tracemalloc
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.domain.values import FindingRules
from read_node import day_index
from read_node.checks import settle
from read_node.legs import SLOT_BITS
from read_node.schedule_model import Rotation, ScheduleModel
from read_node.translate.answers import METHODS, Answers
from tests.unit.read_node.stories import Story, a_leg, apply_fresh, new_projection

_MIDNIGHT = 20_000 * 24 * 60


def a_model_with_a_rotation(legs: int) -> tuple[ScheduleModel, Rotation]:
    model = ScheduleModel("s05", 1)
    model.created("", FindingRules())
    rotation = model.create_rotation(b"r" * 16, "line")
    for number in range(legs):
        departure = _MIDNIGHT + 60 + 100 * number
        model.add_leg(
            rotation, f"leg-{number}", "2024-10-04", departure, departure + 60,
            ("XX", number, ""), ("AAA", "BBB", 0, 0), ("", "J"),
        )  # fmt: skip
    settle(model)
    return model, rotation


def test_edits_that_nobody_looks_at_take_no_memory() -> None:
    model, rotation = a_model_with_a_rotation(2)

    def edit(times: int) -> None:
        for number in range(times):
            departure = _MIDNIGHT + number % 5
            model.change_leg_times(rotation, "leg-0", departure, departure + 60, 0, 0)
            settle(model)

    edit(3_000)
    tracemalloc.start()
    try:
        edit(10_000)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A key each would be 300 kB.
    assert grown < 100_000


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), max_size=60), st.integers(0, 60))
def test_an_unread_day_that_is_put_in_order_holds_each_leg_once(
    edits: list[tuple[int, int]], read_after: int
) -> None:
    model, rotation = a_model_with_a_rotation(4)
    with patch.object(day_index, "_MOST_OUTDATED", 2):
        for count, (leg, hours) in enumerate(edits):
            if count == read_after:
                list(model.days.ordered_from(0))
            departure = _MIDNIGHT + 60 * 6 * hours
            model.change_leg_times(rotation, f"leg-{leg}", departure, departure + 60, 0, 0)
    listed = [key for bucket in model.days.ordered_from(0) for key in bucket]
    legs = model.legs
    assert listed == sorted(legs.departure[slot] << SLOT_BITS | slot for slot in range(4))


def test_kept_pages_have_a_bound_in_bytes() -> None:
    story, projection = Story(), new_projection()
    story.create_schedule()
    story.create_rotation("r", *(a_leg(str(n), 100 * n, 100 * n + 60) for n in range(50)))
    apply_fresh(projection, story)
    answers = Answers(projection.schedules, most_kept=20_000)
    questions = [
        answers.question_of(METHODS["list_legs"], request, request.SerializeToString())
        for request in (pb.ListLegsRequest(schedule="s05", page_size=n) for n in range(1, 51))
    ]
    for _ in range(2):
        for question in questions:
            answers.answer(question, "1:0")
            kept = sum(len(page) for each in questions for _, page in each.pages.values())
            assert kept == answers.kept_bytes <= 20_000
    assert questions[-1].pages
    assert not questions[0].pages
