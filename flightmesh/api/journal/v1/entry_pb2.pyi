from flightmesh.api.common.v1 import metadata_pb2 as _metadata_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Entry(_message.Message):
    __slots__ = ("format", "ledger", "number", "committed_at_us", "records")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    format: int
    ledger: int
    number: int
    committed_at_us: int
    records: _containers.RepeatedCompositeFieldContainer[Record]
    def __init__(self, format: _Optional[int] = ..., ledger: _Optional[int] = ..., number: _Optional[int] = ..., committed_at_us: _Optional[int] = ..., records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("command_id", "body_hash", "shard", "aggregate_id", "aggregate_type", "scope", "first_shard_sequence", "aggregate_sequence", "events", "refusal", "warnings", "metadata")
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    BODY_HASH_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    FIRST_SHARD_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    command_id: bytes
    body_hash: bytes
    shard: int
    aggregate_id: bytes
    aggregate_type: str
    scope: str
    first_shard_sequence: int
    aggregate_sequence: int
    events: _containers.RepeatedCompositeFieldContainer[StoredEvent]
    refusal: Refusal
    warnings: _containers.RepeatedScalarFieldContainer[str]
    metadata: _metadata_pb2.Metadata
    def __init__(self, command_id: _Optional[bytes] = ..., body_hash: _Optional[bytes] = ..., shard: _Optional[int] = ..., aggregate_id: _Optional[bytes] = ..., aggregate_type: _Optional[str] = ..., scope: _Optional[str] = ..., first_shard_sequence: _Optional[int] = ..., aggregate_sequence: _Optional[int] = ..., events: _Optional[_Iterable[_Union[StoredEvent, _Mapping]]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Union[_metadata_pb2.Metadata, _Mapping]] = ...) -> None: ...

class StoredEvent(_message.Message):
    __slots__ = ("type", "version", "payload")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    type: str
    version: int
    payload: bytes
    def __init__(self, type: _Optional[str] = ..., version: _Optional[int] = ..., payload: _Optional[bytes] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason", "message", "details")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    details: _containers.ScalarMap[str, str]
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ..., details: _Optional[_Mapping[str, str]] = ...) -> None: ...

class IndexedRecord(_message.Message):
    __slots__ = ("ledger", "entry", "committed_at_us", "record")
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    ledger: int
    entry: int
    committed_at_us: int
    record: Record
    def __init__(self, ledger: _Optional[int] = ..., entry: _Optional[int] = ..., committed_at_us: _Optional[int] = ..., record: _Optional[_Union[Record, _Mapping]] = ...) -> None: ...

class IndexChunk(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[IndexedRecord]
    def __init__(self, records: _Optional[_Iterable[_Union[IndexedRecord, _Mapping]]] = ...) -> None: ...

class Snapshot(_message.Message):
    __slots__ = ("format", "aggregate_sequence", "aggregate_type", "state", "remembered", "newest_dropped_id", "scope")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_TYPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REMEMBERED_FIELD_NUMBER: _ClassVar[int]
    NEWEST_DROPPED_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    format: int
    aggregate_sequence: int
    aggregate_type: str
    state: bytes
    remembered: _containers.RepeatedCompositeFieldContainer[IndexedRecord]
    newest_dropped_id: bytes
    scope: str
    def __init__(self, format: _Optional[int] = ..., aggregate_sequence: _Optional[int] = ..., aggregate_type: _Optional[str] = ..., state: _Optional[bytes] = ..., remembered: _Optional[_Iterable[_Union[IndexedRecord, _Mapping]]] = ..., newest_dropped_id: _Optional[bytes] = ..., scope: _Optional[str] = ...) -> None: ...
