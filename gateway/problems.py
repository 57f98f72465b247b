"""Errors as RFC 9457 problems. Pure: the one table between flightmesh.errors and HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final
from urllib.parse import quote

import orjson

from flightmesh import errors

CONTENT_TYPE: Final = "application/problem+json"

_STATUS_OF_REASON: Final[Mapping[str, int]] = {
    "SEQUENCE_MISMATCH": 409,
    "COMMAND_ID_REUSED": 422,
    "COMMAND_ID_TOO_OLD": 409,
    "DEADLINE_EXCEEDED": 504,
    "TOO_LARGE": 413,
    "UNIMPLEMENTED": 501,
    # Names of google.rpc.Code, for a server that gives no reason of its own.
    "INVALID_ARGUMENT": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
}
_STATUS_OF_SUFFIX: Final = (
    ("_NOT_FOUND", 404),
    ("_DELETED", 410),
    ("_REMOVED", 410),
    ("_RETIRED", 410),
)

CONDITION_FAILED: Final = "SEQUENCE_MISMATCH"
"""Reason that is 412 instead of 409 where If-Match stated the expected sequence."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem.

    Attributes:
        status: HTTP status.
        reason: UPPER_SNAKE_CASE name that programs compare; gives the type and the title.
        detail: sentence for people.
        violations: (field, description) of each malformed field.
        details: values a program can act on.
        retry_after_s: after how many seconds the same request is worth repeating; None if never.
        headers: further headers of the answer, for example Allow.
    """

    status: int
    reason: str
    detail: str
    violations: Sequence[tuple[str, str]] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None
    headers: Sequence[tuple[str, str]] = ()

    def body(self, path: str) -> bytes:
        """The problem as JSON; `path` is the decoded path of the request."""
        document: dict[str, Any] = {
            "type": type_of(self.reason),
            "title": self.reason.replace("_", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "instance": quote(path, safe="/:@!$&'()*+,;=~"),
            "reason": self.reason,
        }
        if self.violations:
            document["errors"] = [
                {"field": name, "description": description} for name, description in self.violations
            ]
        if self.details:
            document["details"] = dict(self.details)
        return orjson.dumps(document)

    def all_headers(self) -> list[tuple[str, str]]:
        """The headers of the answer, its content type included."""
        headers = [("content-type", CONTENT_TYPE), *self.headers]
        if self.retry_after_s is not None:
            # RFC 9110, section 10.2.3: whole seconds.
            headers.append(("retry-after", str(max(1, ceil(self.retry_after_s)))))
        return headers


class RefusedRequest(Exception):
    """A request is refused by the gateway itself; carries the answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


PROBLEM_PAGES: Final = "/problems/"
"""What the types of all problems begin with; one page answers for all of them."""


def type_of(reason: str) -> str:
    """URI reference of a problem's type: LEG_OVERLAP is /problems/leg-overlap."""
    return PROBLEM_PAGES + reason.lower().replace("_", "-")


def problem_of(error: BaseException, *, conditional: bool = False) -> Problem:
    """The problem that an error is; one that nobody expected is not described to the caller.

    Args:
        error: the error.
        conditional: whether the request had an If-Match header.
    """
    match error:
        case errors.InvalidInput():
            violations = [(error.field, error.description)] if error.field else []
            return Problem(400, error.reason, error.message, violations)
        case errors.Refused():
            status = _status_of_reason(error.reason)
            if conditional and error.reason == CONDITION_FAILED:
                status = 412
            return Problem(status, error.reason, error.message, details=error.details)
        case errors.RetryableError():
            return Problem(503, error.reason, error.message, retry_after_s=error.retry_after_s)
        case errors.StoreUnavailable() | errors.OutcomeUnknown():
            return Problem(503, error.reason, error.message, retry_after_s=1.0)
        case TimeoutError():
            text = "the deadline passed before there was an answer"
            return Problem(504, "DEADLINE_EXCEEDED", text)
        case _:
            return Problem(500, "INTERNAL", "internal error; the server's log tells more")


def _status_of_reason(reason: str) -> int:
    status = _STATUS_OF_REASON.get(reason)
    if status is not None:
        return status
    for suffix, status_of_suffix in _STATUS_OF_SUFFIX:
        if reason.endswith(suffix):
            return status_of_suffix
    return 409
