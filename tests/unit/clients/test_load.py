from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.load.http_connection import header
from clients.load.measurement import Recorder, WrongReply, percentile
from clients.load.replies import check_findings, check_reply
from clients.load.scenario import leg_of, request_of, steps
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.api.shard.v1.command_service_pb2 import ExecuteResponse
from flightmesh.clock.virtual import ManualClock
from flightmesh.ids import is_uuid, rotation_id, shard_of


def test_a_user_creates_fills_registers_and_assigns_and_begins_anew() -> None:
    sent = list(islice(steps("load", "user-1", legs=2), 6))
    assert [step.field for step in sent] == [
        "create_rotation",
        "add_leg",
        "add_leg",
        "register_airplane",
        "assign_rotation_to_airplane",
        "create_rotation",
    ]
    assert [step.sequence for step in sent] == [1, 2, 3, 1, 4, 1]
    assert sent[0].aggregate_id == sent[1].aggregate_id == sent[4].aggregate_id
    assert sent[4].command.airplane_id == sent[3].aggregate_id
    assert len({step.aggregate_id for step in sent}) == 3


def test_a_user_can_be_kept_on_some_shards() -> None:
    sent = islice(steps("load", "user-1", 1, lambda id_: shard_of(id_, 8) in {2, 5}), 40)
    assert {shard_of(step.aggregate_id, 8) for step in sent} == {2, 5}


@given(st.integers(0, 9_998))
def test_legs_are_well_formed_and_never_overlap(number: int) -> None:
    rotation = rotation_id("load", "line")
    leg, following = leg_of(rotation, number), leg_of(rotation, number + 1)
    assert is_uuid(leg.leg_id)
    assert leg.leg_id != following.leg_id
    assert leg.departure_time.seconds < leg.arrival_time.seconds < following.departure_time.seconds
    assert leg.arrival_airport == following.departure_airport
    assert leg.departure_time.ToJsonString().startswith(leg.day_of_origin)


def test_a_reply_must_tell_the_sequence_and_one_event() -> None:
    step = next(steps("load", "user-1", 1))
    assert request_of("load", step, "id").create_rotation == step.command
    right = ExecuteResponse(aggregate_id=step.aggregate_id, sequence=1, position="1:1")
    right.events.add(sequence=1)
    check_reply(right, step)
    for wrong in (
        ExecuteResponse(aggregate_id=step.aggregate_id, sequence=1, position="1:1"),
        ExecuteResponse(aggregate_id=step.aggregate_id, sequence=2),
        ExecuteResponse(sequence=1),
    ):
        with pytest.raises(WrongReply):
            check_reply(wrong, step)


def test_a_page_must_hold_what_its_totals_promise() -> None:
    request = query.ListFindingsRequest(kind=[query.FINDING_KIND_DESIGNATOR], page_size=2)
    totals = query.FindingTotals(designator=5)
    page = query.ListFindingsResponse(totals=totals, findings=[query.Finding()] * 2, position="1:1")
    check_findings(page, request)
    del page.findings[0]
    with pytest.raises(WrongReply, match="1 findings of kind designator, not 2"):
        check_findings(page, request)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, 0.0), ([1.0], 0.99, 1.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
     ([float(n) for n in range(1, 101)], 0.99, 99.0)],
)  # fmt: skip
def test_percentiles_are_of_nearest_rank(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected


def test_a_run_ends_by_count_or_by_time() -> None:
    clock = ManualClock()
    recorder = Recorder(clock, operations=3, seconds=10)
    assert recorder.take(2)
    assert not recorder.take(2)
    assert recorder.take()
    assert not recorder.take()
    sent_at = recorder.now
    clock.advance(2.0)
    recorder.answered(sent_at, 2)
    recorder.failed("why")
    recorder.failed("later")
    measured = recorder.result("x", 1)
    assert (measured.operations, measured.operations_per_s, measured.p99_ms) == (2, 1.0, 2000.0)
    assert (measured.failures, measured.first_failure) == (2, "why")
    late = Recorder(clock, operations=3, seconds=1)
    clock.advance(1.0)
    assert not late.take()


def test_headers_are_found_whatever_their_case() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: x\r\nCONTENT-LENGTH:  12 \r\n"
    assert header(head, b"content-length") == b"12"
    assert header(head, b"etag") == b""
