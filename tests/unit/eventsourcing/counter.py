"""The smallest domain: counters that are added to and must not go above ten."""

from dataclasses import dataclass
from typing import Any

from flightmesh.errors import CorruptData, UnknownEventType
from flightmesh.eventsourcing import Accepted, CommandEnvelope, EncodedEvent, Rejection
from flightmesh.eventsourcing.cell import AggregateCell
from flightmesh.eventsourcing.record import PlacedRecord, Record
from flightmesh.eventsourcing.shard_state import ShardState
from flightmesh.eventsourcing.window import Remembered
from flightmesh.ids import AggregateId, CommandId, uuid7

COUNTER = AggregateId("00000000-0000-4000-8000-0000000000aa")


@dataclass(frozen=True)
class Add:
    amounts: tuple[int, ...]


class Counters:
    """A `DomainModel`; the state is a list with one number, changed in place."""

    def initial(self, aggregate_type: str) -> Any:
        return [0]

    def scope_aggregate(self, scope: str) -> AggregateId | None:
        return None

    def begins(self, command: Any) -> bool:
        return False

    def is_ahead(self, state: Any, scope_state: Any) -> bool:
        return False

    def reopens(self, state: Any, command: Any) -> bool:
        return False

    def decide(
        self, aggregate_type: str, state: Any, command: Any, scope: str, scope_state: Any
    ) -> Accepted | Rejection:
        if state[0] + sum(command.amounts) > 10:
            return Rejection("TOO_HIGH", "above ten", {"value": str(state[0])})
        return Accepted(command.amounts, ("ODD: text",) if sum(command.amounts) % 2 else ())

    def evolve(self, aggregate_type: str, state: Any, event: Any) -> Any:
        state[0] += event
        return state

    def encode_event(self, event: Any) -> EncodedEvent:
        return EncodedEvent("Added", 1, str(event).encode())

    def decode_event(self, encoded: EncodedEvent) -> Any:
        if encoded.type != "Added":
            raise UnknownEventType(encoded.type, encoded.version)
        return int(encoded.payload)

    def encode_state(self, aggregate_type: str, state: Any) -> bytes:
        return str(state[0]).encode()

    def decode_state(self, aggregate_type: str, data: bytes) -> Any:
        try:
            return [int(data)]
        except ValueError:
            raise CorruptData("no state of a counter") from None


def command_id(number: int) -> CommandId:
    """Ids in the order of their numbers."""
    return uuid7(1_000_000 + number, 0)


def an_envelope(number: int, *amounts: int, **fields: Any) -> CommandEnvelope:
    values = {
        "command_id": command_id(number),
        "aggregate_id": COUNTER,
        "aggregate_type": "counter",
        "scope": "s",
        "command": Add(amounts),
        "body_hash": repr(amounts).encode().ljust(16)[:16],
        **fields,
    }
    return CommandEnvelope(**values)


class Owner:
    """A shard with one counter, and the records it has made; each in an entry of its own."""

    def __init__(self, ledger: int = 1) -> None:
        self.ledger = ledger
        self.domain = Counters()
        self.shard = ShardState(5, self.domain)
        self.cell = AggregateCell(COUNTER)
        self.records: list[PlacedRecord] = []

    def take(self, envelope: CommandEnvelope) -> Record | Remembered:
        entry = len(self.records)
        outcome = self.shard.decide(self.cell, envelope, None, self.ledger, entry)
        if isinstance(outcome, Record):
            self.records.append(PlacedRecord(self.ledger, entry, 1_000 + entry, outcome))
        return outcome
