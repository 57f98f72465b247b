"""Domain events and results as clients see them."""

from collections.abc import Iterable
from typing import Final

from flightmesh.api.schedule.v1 import events_pb2
from flightmesh.api.shard.v1 import command_service_pb2
from flightmesh.codec.events import EventCodec
from flightmesh.codec.wire import bytes_tag, framed, number_tag, varint
from flightmesh.eventsourcing import EncodedEvent
from flightmesh.eventsourcing.record import Record

_EVENT_FIELDS: Final = {
    field.message_type.name: bytes_tag(field.number)
    for field in events_pb2.Event.DESCRIPTOR.fields
    if field.message_type is not None
}
_RECORDED: Final = events_pb2.RecordedEvent.DESCRIPTOR.fields_by_name
_RECORDED_SEQUENCE: Final = number_tag(_RECORDED["sequence"].number)
_RECORDED_EVENT: Final = bytes_tag(_RECORDED["event"].number)
_RESPONSE: Final = command_service_pb2.ExecuteResponse.DESCRIPTOR.fields_by_name
# Ids are text of 36 bytes.
_AGGREGATE_ID: Final = bytes_tag(_RESPONSE["aggregate_id"].number) + varint(36)
_SEQUENCE: Final = number_tag(_RESPONSE["sequence"].number)
_POSITION: Final = bytes_tag(_RESPONSE["position"].number)
_EVENTS: Final = bytes_tag(_RESPONSE["events"].number)
_WARNINGS: Final = bytes_tag(_RESPONSE["warnings"].number)
_COMMAND_ID: Final = bytes_tag(_RESPONSE["command_id"].number) + varint(36)


def recorded_event(sequence: int, encoded: EncodedEvent, codec: EventCodec) -> bytes:
    """A serialized RecordedEvent with the event in its newest version.

    Raises:
        UnknownEventType: type or version is not known to this program.
        CorruptData: the payload of an older version cannot be read.
    """
    return _recorded(sequence, encoded.type, codec.newest_payload(encoded))


def _recorded(sequence: int, event_type: str, payload: bytes) -> bytes:
    event = framed(_EVENT_FIELDS[event_type], payload)
    return _RECORDED_SEQUENCE + varint(sequence) + framed(_RECORDED_EVENT, event)


def recorded_events(record: Record, codec: EventCodec) -> list[bytes]:
    """The record's events, each as a serialized RecordedEvent."""
    first = record.aggregate_sequence - len(record.events) + 1
    return [recorded_event(first + n, event, codec) for n, event in enumerate(record.events)]


def position_field(ledger: int, entry: int) -> bytes:
    """The position token of an entry, as a serialized field of ExecuteResponse."""
    return framed(_POSITION, f"{ledger}:{entry}".encode())


def encode_response(
    aggregate_id: str,
    command_id: str,
    sequence: int,
    position: bytes,
    *,
    events: Iterable[bytes],
    warnings: Iterable[str],
) -> bytes:
    """A serialized ExecuteResponse.

    Args:
        aggregate_id: the aggregate, a canonical UUID.
        command_id: the command, a canonical UUID.
        sequence: the aggregate's sequence after it.
        position: see `position_field`.
        events: serialized RecordedEvent messages.
        warnings: as "CODE: text".
    """
    parts = [
        _AGGREGATE_ID,
        aggregate_id.encode(),
        _SEQUENCE + varint(sequence) if sequence else b"",
        position,
        _COMMAND_ID,
        command_id.encode(),
    ]
    parts += [framed(_EVENTS, event) for event in events]
    parts += [framed(_WARNINGS, warning.encode()) for warning in warnings]
    return b"".join(parts)
