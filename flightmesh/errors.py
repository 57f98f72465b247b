"""All errors of Flightmesh, in one tree.

FlightmeshError
├── InvalidInput            a field of a request is malformed; names field and reason
├── Refused                 a well-formed command or query is refused for a reason that is recorded
├── RetryableError          nothing is wrong with the request: retry with the same command id
│   ├── NotOwner            another node owns the shard
│   ├── ShardMoving         the shard is between owners, or recovering
│   ├── SessionFenced       the owner's session ended while the command was under way
│   ├── Overloaded          a bounded queue is full
│   └── Unavailable         a part of the mesh cannot be reached just now
├── StoreError              the ledger store
│   ├── StoreUnavailable    the request was definitely not applied
│   ├── OutcomeUnknown      the request may have been applied, or may still be
│   └── CorruptData         stored bytes cannot be what was written
├── ProtocolViolation       an invariant (I1-I7) does not hold: a bug, never a condition
├── UnknownEventType        an event of a type or version that this program does not know
└── ConfigurationError      a setting is missing, unknown or out of range

Attributes carry what a program acts on; texts are for people. flightmesh.rpc.errors maps the tree
to gRPC status codes, once.
"""

from collections.abc import Mapping


class FlightmeshError(Exception):
    """Root of the tree.

    Attributes:
        reason: UPPER_SNAKE_CASE name that programs can compare.
        message: sentence for people.
    """

    reason: str = "INTERNAL"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(FlightmeshError):
    """A field of a request is malformed."""

    reason = "INVALID_INPUT"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.description = message


class Refused(FlightmeshError):
    """A well-formed request is refused; `details` holds values a program can act on."""

    def __init__(self, reason: str, message: str, details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.details = dict(details or {})


class RetryableError(FlightmeshError):
    """Retry with the same command id; `retry_after_s` says when that is worth while."""

    retry_after_s: float = 0.05


class NotOwner(RetryableError):
    """The asked node does not own the shard; the owner is named as far as it is known."""

    reason = "NOT_OWNER"

    def __init__(self, shard: int, epoch: int, owner_session: int, owner_address: str) -> None:
        super().__init__(f"shard {shard} is not owned here (epoch {epoch})")
        self.shard = shard
        self.epoch = epoch
        self.owner_session = owner_session
        self.owner_address = owner_address


class ShardMoving(RetryableError):
    """The shard is between owners, or its owner is still recovering it."""

    reason = "SHARD_MOVING"

    def __init__(self, shard: int, epoch: int, retry_after_s: float = 0.05) -> None:
        super().__init__(f"shard {shard} is moving (epoch {epoch})")
        self.shard = shard
        self.epoch = epoch
        self.retry_after_s = retry_after_s


class SessionFenced(RetryableError):
    """The owner's session was fenced; whether the command took effect is told by a retry."""

    reason = "SESSION_FENCED"


class Overloaded(RetryableError):
    """A bounded queue is full; nothing was done."""

    reason = "OVERLOADED"
    retry_after_s = 0.2


class Unavailable(RetryableError):
    """A part of the mesh cannot be reached just now."""

    reason = "UNAVAILABLE"


class StoreError(FlightmeshError):
    """Something about the ledger store."""

    reason = "STORE"


class StoreUnavailable(StoreError):
    """The store was not reached, or refused: the request was definitely not applied."""

    reason = "STORE_UNAVAILABLE"


class OutcomeUnknown(StoreError):
    """The request may have been applied or may still be: repeat it unchanged until it is known."""

    reason = "OUTCOME_UNKNOWN"


class CorruptData(StoreError):
    """Stored bytes cannot be what was written."""

    reason = "CORRUPT_DATA"


class ProtocolViolation(FlightmeshError):
    """An invariant of the ledger protocol does not hold."""

    reason = "PROTOCOL_VIOLATION"


class UnknownEventType(FlightmeshError):
    """A stored event has a type or version that this program does not know."""

    reason = "UNKNOWN_EVENT_TYPE"

    def __init__(self, event_type: str, version: int) -> None:
        super().__init__(f"event type {event_type!r} version {version} is unknown to this program")
        self.event_type = event_type
        self.version = version


class ConfigurationError(FlightmeshError):
    """A setting is missing, unknown or out of range."""

    reason = "CONFIGURATION"
