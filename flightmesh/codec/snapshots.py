"""Snapshots of aggregates as bytes with a checksum (flightmesh.api.journal.v1.Snapshot)."""

import hashlib
from typing import Final

from google.protobuf.message import DecodeError

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.codec.entries import refusal_message, rejection_of
from flightmesh.errors import CorruptData
from flightmesh.eventsourcing.cell import SavedState
from flightmesh.eventsourcing.window import Remembered
from flightmesh.ids import CommandId, id_bytes, id_text
from flightmesh.journal import StoredSnapshot

FORMAT: Final = 1


def encode_snapshot(saved: SavedState) -> StoredSnapshot:
    """The snapshot as stored."""
    data = entry_pb2.Snapshot(
        format=FORMAT,
        aggregate_sequence=saved.sequence,
        aggregate_type=saved.aggregate_type,
        scope=saved.scope,
        state=saved.state,
        remembered=[_message(command_id, command) for command_id, command in saved.commands],
        newest_dropped_id=id_bytes(saved.newest_dropped) if saved.newest_dropped else b"",
    ).SerializeToString()
    return StoredSnapshot(saved.sequence, hashlib.sha256(data).digest(), data)


def _message(command_id: CommandId, command: Remembered) -> entry_pb2.IndexedRecord:
    message = entry_pb2.IndexedRecord(
        ledger=command.ledger,
        entry=command.entry,
        record=entry_pb2.Record(
            command_id=id_bytes(command_id),
            body_hash=command.body_hash,
            aggregate_sequence=command.sequence,
            first_shard_sequence=command.first_shard_sequence,
            warnings=command.warnings,
        ),
    )
    if command.rejection is not None:
        message.record.refusal.CopyFrom(refusal_message(command.rejection))
    return message


def decode_snapshot(stored: StoredSnapshot) -> SavedState:
    """Undoes `encode_snapshot`.

    Raises:
        CorruptData: the checksum is wrong, or the bytes are no snapshot this program can read.
    """
    if hashlib.sha256(stored.data).digest() != stored.checksum:
        raise CorruptData("a snapshot does not match its checksum")
    try:
        message = entry_pb2.Snapshot.FromString(stored.data)
    except DecodeError as error:
        raise CorruptData(f"a snapshot cannot be read: {error}") from error
    if message.format != FORMAT or message.aggregate_sequence != stored.sequence:
        raise CorruptData("a snapshot of another format or sequence")
    return SavedState(
        message.aggregate_type,
        message.scope,
        message.aggregate_sequence,
        message.state,
        tuple(_command(remembered) for remembered in message.remembered),
        id_text(message.newest_dropped_id) if message.newest_dropped_id else "",
    )


def _command(message: entry_pb2.IndexedRecord) -> tuple[CommandId, Remembered]:
    record = message.record
    return CommandId(id_text(record.command_id)), Remembered(
        record.body_hash,
        message.ledger,
        message.entry,
        record.aggregate_sequence,
        record.first_shard_sequence,
        rejection_of(record.refusal) if record.HasField("refusal") else None,
        tuple(record.warnings),
    )
