"""The one table between flightmesh.errors and gRPC status, both ways.

Every error leaves as a google.rpc.Status with a google.rpc.ErrorInfo (domain "flightmesh", reason)
and, where there is more to act on, NotOwner, ShardMoving, BadRequest or RetryInfo.
"""

import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, NoReturn, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from flightmesh import errors
from flightmesh.api.common.v1 import errors_pb2

_log = logging.getLogger(__name__)

R = TypeVar("R")

DOMAIN: Final = "flightmesh"

_CODE_OF_TYPE: Final[tuple[tuple[type[errors.FlightmeshError], int], ...]] = (
    (errors.InvalidInput, code_pb2.INVALID_ARGUMENT),
    (errors.NotOwner, code_pb2.FAILED_PRECONDITION),
    (errors.Overloaded, code_pb2.RESOURCE_EXHAUSTED),
    (errors.RetryableError, code_pb2.UNAVAILABLE),
    (errors.StoreUnavailable, code_pb2.UNAVAILABLE),
    (errors.OutcomeUnknown, code_pb2.UNAVAILABLE),
    (errors.CorruptData, code_pb2.DATA_LOSS),
    (errors.UnknownEventType, code_pb2.DATA_LOSS),
)
# Reasons of Refused; a reason that is not here is a FAILED_PRECONDITION.
_CODE_OF_REASON: Final[dict[str, int]] = {
    "SCHEDULE_NOT_FOUND": code_pb2.NOT_FOUND,
    "SCHEDULE_EXISTS": code_pb2.ALREADY_EXISTS,
    "ROTATION_NOT_FOUND": code_pb2.NOT_FOUND,
    "ROTATION_EXISTS": code_pb2.ALREADY_EXISTS,
    "LEG_NOT_FOUND": code_pb2.NOT_FOUND,
    "LEG_EXISTS": code_pb2.ALREADY_EXISTS,
    "AIRPLANE_NOT_FOUND": code_pb2.NOT_FOUND,
    "AIRPLANE_EXISTS": code_pb2.ALREADY_EXISTS,
    "AIRPORT_NOT_FOUND": code_pb2.NOT_FOUND,
    "NODE_NOT_FOUND": code_pb2.NOT_FOUND,
    "SHARD_NOT_FOUND": code_pb2.NOT_FOUND,
    "SEQUENCE_MISMATCH": code_pb2.ABORTED,
    "COMMAND_ID_REUSED": code_pb2.INVALID_ARGUMENT,
    "COMMAND_ID_TOO_OLD": code_pb2.OUT_OF_RANGE,
    "DEADLINE_EXCEEDED": code_pb2.DEADLINE_EXCEEDED,
    "UNIMPLEMENTED": code_pb2.UNIMPLEMENTED,
}
_NOT_OWNER: Final[str] = errors_pb2.NotOwner.DESCRIPTOR.full_name
_SHARD_MOVING: Final[str] = errors_pb2.ShardMoving.DESCRIPTOR.full_name
_ERROR_INFO: Final[str] = ErrorInfo.DESCRIPTOR.full_name
_BAD_REQUEST: Final[str] = BadRequest.DESCRIPTOR.full_name
_GRPC_CODE: Final = {code.value[0]: code for code in grpc.StatusCode}


def code_of(error: BaseException) -> int:
    """The google.rpc code of an error."""
    if isinstance(error, errors.Refused):
        return int(_CODE_OF_REASON.get(error.reason, code_pb2.FAILED_PRECONDITION))
    for kind, code in _CODE_OF_TYPE:
        if isinstance(error, kind):
            return code
    timed_out = isinstance(error, TimeoutError)
    return int(code_pb2.DEADLINE_EXCEEDED if timed_out else code_pb2.INTERNAL)


def status_of(error: BaseException) -> Status:
    """The status message of an error; an unexpected one is not described to the caller."""
    status = Status(code=code_of(error))
    if isinstance(error, TimeoutError):
        error = errors.Refused(
            "DEADLINE_EXCEEDED", "the deadline passed before there was an answer"
        )
    if not isinstance(error, errors.FlightmeshError):
        status.message = "internal error; see the server's log"
        _add(status, ErrorInfo(reason="INTERNAL", domain=DOMAIN))
        return status
    status.message = error.message
    details = error.details if isinstance(error, errors.Refused) else {}
    _add(status, ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=details))
    _add_typed(status, error)
    return status


def _add_typed(status: Status, error: errors.FlightmeshError) -> None:
    match error:
        case errors.InvalidInput():
            violation = BadRequest.FieldViolation(field=error.field, description=error.description)
            _add(status, BadRequest(field_violations=[violation]))
        case errors.NotOwner():
            _add(
                status,
                errors_pb2.NotOwner(
                    shard=error.shard,
                    epoch=error.epoch,
                    owner_session=error.owner_session,
                    owner_address=error.owner_address,
                ),
            )
        case errors.ShardMoving():
            _add(
                status,
                errors_pb2.ShardMoving(
                    shard=error.shard,
                    epoch=error.epoch,
                    retry_after_ms=round(error.retry_after_s * 1000),
                ),
            )
        case errors.RetryableError():
            retry = RetryInfo()
            retry.retry_delay.FromMilliseconds(round(error.retry_after_s * 1000))
            _add(status, retry)
        case _:
            pass


def _add(status: Status, detail: Message) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)


def error_of(status: Status) -> errors.FlightmeshError:
    """The error that a status stands for: undoes `status_of`, as far as callers act on it."""
    info = ErrorInfo()
    for detail in status.details:
        # By name: Any.Unpack looks it up again for each type that is tried.
        name = detail.type_url.rpartition("/")[2]
        if name == _NOT_OWNER:
            owner = errors_pb2.NotOwner.FromString(detail.value)
            return errors.NotOwner(
                owner.shard, owner.epoch, owner.owner_session, owner.owner_address
            )
        if name == _SHARD_MOVING:
            moving = errors_pb2.ShardMoving.FromString(detail.value)
            return errors.ShardMoving(moving.shard, moving.epoch, moving.retry_after_ms / 1000)
        if name == _ERROR_INFO:
            info = ErrorInfo.FromString(detail.value)
        elif name == _BAD_REQUEST and (bad := BadRequest.FromString(detail.value)).field_violations:
            violation = bad.field_violations[0]
            return errors.InvalidInput(violation.field, violation.description)
    return _plain_error(status, info)


def _plain_error(status: Status, info: ErrorInfo) -> errors.FlightmeshError:
    retryable = {
        "SESSION_FENCED": errors.SessionFenced,
        "OVERLOADED": errors.Overloaded,
    }.get(info.reason)
    if retryable:
        return retryable(status.message)
    if status.code in (code_pb2.UNAVAILABLE, code_pb2.CANCELLED):
        return errors.Unavailable(status.message or "the server cannot be reached")
    if status.code == code_pb2.RESOURCE_EXHAUSTED and not info.reason:
        return errors.Refused("TOO_LARGE", status.message)
    reason = info.reason or str(code_pb2.Code.Name(status.code))
    return errors.Refused(reason, status.message, dict(info.metadata))


def error_of_call(error: grpc.aio.AioRpcError) -> errors.FlightmeshError:
    """The error that a failed call stands for."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return error_of(
                Status.FromString(value if isinstance(value, bytes) else value.encode())
            )
    return error_of(Status(code=error.code().value[0], message=error.details() or ""))


async def abort(context: "grpc.aio.ServicerContext[Any, Any]", error: BaseException) -> NoReturn:
    """Ends a call with the status of an error; logs what is our fault."""
    status = status_of(error)
    if status.code in (code_pb2.INTERNAL, code_pb2.DATA_LOSS):
        _log.error("call failed", exc_info=error)
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(_GRPC_CODE[status.code], status.message, details)
    raise AssertionError("abort returned")


def answers_errors(
    method: Callable[..., Awaitable[R]],
) -> Callable[..., Awaitable[R]]:
    """Decorates a unary servicer method (self, request, context): errors become statuses."""

    @functools.wraps(method)
    async def wrapped(self: Any, request: Any, context: Any) -> R:
        try:
            return await method(self, request, context)
        except Exception as error:
            if isinstance(error, grpc.aio.AbortError):
                raise
            await abort(context, error)

    return wrapped


def streams_errors(
    method: Callable[..., AsyncIterator[R]],
) -> Callable[..., AsyncIterator[R]]:
    """Decorates a servicer method that is an async generator: errors become statuses."""

    @functools.wraps(method)
    async def wrapped(self: Any, request: Any, context: Any) -> AsyncIterator[R]:
        try:
            async for answer in method(self, request, context):
                yield answer
        except Exception as error:
            if isinstance(error, grpc.aio.AbortError):
                raise
            await abort(context, error)

    return wrapped
