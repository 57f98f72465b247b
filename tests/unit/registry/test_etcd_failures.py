"""What a failed etcd transaction says of its outcome."""

import grpc
import pytest
from grpc import StatusCode

from flightmesh.registry.etcd_failures import Failure, classify


@pytest.mark.parametrize(
    ("code", "details", "failure"),
    [
        (StatusCode.UNAVAILABLE, "failed to connect to all addresses; x", Failure.NOT_DONE),
        (StatusCode.UNAVAILABLE, "etcdserver: no leader", Failure.NOT_DONE),
        (StatusCode.UNAVAILABLE, "etcdserver: request timed out", Failure.UNKNOWN),
        (StatusCode.UNAVAILABLE, "Socket closed", Failure.UNKNOWN),
        (StatusCode.UNAVAILABLE, "", Failure.UNKNOWN),
        (StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", Failure.UNKNOWN),
        (StatusCode.CANCELLED, "", Failure.UNKNOWN),
        (StatusCode.INTERNAL, "", Failure.UNKNOWN),
        (StatusCode.UNKNOWN, "raft proposal dropped", Failure.UNKNOWN),
        (StatusCode.NOT_FOUND, "etcdserver: requested lease not found", Failure.LEASE_ENDED),
        (StatusCode.NOT_FOUND, "something else", Failure.UNKNOWN),
        (StatusCode.INVALID_ARGUMENT, "etcdserver: too many operations", Failure.REFUSED),
        (StatusCode.RESOURCE_EXHAUSTED, "etcdserver: mvcc: no space", Failure.NOT_DONE),
        (StatusCode.PERMISSION_DENIED, "", Failure.NOT_DONE),
    ],
)
def test_only_what_was_surely_not_done_is_called_so(
    code: StatusCode, details: str, failure: Failure
) -> None:
    metadata = grpc.aio.Metadata()
    assert classify(grpc.aio.AioRpcError(code, metadata, metadata, details)) is failure
