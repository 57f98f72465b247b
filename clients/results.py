"""What commands give back."""

from dataclasses import dataclass
from typing import Self

from flightmesh.api.schedule.v1.events_pb2 import RecordedEvent
from flightmesh.api.shard.v1.command_service_pb2 import ExecuteResponse


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The acknowledged result of a command: it is durable.

    Attributes:
        aggregate_id: UUID of the aggregate, also of one just created.
        sequence: the aggregate's sequence after the command.
        position: position token; a query with it as min_position sees the command's effect.
        command_id: the command's id; sending it again gives this result again.
        events: what the command changed; empty if nothing (or if no events were asked for).
        warnings: accepted all the same, but worth a look, as "CODE: text".
    """

    aggregate_id: str
    sequence: int
    position: str
    command_id: str
    events: tuple[RecordedEvent, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, response: ExecuteResponse) -> Self:
        """The result that a response tells."""
        return cls(
            response.aggregate_id,
            response.sequence,
            response.position,
            response.command_id,
            tuple(response.events),
            tuple(response.warnings),
        )
