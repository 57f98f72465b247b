"""Records: one command with its outcome, as the journal keeps them. Pure values."""

import msgspec

from flightmesh.eventsourcing import EncodedEvent, Origin, Rejection
from flightmesh.ids import AggregateId, CommandId


class Record(msgspec.Struct, frozen=True, gc=False):
    """One command and its outcome: events, or a rejection, or neither (no effect).

    Attributes:
        command_id: the command's id.
        body_hash: 16 bytes that tell a repeat from a reused id.
        shard: the aggregate's shard.
        aggregate_id: the aggregate.
        aggregate_type: type the command was meant for.
        scope: scope the command was meant for.
        first_shard_sequence: shard sequence of the first event; 0 if there are no events.
        aggregate_sequence: the aggregate's sequence after this record.
        events: the events, whose aggregate sequences end at aggregate_sequence.
        rejection: why the command was refused, if it was.
        warnings: what the caller was warned of.
        origin: who sent the command, from where and why.
    """

    command_id: CommandId
    body_hash: bytes
    shard: int
    aggregate_id: AggregateId
    aggregate_type: str
    scope: str
    first_shard_sequence: int
    aggregate_sequence: int
    events: tuple[EncodedEvent, ...] = ()
    rejection: Rejection | None = None
    warnings: tuple[str, ...] = ()
    origin: Origin = Origin()


class PlacedRecord(msgspec.Struct, frozen=True, gc=False):
    """A record with its place in the ledgers.

    Attributes:
        ledger: the ledger that holds it.
        entry: number of the entry that holds it.
        committed_at_us: the owner's clock when it sent the entry, microseconds since 1970 UTC; 0
            for a record whose entry has not been sent yet.
        record: the record.
    """

    ledger: int
    entry: int
    committed_at_us: int
    record: Record


def in_order(records: list[PlacedRecord]) -> list[PlacedRecord]:
    """The records of one aggregate in the order of its history, each once.

    A record is known by its place and command id, so chunks that were flushed twice, or late by a
    deposed owner, do no harm (rule 13). Ledger numbers are no order (rule 24): the aggregate's own
    sequence is. Records without events come after the one that reached their sequence, by time.
    """
    once = {(r.ledger, r.entry, r.record.command_id): r for r in records}
    return sorted(
        once.values(),
        key=lambda r: (
            r.record.aggregate_sequence,
            not r.record.events,
            # What is not sent yet is younger than all that is committed.
            r.committed_at_us or 1 << 62,
            r.ledger,
            r.entry,
        ),
    )
