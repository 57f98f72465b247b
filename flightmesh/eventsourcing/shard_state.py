"""The aggregates of one shard, and the decision of a command. Pure: no I/O, no clock.

Invariants asserted here: shard sequences are contiguous (I4), and a command id has at most one
effect within its aggregate's window (I6).
"""

from typing import Any, Final, final

from flightmesh.errors import Refused
from flightmesh.eventsourcing import CommandEnvelope, DomainModel, EncodedEvent, Rejection
from flightmesh.eventsourcing.cell import AggregateCell, begin
from flightmesh.eventsourcing.record import Record
from flightmesh.eventsourcing.window import Remembered
from flightmesh.ids import AggregateId

SEQUENCE_MISMATCH: Final = "SEQUENCE_MISMATCH"
COMMAND_ID_REUSED: Final = "COMMAND_ID_REUSED"
COMMAND_ID_TOO_OLD: Final = "COMMAND_ID_TOO_OLD"
WRONG_AGGREGATE: Final = "WRONG_AGGREGATE"


@final
class ShardState:
    """One shard's aggregates in memory.

    Args:
        shard: number of the shard.
        domain: the domain.
        next_sequence: shard sequence of the next event.
    """

    def __init__(self, shard: int, domain: DomainModel, next_sequence: int = 1) -> None:
        self.shard = shard
        self.next_sequence = next_sequence
        self.cells: dict[AggregateId, AggregateCell] = {}
        self._domain = domain

    def decide(
        self,
        cell: AggregateCell,
        envelope: CommandEnvelope,
        scope_state: Any,
        ledger: int,
        entry: int,
    ) -> Record | Remembered:
        """Decides a command on the cell's speculative state and applies its events to it.

        Args:
            cell: the aggregate.
            envelope: the command.
            scope_state: committed state of the scope aggregate; None for a command to itself.
            ledger: the session's ledger.
            entry: the entry that will hold the record, the newest of the ledger.

        Returns:
            A new record, which the caller must put into that entry; or what is remembered of the
            first try of the same command, whose entry may not be committed yet (rule 18).

        Raises:
            Refused: the id was used with another body, or is too old; nothing is recorded.
        """
        known = cell.window.get(envelope.command_id)
        if known is not None:
            if known.body_hash != envelope.body_hash:
                raise _reused(envelope)
            return known
        if cell.window.is_too_old(envelope.command_id):
            raise _too_old(envelope)
        record = self._recorded(cell, envelope, scope_state)
        cell.last_entry = entry
        cell.window.add(
            record.command_id,
            Remembered(
                record.body_hash,
                ledger,
                entry,
                record.aggregate_sequence,
                record.first_shard_sequence,
                record.rejection,
                record.warnings,
            ),
        )
        return record

    def _recorded(self, cell: AggregateCell, envelope: CommandEnvelope, scope_state: Any) -> Record:
        rejection = _precondition(cell, envelope)
        events: tuple[EncodedEvent, ...] = ()
        warnings: tuple[str, ...] = ()
        first = 0
        if rejection is None:
            domain = self._domain
            kind = envelope.aggregate_type
            state = domain.initial(kind) if cell.state is None else cell.state
            verdict = domain.decide(kind, state, envelope.command, envelope.scope, scope_state)
            if isinstance(verdict, Rejection):
                rejection = verdict
            else:
                warnings = tuple(verdict.warnings)
                if verdict.events:
                    events = tuple([domain.encode_event(event) for event in verdict.events])
                    first = self._apply(cell, envelope, verdict.events)
        return Record(
            envelope.command_id,
            envelope.body_hash,
            self.shard,
            envelope.aggregate_id,
            envelope.aggregate_type,
            envelope.scope,
            first,
            cell.sequence,
            events,
            rejection,
            warnings,
            envelope.origin,
        )

    def _apply(self, cell: AggregateCell, envelope: CommandEnvelope, events: Any) -> int:
        """Changes the cell; returns the shard sequence of the first event."""
        domain, kind = self._domain, envelope.aggregate_type
        if not cell.sequence:
            begin(cell, kind, envelope.scope, domain)
        for event in events:
            cell.state = domain.evolve(kind, cell.state, event)
        count = len(events)
        cell.sequence += count
        first = self.next_sequence
        self.next_sequence = first + count
        return first


def _precondition(cell: AggregateCell, envelope: CommandEnvelope) -> Rejection | None:
    if cell.sequence and (
        cell.aggregate_type != envelope.aggregate_type or cell.scope != envelope.scope
    ):
        return Rejection(
            WRONG_AGGREGATE,
            # Which scope it is in is not told: the caller may have no business there.
            f"{cell.aggregate_id} is no {envelope.aggregate_type} of {envelope.scope}",
            {},
        )
    expected = envelope.expected_sequence
    if expected is not None and expected != cell.sequence:
        return Rejection(
            SEQUENCE_MISMATCH,
            f"the aggregate is at sequence {cell.sequence}, not {expected}",
            {"sequence": str(cell.sequence), "expected_sequence": str(expected)},
        )
    return None


def _reused(envelope: CommandEnvelope) -> Refused:
    return Refused(
        COMMAND_ID_REUSED,
        f"command id {envelope.command_id} was used for another command",
        {"command_id": envelope.command_id},
    )


def _too_old(envelope: CommandEnvelope) -> Refused:
    return Refused(
        COMMAND_ID_TOO_OLD,
        f"command id {envelope.command_id} is older than those remembered here",
        {"command_id": envelope.command_id},
    )
