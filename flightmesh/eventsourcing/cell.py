"""One aggregate in an owner's memory, and how it is built from what is stored. Pure.

A cell holds the speculative state: all decided events, committed or not: speculation. Nothing is
ever undone: when an entry cannot be committed the session is fenced and all its memory dropped.
"""

from collections.abc import Sequence
from typing import Any, final

import msgspec

from flightmesh.errors import ProtocolViolation
from flightmesh.eventsourcing import DomainModel
from flightmesh.eventsourcing.record import PlacedRecord, in_order
from flightmesh.eventsourcing.window import CommandWindow, Remembered, remembered
from flightmesh.ids import AggregateId, CommandId


@final
class AggregateCell:
    """An aggregate in memory.

    Attributes:
        aggregate_id: its id.
        aggregate_type: its type; empty until its first event.
        scope: its scope; empty until its first event.
        state: the domain's state with all decided events; None until the type is known.
        sequence: number of decided events.
        window: the last commands.
        last_entry: entry of the session's own ledger that holds its newest record; -1 if none does.
        size: rough size, bytes: that of its records since it was loaded.
        snapshot_sequence: sequence of its newest snapshot; 0 if it has none.
        last_used_s: monotonic time of its last command or query.
    """

    __slots__ = (
        "aggregate_id",
        "aggregate_type",
        "last_entry",
        "last_used_s",
        "scope",
        "sequence",
        "size",
        "snapshot_sequence",
        "state",
        "window",
    )

    def __init__(self, aggregate_id: AggregateId) -> None:
        self.aggregate_id = aggregate_id
        self.aggregate_type = ""
        self.scope = ""
        self.state: Any = None
        self.sequence = 0
        self.window = CommandWindow()
        self.last_entry = -1
        self.size = 0
        self.snapshot_sequence = 0
        self.last_used_s = 0.0


class SavedState(msgspec.Struct, frozen=True):
    """An aggregate as a snapshot keeps it.

    Attributes:
        aggregate_type: its type.
        scope: its scope.
        sequence: its sequence.
        state: the domain's encoding of its state.
        commands: remembered commands, oldest first.
        newest_dropped: newest command id that is remembered no more; empty if none.
    """

    aggregate_type: str
    scope: str
    sequence: int
    state: bytes
    commands: tuple[tuple[CommandId, Remembered], ...]
    newest_dropped: str


def save(cell: AggregateCell, domain: DomainModel) -> SavedState:
    """The cell for a snapshot; it has events, and all of them are committed."""
    assert cell.sequence
    return SavedState(
        cell.aggregate_type,
        cell.scope,
        cell.sequence,
        domain.encode_state(cell.aggregate_type, cell.state),
        tuple(cell.window),
        cell.window.newest_dropped,
    )


def rebuild(
    aggregate_id: AggregateId,
    records: Sequence[PlacedRecord],
    domain: DomainModel,
    saved: SavedState | None = None,
    *,
    committed_to: int | None = None,
) -> AggregateCell:
    """An aggregate from its records, and from a snapshot if there is one.

    Args:
        aggregate_id: its id.
        records: its records in any order, repeats allowed, of all ledgers.
        domain: the domain.
        saved: a snapshot; the records must reach at least as far.
        committed_to: leave out events after this aggregate sequence (for queries about the past).

    Raises:
        ProtocolViolation: events are missing or double (I4).
        UnknownEventType: an event of a type or version this program does not know.
        CorruptData: a payload or the snapshot's state cannot be read.
    """
    cell = AggregateCell(aggregate_id)
    if saved is not None:
        cell.aggregate_type, cell.scope = saved.aggregate_type, saved.scope
        cell.sequence = cell.snapshot_sequence = saved.sequence
        cell.state = domain.decode_state(saved.aggregate_type, saved.state)
        cell.window = CommandWindow(saved.newest_dropped)
        for command_id, command in saved.commands:
            cell.window.add(command_id, command)
    dropped = cell.window.newest_dropped
    for placed in in_order(list(records)):
        if committed_to is None or placed.record.aggregate_sequence <= committed_to:
            _remember(cell, placed, dropped)
            _fold(cell, placed, domain)
        else:
            # Of a command with several events, those up to there.
            _fold(cell, placed, domain, committed_to)
            break
    return cell


def _fold(
    cell: AggregateCell,
    placed: PlacedRecord,
    domain: DomainModel,
    committed_to: int | None = None,
) -> None:
    record = placed.record
    if not record.events or record.aggregate_sequence <= cell.snapshot_sequence:
        return
    if record.aggregate_sequence - len(record.events) != cell.sequence:
        raise ProtocolViolation(
            f"aggregate {cell.aggregate_id}: events up to {record.aggregate_sequence} of ledger "
            f"{placed.ledger}, entry {placed.entry} do not follow sequence {cell.sequence}"
        )
    events = record.events
    if committed_to is not None:
        events = events[: max(0, committed_to - cell.sequence)]
    if events and not cell.sequence:
        begin(cell, record.aggregate_type, record.scope, domain)
    for encoded in events:
        event = domain.decode_event(encoded)
        cell.state = domain.evolve(cell.aggregate_type, cell.state, event)
    cell.sequence += len(events)


def _remember(cell: AggregateCell, placed: PlacedRecord, dropped: str) -> None:
    command_id = placed.record.command_id
    known = cell.window.get(command_id)
    if known is not None:
        # The same record once more, from the snapshot's memory; a second one would break I6.
        if (known.ledger, known.entry) != (placed.ledger, placed.entry):
            raise ProtocolViolation(f"command {command_id} is in two entries")
    elif command_id > dropped:
        # An older one the snapshot had dropped already, or it would have been refused since.
        cell.window.add(command_id, remembered(placed))


def begin(cell: AggregateCell, aggregate_type: str, scope: str, domain: DomainModel) -> None:
    """Gives a cell without events its type and scope."""
    cell.aggregate_type, cell.scope = aggregate_type, scope
    cell.state = domain.initial(aggregate_type)
