import json

import pytest

from flightmesh import errors
from gateway.problems import problem_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidInput("leg.carrier", "is too long"), 400),
        (errors.Refused("LEG_OVERLAP", "it overlaps"), 409),
        (errors.Refused("SCHEDULE_EXISTS", "it exists"), 409),
        (errors.Refused("SCHEDULE_NOT_FOUND", "there is none"), 404),
        (errors.Refused("SCHEDULE_DELETED", "it was deleted"), 410),
        (errors.Refused("ROTATION_REMOVED", "it was removed"), 410),
        (errors.Refused("AIRPLANE_RETIRED", "it was retired"), 410),
        (errors.Refused("SEQUENCE_MISMATCH", "it is at 3"), 409),
        (errors.Refused("COMMAND_ID_REUSED", "used before"), 422),
        (errors.Refused("COMMAND_ID_TOO_OLD", "too old"), 409),
        (errors.Refused("TOO_LARGE", "too large"), 413),
        (errors.Refused("DEADLINE_EXCEEDED", "too late"), 504),
        (errors.Refused("UNIMPLEMENTED", "not here"), 501),
        (errors.Unavailable("not now"), 503),
        (errors.Overloaded("too much"), 503),
        (errors.ShardMoving(3, 1), 503),
        (errors.StoreUnavailable("no store"), 503),
        (errors.OutcomeUnknown("perhaps"), 503),
        (errors.CorruptData("broken"), 500),
        (TimeoutError(), 504),
        (ValueError("secret"), 500),
    ],
)
def test_each_error_has_its_status(error: Exception, status: int) -> None:
    assert problem_of(error).status == status


def test_a_sequence_mismatch_is_a_failed_precondition_only_for_if_match() -> None:
    error = errors.Refused("SEQUENCE_MISMATCH", "it is at 3", {"sequence": "3"})
    assert problem_of(error, conditional=True).status == 412
    other = errors.Refused("LEG_OVERLAP", "it overlaps")
    assert problem_of(other, conditional=True).status == 409


def test_a_problem_tells_all_that_rfc_9457_asks_for() -> None:
    error = errors.Refused("LEG_OVERLAP", "the leg overlaps another", {"leg_id": "x"})
    body = json.loads(problem_of(error).body("/v1/schedules/a b"))
    assert body == {
        "type": "/problems/leg-overlap",
        "title": "Leg overlap",
        "status": 409,
        "detail": "the leg overlaps another",
        "instance": "/v1/schedules/a%20b",
        "reason": "LEG_OVERLAP",
        "details": {"leg_id": "x"},
    }


def test_a_malformed_field_is_named() -> None:
    body = json.loads(problem_of(errors.InvalidInput("leg.carrier", "is too long")).body("/"))
    assert body["errors"] == [{"field": "leg.carrier", "description": "is too long"}]


def test_what_is_worth_repeating_says_when_in_whole_seconds() -> None:
    error = errors.Unavailable("not now")
    error.retry_after_s = 1.2
    assert ("retry-after", "2") in problem_of(error).all_headers()
    assert ("retry-after", "1") in problem_of(errors.ShardMoving(3, 1)).all_headers()
    names = dict(problem_of(errors.Refused("LEG_OVERLAP", "no")).all_headers())
    assert "retry-after" not in names
    assert names["content-type"] == "application/problem+json"


def test_an_unexpected_error_is_not_described() -> None:
    assert b"secret" not in problem_of(ValueError("secret")).body("/")
