"""The event-sourcing core, independent of any domain.

`DomainModel` is all it asks of a domain. The core adds command ids, expected sequences,
speculation, recovery, snapshots and history; see docs/protocol.md.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from flightmesh.ids import AggregateId, CommandId


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Who sent a command, from where and why; kept with its events."""

    actor: str = ""
    source: str = ""
    correlation_id: str = ""
    causation_id: str = ""


class CommandEnvelope(msgspec.Struct, frozen=True):
    """A command with what the core needs to know of it.

    Attributes:
        command_id: UUIDv7 made by the client.
        aggregate_id: whom it is for.
        aggregate_type: type of that aggregate.
        scope: group the aggregate belongs to; for flight schedules the schedule's name.
        command: the domain's command value.
        body_hash: 16 bytes that tell a repeat from a reused id; see flightmesh.codec.commands.
        expected_sequence: refuse unless the aggregate is at this sequence; None = any.
        origin: who, from where and why.
    """

    command_id: CommandId
    aggregate_id: AggregateId
    aggregate_type: str
    scope: str
    command: Any
    body_hash: bytes
    expected_sequence: int | None = None
    origin: Origin = Origin()


class EncodedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as stored: type name, version of the payload from 1, payload."""

    type: str
    version: int
    payload: bytes


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """A recorded refusal."""

    reason: str
    message: str
    details: dict[str, str]


class Accepted(msgspec.Struct, frozen=True):
    """A decision in favour: the events (none = no effect) and what the caller is warned of."""

    events: Sequence[Any]
    warnings: Sequence[str] = ()


class DomainModel(Protocol):
    """What the core asks of a domain. Pure: no I/O, no clock, no randomness.

    States are opaque to the core. `evolve` may take the given state over and change it in place.
    """

    def initial(self, aggregate_type: str) -> Any:
        """State of an aggregate that never existed."""

    def scope_aggregate(self, scope: str) -> AggregateId | None:
        """Aggregate whose state `decide` needs for every other aggregate of the scope."""

    def begins(self, command: Any) -> bool:
        """Whether the command may begin an aggregate, as part of the scope's life as it is now."""

    def is_ahead(self, state: Any, scope_state: Any) -> bool:
        """Whether the aggregate belongs to a later life of its scope than the scope's state."""

    def reopens(self, state: Any, command: Any) -> bool:
        """Whether the command begins another life of a scope that has ended."""

    def decide(
        self, aggregate_type: str, state: Any, command: Any, scope: str, scope_state: Any
    ) -> Accepted | Rejection:
        """What the command does; scope_state is None for commands to the scope aggregate itself."""

    def evolve(self, aggregate_type: str, state: Any, event: Any) -> Any:
        """The state after the event; may change the given one in place."""

    def encode_event(self, event: Any) -> EncodedEvent:
        """The event as stored."""

    def decode_event(self, encoded: EncodedEvent) -> Any:
        """The event in its newest version (older ones are upcast).

        Raises:
            UnknownEventType: type or version is not known to this program.
            CorruptData: the payload cannot be read.
        """

    def encode_state(self, aggregate_type: str, state: Any) -> bytes:
        """The state for a snapshot."""

    def decode_state(self, aggregate_type: str, data: bytes) -> Any:
        """A state of its own from a snapshot; raises CorruptData."""
