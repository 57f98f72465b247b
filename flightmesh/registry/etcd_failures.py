"""What a failed etcd call means for the request."""

from enum import Enum, auto

import grpc

_NEVER_SENT = "failed to connect to all addresses"
_NO_LEADER = "etcdserver: no leader"
_REFUSALS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_NOT_DONE = frozenset(
    {
        # Too many requests, or no space: both are found out before anything is written.
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
    }
)


class Failure(Enum):
    """What is known of a transaction whose call failed."""

    NOT_DONE = auto()
    LEASE_ENDED = auto()
    REFUSED = auto()
    UNKNOWN = auto()


def classify(error: grpc.RpcError) -> Failure:
    """What the failure of a transaction's call says of its outcome.

    UNAVAILABLE alone says nothing: etcd also answers it when a proposal times out, which may be
    applied later.
    """
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE:
        sure = details.startswith(_NEVER_SENT) or details == _NO_LEADER
        return Failure.NOT_DONE if sure else Failure.UNKNOWN
    if code is grpc.StatusCode.NOT_FOUND and "lease" in details:
        return Failure.LEASE_ENDED
    if code in _REFUSALS:
        return Failure.REFUSED
    return Failure.NOT_DONE if code in _NOT_DONE else Failure.UNKNOWN
