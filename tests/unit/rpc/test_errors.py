import pytest
from google.rpc import code_pb2

from flightmesh import errors
from flightmesh.rpc.errors import error_of, status_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInput("leg.carrier", "is no airline designator"), code_pb2.INVALID_ARGUMENT),
        (errors.Refused("LEG_OVERLAP", "no", {"leg_id": "x"}), code_pb2.FAILED_PRECONDITION),
        (errors.Refused("SEQUENCE_MISMATCH", "no"), code_pb2.ABORTED),
        (errors.Refused("SHARD_NOT_FOUND", "no"), code_pb2.NOT_FOUND),
        (errors.NotOwner(3, 7, 12, "127.0.0.1:1"), code_pb2.FAILED_PRECONDITION),
        (errors.ShardMoving(3, 7, 0.25), code_pb2.UNAVAILABLE),
        (errors.SessionFenced("again"), code_pb2.UNAVAILABLE),
        (errors.Overloaded("full"), code_pb2.RESOURCE_EXHAUSTED),
        (errors.Unavailable("gone"), code_pb2.UNAVAILABLE),
    ],
)
def test_an_error_survives_the_way_over_the_wire(error: errors.FlightmeshError, code: int) -> None:
    status = status_of(error)
    back = error_of(status)
    assert status.code == code
    assert type(back) is type(error)
    assert (back.reason, str(back)) == (error.reason, str(error))
    attributes = {k: v for k, v in vars(error).items() if not k.startswith("_")}
    assert {k: getattr(back, k) for k in attributes} == attributes


def test_an_unexpected_error_tells_the_caller_nothing_of_the_inside() -> None:
    status = status_of(ValueError("password=hunter2"))
    assert status.code == code_pb2.INTERNAL
    assert "hunter2" not in status.SerializeToString().decode(errors="replace")
