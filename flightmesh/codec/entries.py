"""Entries, records and index chunks as bytes (flightmesh.api.journal.v1). Knows no domain.

A record is serialized once, when its command is decided; entries and chunks join those bytes.
"""

import functools
from collections.abc import Iterable
from typing import Final

from google.protobuf.message import DecodeError

from flightmesh.api.common.v1 import metadata_pb2
from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.codec.wire import bytes_tag, framed, number_tag, varint
from flightmesh.errors import CorruptData
from flightmesh.eventsourcing import EncodedEvent, Origin, Rejection
from flightmesh.eventsourcing.record import PlacedRecord, Record
from flightmesh.ids import AggregateId, CommandId, id_bytes, id_text

FORMAT: Final = 1

_NO_ORIGIN: Final = Origin()
_RECORD_FIELDS: Final = entry_pb2.Record.DESCRIPTOR.fields_by_name
# Ids and hashes have 16 bytes.
_COMMAND_ID: Final = bytes_tag(_RECORD_FIELDS["command_id"].number) + varint(16)
_BODY_HASH: Final = bytes_tag(_RECORD_FIELDS["body_hash"].number) + varint(16)
_FIRST_SEQUENCE: Final = number_tag(_RECORD_FIELDS["first_shard_sequence"].number)
_AGGREGATE_SEQUENCE: Final = number_tag(_RECORD_FIELDS["aggregate_sequence"].number)
_EVENT: Final = bytes_tag(_RECORD_FIELDS["events"].number)
_REFUSAL: Final = bytes_tag(_RECORD_FIELDS["refusal"].number)
_WARNING: Final = bytes_tag(_RECORD_FIELDS["warnings"].number)
_METADATA: Final = bytes_tag(_RECORD_FIELDS["metadata"].number)
_PAYLOAD: Final = bytes_tag(entry_pb2.StoredEvent.DESCRIPTOR.fields_by_name["payload"].number)
_FIELDS: Final = entry_pb2.Entry.DESCRIPTOR.fields_by_name
_RECORD: Final = bytes_tag(_FIELDS["records"].number)
_HEADER: Final = tuple(
    number_tag(_FIELDS[name].number) for name in ("format", "ledger", "number", "committed_at_us")
)
_INDEXED: Final = entry_pb2.IndexedRecord.DESCRIPTOR.fields_by_name
_INDEXED_HEADER: Final = tuple(
    number_tag(_INDEXED[name].number) for name in ("ledger", "entry", "committed_at_us")
)
_INDEXED_RECORD: Final = bytes_tag(_INDEXED["record"].number)
_CHUNK_RECORD: Final = bytes_tag(entry_pb2.IndexChunk.DESCRIPTOR.fields_by_name["records"].number)


def encode_record(record: Record) -> bytes:
    """The record as bytes."""
    parts = [
        _COMMAND_ID,
        id_bytes(record.command_id),
        _BODY_HASH,
        record.body_hash,
        _identity(record.shard, record.aggregate_id, record.aggregate_type, record.scope),
    ]
    if record.events:
        parts += (_FIRST_SEQUENCE, varint(record.first_shard_sequence))
        parts += [
            framed(_EVENT, _event_type(e.type, e.version) + framed(_PAYLOAD, e.payload))
            for e in record.events
        ]
    if record.aggregate_sequence:
        parts += (_AGGREGATE_SEQUENCE, varint(record.aggregate_sequence))
    if record.rejection is not None:
        parts.append(framed(_REFUSAL, refusal_message(record.rejection).SerializeToString()))
    parts += [framed(_WARNING, warning.encode()) for warning in record.warnings]
    if record.origin is not _NO_ORIGIN:
        parts.append(framed(_METADATA, metadata_message(record.origin).SerializeToString()))
    return b"".join(parts)


@functools.lru_cache(maxsize=1 << 14)
def _identity(shard: int, aggregate_id: str, aggregate_type: str, scope: str) -> bytes:
    """The fields that are the same in all records of an aggregate."""
    return entry_pb2.Record(
        shard=shard,
        aggregate_id=id_bytes(aggregate_id),
        aggregate_type=aggregate_type,
        scope=scope,
    ).SerializeToString()


@functools.lru_cache(maxsize=1 << 10)
def _event_type(name: str, version: int) -> bytes:
    return entry_pb2.StoredEvent(type=name, version=version).SerializeToString()


def refusal_message(rejection: Rejection) -> entry_pb2.Refusal:
    """The rejection as a message."""
    return entry_pb2.Refusal(
        reason=rejection.reason, message=rejection.message, details=rejection.details
    )


def metadata_message(origin: Origin) -> metadata_pb2.Metadata:
    """The origin as a message."""
    return metadata_pb2.Metadata(
        actor=origin.actor,
        source=origin.source,
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
    )


def record_of(message: entry_pb2.Record) -> Record:
    """The record of a message.

    Raises:
        CorruptData: an id does not have 16 bytes.
    """
    if len(message.command_id) != 16 or len(message.aggregate_id) != 16:
        raise CorruptData("a record's ids do not have 16 bytes")
    return Record(
        CommandId(id_text(message.command_id)),
        message.body_hash,
        message.shard,
        AggregateId(id_text(message.aggregate_id)),
        message.aggregate_type,
        message.scope,
        message.first_shard_sequence,
        message.aggregate_sequence,
        tuple(EncodedEvent(e.type, e.version, e.payload) for e in message.events),
        rejection_of(message.refusal) if message.HasField("refusal") else None,
        tuple(message.warnings),
        _origin_of(message.metadata) if message.HasField("metadata") else _NO_ORIGIN,
    )


def rejection_of(message: entry_pb2.Refusal) -> Rejection:
    """The rejection of a message."""
    return Rejection(message.reason, message.message, dict(message.details))


def _origin_of(message: metadata_pb2.Metadata) -> Origin:
    return Origin(message.actor, message.source, message.correlation_id, message.causation_id)


def decode_record(data: bytes) -> Record:
    """Undoes `encode_record`; raises CorruptData."""
    try:
        return record_of(entry_pb2.Record.FromString(data))
    except DecodeError as error:
        raise CorruptData(f"a record cannot be read: {error}") from error


def encode_entry(ledger: int, number: int, committed_at_us: int, records: Iterable[bytes]) -> bytes:
    """An entry with records as `encode_record` gave them."""
    format_tag, ledger_tag, number_tag_, time_tag = _HEADER
    parts = [
        format_tag + varint(FORMAT),
        ledger_tag + varint(ledger),
        number_tag_ + varint(number),
        time_tag + varint(committed_at_us),
    ]
    parts += [framed(_RECORD, record) for record in records]
    return b"".join(parts)


def decode_entry(data: bytes) -> tuple[int, int, int, list[entry_pb2.Record]]:
    """Ledger, number, commit time and records of an entry.

    Raises:
        CorruptData: the bytes are no entry of a format this program knows.
    """
    try:
        entry = entry_pb2.Entry.FromString(data)
    except DecodeError as error:
        raise CorruptData(f"an entry cannot be read: {error}") from error
    if entry.format != FORMAT:
        raise CorruptData(f"an entry of format {entry.format}; this program reads {FORMAT}")
    return entry.ledger, entry.number, entry.committed_at_us, list(entry.records)


def place_prefix(ledger: int, entry: int, committed_at_us: int) -> bytes:
    """The part of an index chunk's records that is the same for all records of an entry."""
    ledger_tag, entry_tag, time_tag = _INDEXED_HEADER
    return (
        ledger_tag + varint(ledger) + entry_tag + varint(entry) + time_tag + varint(committed_at_us)
    )


def encode_indexed(prefix: bytes, record: bytes) -> bytes:
    """One record of an index chunk; chunks are put together by joining these.

    Args:
        prefix: see `place_prefix`.
        record: see `encode_record`.
    """
    return framed(_CHUNK_RECORD, prefix + framed(_INDEXED_RECORD, record))


def decode_chunk(data: bytes) -> list[PlacedRecord]:
    """The records of an index chunk; raises CorruptData."""
    try:
        chunk = entry_pb2.IndexChunk.FromString(data)
    except DecodeError as error:
        raise CorruptData(f"an index chunk cannot be read: {error}") from error
    return [placed_of(indexed) for indexed in chunk.records]


def placed_of(indexed: entry_pb2.IndexedRecord) -> PlacedRecord:
    """The record of a message with its place."""
    return PlacedRecord(
        indexed.ledger, indexed.entry, indexed.committed_at_us, record_of(indexed.record)
    )
