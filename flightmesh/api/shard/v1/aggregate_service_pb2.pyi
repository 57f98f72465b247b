import datetime

from flightmesh.api.common.v1 import metadata_pb2 as _metadata_pb2
from flightmesh.api.common.v1 import options_pb2 as _options_pb2
from flightmesh.api.schedule.v1 import events_pb2 as _events_pb2
from flightmesh.api.schedule.v1 import types_pb2 as _types_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetRotationRequest(_message.Message):
    __slots__ = ("schedule", "aggregate_id", "at_sequence", "at_time", "hops")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    AT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    aggregate_id: str
    at_sequence: int
    at_time: _timestamp_pb2.Timestamp
    hops: int
    def __init__(self, schedule: _Optional[str] = ..., aggregate_id: _Optional[str] = ..., at_sequence: _Optional[int] = ..., at_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hops: _Optional[int] = ...) -> None: ...

class GetRotationResponse(_message.Message):
    __slots__ = ("aggregate_id", "sequence", "schedule", "name", "legs", "airplane_id", "registration")
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_ID_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    aggregate_id: str
    sequence: int
    schedule: str
    name: str
    legs: _containers.RepeatedCompositeFieldContainer[_types_pb2.Leg]
    airplane_id: str
    registration: str
    def __init__(self, aggregate_id: _Optional[str] = ..., sequence: _Optional[int] = ..., schedule: _Optional[str] = ..., name: _Optional[str] = ..., legs: _Optional[_Iterable[_Union[_types_pb2.Leg, _Mapping]]] = ..., airplane_id: _Optional[str] = ..., registration: _Optional[str] = ...) -> None: ...

class GetAirplaneRequest(_message.Message):
    __slots__ = ("schedule", "aggregate_id", "at_sequence", "at_time", "hops")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    AT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    aggregate_id: str
    at_sequence: int
    at_time: _timestamp_pb2.Timestamp
    hops: int
    def __init__(self, schedule: _Optional[str] = ..., aggregate_id: _Optional[str] = ..., at_sequence: _Optional[int] = ..., at_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hops: _Optional[int] = ...) -> None: ...

class GetAirplaneResponse(_message.Message):
    __slots__ = ("aggregate_id", "sequence", "schedule", "registration", "aircraft_type", "minimum_ground_minutes")
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    AIRCRAFT_TYPE_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    aggregate_id: str
    sequence: int
    schedule: str
    registration: str
    aircraft_type: str
    minimum_ground_minutes: int
    def __init__(self, aggregate_id: _Optional[str] = ..., sequence: _Optional[int] = ..., schedule: _Optional[str] = ..., registration: _Optional[str] = ..., aircraft_type: _Optional[str] = ..., minimum_ground_minutes: _Optional[int] = ...) -> None: ...

class GetAirportRequest(_message.Message):
    __slots__ = ("schedule", "aggregate_id", "at_sequence", "at_time", "hops")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    AT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    aggregate_id: str
    at_sequence: int
    at_time: _timestamp_pb2.Timestamp
    hops: int
    def __init__(self, schedule: _Optional[str] = ..., aggregate_id: _Optional[str] = ..., at_sequence: _Optional[int] = ..., at_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hops: _Optional[int] = ...) -> None: ...

class GetAirportResponse(_message.Message):
    __slots__ = ("aggregate_id", "sequence", "schedule", "iata", "minimum_ground_minutes", "time_zone")
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    IATA_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    aggregate_id: str
    sequence: int
    schedule: str
    iata: str
    minimum_ground_minutes: int
    time_zone: str
    def __init__(self, aggregate_id: _Optional[str] = ..., sequence: _Optional[int] = ..., schedule: _Optional[str] = ..., iata: _Optional[str] = ..., minimum_ground_minutes: _Optional[int] = ..., time_zone: _Optional[str] = ...) -> None: ...

class GetScheduleStateRequest(_message.Message):
    __slots__ = ("schedule", "at_sequence", "at_time", "hops")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    AT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    at_sequence: int
    at_time: _timestamp_pb2.Timestamp
    hops: int
    def __init__(self, schedule: _Optional[str] = ..., at_sequence: _Optional[int] = ..., at_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hops: _Optional[int] = ...) -> None: ...

class GetScheduleStateResponse(_message.Message):
    __slots__ = ("aggregate_id", "sequence", "schedule", "title", "incarnation", "exists", "finding_rules")
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    EXISTS_FIELD_NUMBER: _ClassVar[int]
    FINDING_RULES_FIELD_NUMBER: _ClassVar[int]
    aggregate_id: str
    sequence: int
    schedule: str
    title: str
    incarnation: int
    exists: bool
    finding_rules: _types_pb2.FindingRules
    def __init__(self, aggregate_id: _Optional[str] = ..., sequence: _Optional[int] = ..., schedule: _Optional[str] = ..., title: _Optional[str] = ..., incarnation: _Optional[int] = ..., exists: _Optional[bool] = ..., finding_rules: _Optional[_Union[_types_pb2.FindingRules, _Mapping]] = ...) -> None: ...

class ListHistoryRequest(_message.Message):
    __slots__ = ("schedule", "aggregate_id", "page_size", "page_token", "include_refusals", "hops")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_REFUSALS_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    aggregate_id: str
    page_size: int
    page_token: str
    include_refusals: bool
    hops: int
    def __init__(self, schedule: _Optional[str] = ..., aggregate_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., include_refusals: _Optional[bool] = ..., hops: _Optional[int] = ...) -> None: ...

class HistoryRecord(_message.Message):
    __slots__ = ("command_id", "committed_at", "metadata", "sequence", "events", "refusal_reason", "refusal_message", "position")
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_REASON_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    command_id: str
    committed_at: _timestamp_pb2.Timestamp
    metadata: _metadata_pb2.Metadata
    sequence: int
    events: _containers.RepeatedCompositeFieldContainer[_events_pb2.RecordedEvent]
    refusal_reason: str
    refusal_message: str
    position: str
    def __init__(self, command_id: _Optional[str] = ..., committed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., metadata: _Optional[_Union[_metadata_pb2.Metadata, _Mapping]] = ..., sequence: _Optional[int] = ..., events: _Optional[_Iterable[_Union[_events_pb2.RecordedEvent, _Mapping]]] = ..., refusal_reason: _Optional[str] = ..., refusal_message: _Optional[str] = ..., position: _Optional[str] = ...) -> None: ...

class ListHistoryResponse(_message.Message):
    __slots__ = ("records", "next_page_token")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[HistoryRecord]
    next_page_token: str
    def __init__(self, records: _Optional[_Iterable[_Union[HistoryRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListAggregatesRequest(_message.Message):
    __slots__ = ("schedule", "shard", "aggregate_type", "page_size", "page_token")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_TYPE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    shard: int
    aggregate_type: str
    page_size: int
    page_token: str
    def __init__(self, schedule: _Optional[str] = ..., shard: _Optional[int] = ..., aggregate_type: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAggregatesResponse(_message.Message):
    __slots__ = ("aggregate_ids", "next_page_token", "schedules")
    AGGREGATE_IDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    aggregate_ids: _containers.RepeatedScalarFieldContainer[str]
    next_page_token: str
    schedules: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, aggregate_ids: _Optional[_Iterable[str]] = ..., next_page_token: _Optional[str] = ..., schedules: _Optional[_Iterable[str]] = ...) -> None: ...
