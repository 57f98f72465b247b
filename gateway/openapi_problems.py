"""The problem answers in the OpenAPI document. Pure."""

from collections.abc import Collection
from typing import Any, Final

from gateway.app import REQUEST_ID_HEADER
from gateway.problems import CONTENT_TYPE
from gateway.transcoding import RequestReader

_TEXTS: Final[dict[int, tuple[str, str]]] = {
    400: ("BadRequest", "Something in the request is malformed; `errors` names the fields."),
    403: ("Forbidden", "The request is not allowed."),
    404: ("NotFound", "There is nothing of that name."),
    409: ("Conflict", "The command is refused; `reason` says why, `details` has the values."),
    408: ("RequestTimeout", "The body did not arrive in time."),
    410: ("Gone", "What the request names existed, and was removed."),
    412: ("PreconditionFailed", "The aggregate is not at the sequence that If-Match names."),
    413: ("TooLarge", "The body is too large."),
    414: ("TargetTooLong", "The path or the query string is too long."),
    415: ("UnsupportedMediaType", "The body is not plain application/json."),
    421: ("HostNotKnown", "The request was sent to a name that is not one of this server's."),
    422: ("CommandIdReused", "The Idempotency-Key was used for another command."),
    503: ("Unavailable", "Not possible just now; the same request is worth repeating."),
    504: ("DeadlineExceeded", "The deadline passed before there was an answer."),
}
_ALWAYS: Final = (400, 404, 414, 421, 503, 504)
_WITH_BODY: Final = (403, 408, 409, 413, 415)


def problem_responses(reader: RequestReader, variables: Collection[str]) -> dict[str, Any]:
    """The problems that an operation may answer, by status.

    Args:
        reader: reads its requests.
        variables: fields that its path holds.
    """
    statuses = set(_ALWAYS)
    if reader.body is not None:
        statuses |= set(_WITH_BODY)
    if "schedule" in variables:
        statuses.add(410)
    if "Idempotency-Key" in reader.headers.fields:
        statuses.add(422)
    if "If-Match" in reader.headers.fields:
        statuses.add(412)
    return {
        str(status): {"$ref": f"#/components/responses/{_TEXTS[status][0]}"}
        for status in sorted(statuses)
    }


def problem_components() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Shared headers, responses and schemas."""
    headers = {
        "RequestId": {"description": "Id of the request.", "schema": {"type": "string"}},
        "RetryAfter": {
            "description": "Seconds after which to repeat the request.",
            "schema": {"type": "integer", "minimum": 1},
        },
    }
    responses = {name: _response(status, text) for status, (name, text) in _TEXTS.items()}
    return headers, responses, {"Problem": _PROBLEM}


def _response(status: int, text: str) -> dict[str, Any]:
    headers = {REQUEST_ID_HEADER: {"$ref": "#/components/headers/RequestId"}}
    if status == 503:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "headers": headers, "content": {CONTENT_TYPE: {"schema": schema}}}


_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "An error, as RFC 9457 defines it.",
    "required": ["type", "title", "status", "detail", "instance", "reason"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Kind of error."},
        "title": {"type": "string", "description": "The kind in words."},
        "status": {"type": "integer", "description": "HTTP status."},
        "detail": {"type": "string", "description": "Sentence for people."},
        "instance": {"type": "string", "description": "Path of the request."},
        "reason": {"type": "string", "description": "UPPER_SNAKE_CASE name of the kind."},
        "errors": {
            "type": "array",
            "description": "The malformed fields.",
            "items": {
                "type": "object",
                "required": ["field", "description"],
                "properties": {
                    "field": {"type": "string", "description": "Path of the field."},
                    "description": {"type": "string", "description": "What is wrong with it."},
                },
            },
        },
        "details": {
            "type": "object",
            "description": "Values that a program can act on.",
            "additionalProperties": {"type": "string"},
        },
    },
    "example": {
        "type": "/problems/leg-overlap",
        "title": "Leg overlap",
        "status": 409,
        "detail": "the leg overlaps another leg of the rotation",
        "instance": "/v1/schedules/s05-base/rotations/5a4f1f0e-6a0e-5d3c-8d53-0b6f0f6f4f01:addLeg",
        "reason": "LEG_OVERLAP",
    },
}
