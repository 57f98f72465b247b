import datetime

from flightmesh.api.common.v1 import options_pb2 as _options_pb2
from flightmesh.api.schedule.v1 import types_pb2 as _types_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FindingKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FINDING_KIND_UNSPECIFIED: _ClassVar[FindingKind]
    FINDING_KIND_CONTINUITY: _ClassVar[FindingKind]
    FINDING_KIND_GROUND_TIME: _ClassVar[FindingKind]
    FINDING_KIND_DESIGNATOR: _ClassVar[FindingKind]
    FINDING_KIND_AIRPLANE_OVERLAP: _ClassVar[FindingKind]
    FINDING_KIND_AIRCRAFT_TYPE: _ClassVar[FindingKind]
    FINDING_KIND_UNKNOWN_AIRPLANE: _ClassVar[FindingKind]

class ReplyFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPLY_FORMAT_UNSPECIFIED: _ClassVar[ReplyFormat]
    REPLY_FORMAT_PROTOBUF: _ClassVar[ReplyFormat]
    REPLY_FORMAT_JSON: _ClassVar[ReplyFormat]
FINDING_KIND_UNSPECIFIED: FindingKind
FINDING_KIND_CONTINUITY: FindingKind
FINDING_KIND_GROUND_TIME: FindingKind
FINDING_KIND_DESIGNATOR: FindingKind
FINDING_KIND_AIRPLANE_OVERLAP: FindingKind
FINDING_KIND_AIRCRAFT_TYPE: FindingKind
FINDING_KIND_UNKNOWN_AIRPLANE: FindingKind
REPLY_FORMAT_UNSPECIFIED: ReplyFormat
REPLY_FORMAT_PROTOBUF: ReplyFormat
REPLY_FORMAT_JSON: ReplyFormat

class PlacedLeg(_message.Message):
    __slots__ = ("leg", "rotation_id", "airplane_id", "registration")
    LEG_FIELD_NUMBER: _ClassVar[int]
    ROTATION_ID_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_ID_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    leg: _types_pb2.Leg
    rotation_id: str
    airplane_id: str
    registration: str
    def __init__(self, leg: _Optional[_Union[_types_pb2.Leg, _Mapping]] = ..., rotation_id: _Optional[str] = ..., airplane_id: _Optional[str] = ..., registration: _Optional[str] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("kind", "legs", "rotation_ids", "airplane_id", "registration", "airport", "ground_minutes", "required_minutes", "overlap_minutes", "reference", "message")
    KIND_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    ROTATION_IDS_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_ID_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    AIRPORT_FIELD_NUMBER: _ClassVar[int]
    GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_MINUTES_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_MINUTES_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    kind: FindingKind
    legs: _containers.RepeatedCompositeFieldContainer[PlacedLeg]
    rotation_ids: _containers.RepeatedScalarFieldContainer[str]
    airplane_id: str
    registration: str
    airport: str
    ground_minutes: int
    required_minutes: int
    overlap_minutes: int
    reference: str
    message: str
    def __init__(self, kind: _Optional[_Union[FindingKind, str]] = ..., legs: _Optional[_Iterable[_Union[PlacedLeg, _Mapping]]] = ..., rotation_ids: _Optional[_Iterable[str]] = ..., airplane_id: _Optional[str] = ..., registration: _Optional[str] = ..., airport: _Optional[str] = ..., ground_minutes: _Optional[int] = ..., required_minutes: _Optional[int] = ..., overlap_minutes: _Optional[int] = ..., reference: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class FindingTotals(_message.Message):
    __slots__ = ("continuity", "ground_time", "designator", "airplane_overlap", "aircraft_type", "unknown_airplane")
    CONTINUITY_FIELD_NUMBER: _ClassVar[int]
    GROUND_TIME_FIELD_NUMBER: _ClassVar[int]
    DESIGNATOR_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_OVERLAP_FIELD_NUMBER: _ClassVar[int]
    AIRCRAFT_TYPE_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_AIRPLANE_FIELD_NUMBER: _ClassVar[int]
    continuity: int
    ground_time: int
    designator: int
    airplane_overlap: int
    aircraft_type: int
    unknown_airplane: int
    def __init__(self, continuity: _Optional[int] = ..., ground_time: _Optional[int] = ..., designator: _Optional[int] = ..., airplane_overlap: _Optional[int] = ..., aircraft_type: _Optional[int] = ..., unknown_airplane: _Optional[int] = ...) -> None: ...

class ScheduleSummary(_message.Message):
    __slots__ = ("schedule", "title", "rotations", "legs", "airplanes", "airports", "first_departure", "last_arrival", "findings", "finding_rules", "block_minutes", "unassigned_rotations")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ROTATIONS_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    AIRPLANES_FIELD_NUMBER: _ClassVar[int]
    AIRPORTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_DEPARTURE_FIELD_NUMBER: _ClassVar[int]
    LAST_ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    FINDING_RULES_FIELD_NUMBER: _ClassVar[int]
    BLOCK_MINUTES_FIELD_NUMBER: _ClassVar[int]
    UNASSIGNED_ROTATIONS_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    title: str
    rotations: int
    legs: int
    airplanes: int
    airports: int
    first_departure: _timestamp_pb2.Timestamp
    last_arrival: _timestamp_pb2.Timestamp
    findings: FindingTotals
    finding_rules: _types_pb2.FindingRules
    block_minutes: int
    unassigned_rotations: int
    def __init__(self, schedule: _Optional[str] = ..., title: _Optional[str] = ..., rotations: _Optional[int] = ..., legs: _Optional[int] = ..., airplanes: _Optional[int] = ..., airports: _Optional[int] = ..., first_departure: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_arrival: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., findings: _Optional[_Union[FindingTotals, _Mapping]] = ..., finding_rules: _Optional[_Union[_types_pb2.FindingRules, _Mapping]] = ..., block_minutes: _Optional[int] = ..., unassigned_rotations: _Optional[int] = ...) -> None: ...

class ListSchedulesRequest(_message.Message):
    __slots__ = ("min_position",)
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    min_position: str
    def __init__(self, min_position: _Optional[str] = ...) -> None: ...

class ListSchedulesResponse(_message.Message):
    __slots__ = ("position", "schedules")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    position: str
    schedules: _containers.RepeatedCompositeFieldContainer[ScheduleSummary]
    def __init__(self, position: _Optional[str] = ..., schedules: _Optional[_Iterable[_Union[ScheduleSummary, _Mapping]]] = ...) -> None: ...

class GetScheduleRequest(_message.Message):
    __slots__ = ("schedule", "min_position")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    min_position: str
    def __init__(self, schedule: _Optional[str] = ..., min_position: _Optional[str] = ...) -> None: ...

class GetScheduleResponse(_message.Message):
    __slots__ = ("position", "schedule")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    position: str
    schedule: ScheduleSummary
    def __init__(self, position: _Optional[str] = ..., schedule: _Optional[_Union[ScheduleSummary, _Mapping]] = ...) -> None: ...

class ListFindingsRequest(_message.Message):
    __slots__ = ("schedule", "kind", "airplane", "airport", "to", "page_size", "page_token", "min_position")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_FIELD_NUMBER: _ClassVar[int]
    AIRPORT_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    kind: _containers.RepeatedScalarFieldContainer[FindingKind]
    airplane: str
    airport: str
    to: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    min_position: str
    def __init__(self, schedule: _Optional[str] = ..., kind: _Optional[_Iterable[_Union[FindingKind, str]]] = ..., airplane: _Optional[str] = ..., airport: _Optional[str] = ..., to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., min_position: _Optional[str] = ..., **kwargs) -> None: ...

class ListFindingsResponse(_message.Message):
    __slots__ = ("position", "totals", "findings", "next_page_token")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    position: str
    totals: FindingTotals
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    next_page_token: str
    def __init__(self, position: _Optional[str] = ..., totals: _Optional[_Union[FindingTotals, _Mapping]] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListLegsRequest(_message.Message):
    __slots__ = ("schedule", "rotation_id", "airplane", "airport", "to", "carrier", "flight_number", "day_of_origin", "page_size", "page_token", "min_position")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    ROTATION_ID_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_FIELD_NUMBER: _ClassVar[int]
    AIRPORT_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    FLIGHT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    DAY_OF_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    rotation_id: str
    airplane: str
    airport: str
    to: _timestamp_pb2.Timestamp
    carrier: str
    flight_number: int
    day_of_origin: str
    page_size: int
    page_token: str
    min_position: str
    def __init__(self, schedule: _Optional[str] = ..., rotation_id: _Optional[str] = ..., airplane: _Optional[str] = ..., airport: _Optional[str] = ..., to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., carrier: _Optional[str] = ..., flight_number: _Optional[int] = ..., day_of_origin: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., min_position: _Optional[str] = ..., **kwargs) -> None: ...

class ListLegsResponse(_message.Message):
    __slots__ = ("position", "total", "legs", "next_page_token")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    position: str
    total: int
    legs: _containers.RepeatedCompositeFieldContainer[PlacedLeg]
    next_page_token: str
    def __init__(self, position: _Optional[str] = ..., total: _Optional[int] = ..., legs: _Optional[_Iterable[_Union[PlacedLeg, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RotationSummary(_message.Message):
    __slots__ = ("rotation_id", "name", "airplane_id", "registration", "legs", "first_departure", "last_arrival", "first_airport", "last_airport", "sequence")
    ROTATION_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_ID_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    FIRST_DEPARTURE_FIELD_NUMBER: _ClassVar[int]
    LAST_ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    FIRST_AIRPORT_FIELD_NUMBER: _ClassVar[int]
    LAST_AIRPORT_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    rotation_id: str
    name: str
    airplane_id: str
    registration: str
    legs: int
    first_departure: _timestamp_pb2.Timestamp
    last_arrival: _timestamp_pb2.Timestamp
    first_airport: str
    last_airport: str
    sequence: int
    def __init__(self, rotation_id: _Optional[str] = ..., name: _Optional[str] = ..., airplane_id: _Optional[str] = ..., registration: _Optional[str] = ..., legs: _Optional[int] = ..., first_departure: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_arrival: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., first_airport: _Optional[str] = ..., last_airport: _Optional[str] = ..., sequence: _Optional[int] = ...) -> None: ...

class ListRotationsRequest(_message.Message):
    __slots__ = ("schedule", "airplane", "unassigned", "to", "page_size", "page_token", "min_position")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_FIELD_NUMBER: _ClassVar[int]
    UNASSIGNED_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    airplane: str
    unassigned: bool
    to: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    min_position: str
    def __init__(self, schedule: _Optional[str] = ..., airplane: _Optional[str] = ..., unassigned: _Optional[bool] = ..., to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., min_position: _Optional[str] = ..., **kwargs) -> None: ...

class ListRotationsResponse(_message.Message):
    __slots__ = ("position", "total", "rotations", "next_page_token")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    ROTATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    position: str
    total: int
    rotations: _containers.RepeatedCompositeFieldContainer[RotationSummary]
    next_page_token: str
    def __init__(self, position: _Optional[str] = ..., total: _Optional[int] = ..., rotations: _Optional[_Iterable[_Union[RotationSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AirplaneSummary(_message.Message):
    __slots__ = ("airplane_id", "registration", "aircraft_type", "minimum_ground_minutes", "rotation_ids", "legs", "registered", "sequence")
    AIRPLANE_ID_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    AIRCRAFT_TYPE_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    ROTATION_IDS_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    airplane_id: str
    registration: str
    aircraft_type: str
    minimum_ground_minutes: int
    rotation_ids: _containers.RepeatedScalarFieldContainer[str]
    legs: int
    registered: bool
    sequence: int
    def __init__(self, airplane_id: _Optional[str] = ..., registration: _Optional[str] = ..., aircraft_type: _Optional[str] = ..., minimum_ground_minutes: _Optional[int] = ..., rotation_ids: _Optional[_Iterable[str]] = ..., legs: _Optional[int] = ..., registered: _Optional[bool] = ..., sequence: _Optional[int] = ...) -> None: ...

class ListAirplanesRequest(_message.Message):
    __slots__ = ("schedule", "page_size", "page_token", "min_position")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    page_size: int
    page_token: str
    min_position: str
    def __init__(self, schedule: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., min_position: _Optional[str] = ...) -> None: ...

class ListAirplanesResponse(_message.Message):
    __slots__ = ("position", "total", "airplanes", "next_page_token")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    AIRPLANES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    position: str
    total: int
    airplanes: _containers.RepeatedCompositeFieldContainer[AirplaneSummary]
    next_page_token: str
    def __init__(self, position: _Optional[str] = ..., total: _Optional[int] = ..., airplanes: _Optional[_Iterable[_Union[AirplaneSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AirportSummary(_message.Message):
    __slots__ = ("iata", "airport_id", "minimum_ground_minutes", "time_zone", "departures", "arrivals")
    IATA_FIELD_NUMBER: _ClassVar[int]
    AIRPORT_ID_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    DEPARTURES_FIELD_NUMBER: _ClassVar[int]
    ARRIVALS_FIELD_NUMBER: _ClassVar[int]
    iata: str
    airport_id: str
    minimum_ground_minutes: int
    time_zone: str
    departures: int
    arrivals: int
    def __init__(self, iata: _Optional[str] = ..., airport_id: _Optional[str] = ..., minimum_ground_minutes: _Optional[int] = ..., time_zone: _Optional[str] = ..., departures: _Optional[int] = ..., arrivals: _Optional[int] = ...) -> None: ...

class ListAirportsRequest(_message.Message):
    __slots__ = ("schedule", "page_size", "page_token", "min_position")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    page_size: int
    page_token: str
    min_position: str
    def __init__(self, schedule: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., min_position: _Optional[str] = ...) -> None: ...

class ListAirportsResponse(_message.Message):
    __slots__ = ("position", "total", "airports", "next_page_token")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    AIRPORTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    position: str
    total: int
    airports: _containers.RepeatedCompositeFieldContainer[AirportSummary]
    next_page_token: str
    def __init__(self, position: _Optional[str] = ..., total: _Optional[int] = ..., airports: _Optional[_Iterable[_Union[AirportSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Query(_message.Message):
    __slots__ = ("list_schedules", "get_schedule", "list_findings", "list_legs", "list_rotations", "list_airplanes", "list_airports")
    LIST_SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    GET_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    LIST_FINDINGS_FIELD_NUMBER: _ClassVar[int]
    LIST_LEGS_FIELD_NUMBER: _ClassVar[int]
    LIST_ROTATIONS_FIELD_NUMBER: _ClassVar[int]
    LIST_AIRPLANES_FIELD_NUMBER: _ClassVar[int]
    LIST_AIRPORTS_FIELD_NUMBER: _ClassVar[int]
    list_schedules: ListSchedulesRequest
    get_schedule: GetScheduleRequest
    list_findings: ListFindingsRequest
    list_legs: ListLegsRequest
    list_rotations: ListRotationsRequest
    list_airplanes: ListAirplanesRequest
    list_airports: ListAirportsRequest
    def __init__(self, list_schedules: _Optional[_Union[ListSchedulesRequest, _Mapping]] = ..., get_schedule: _Optional[_Union[GetScheduleRequest, _Mapping]] = ..., list_findings: _Optional[_Union[ListFindingsRequest, _Mapping]] = ..., list_legs: _Optional[_Union[ListLegsRequest, _Mapping]] = ..., list_rotations: _Optional[_Union[ListRotationsRequest, _Mapping]] = ..., list_airplanes: _Optional[_Union[ListAirplanesRequest, _Mapping]] = ..., list_airports: _Optional[_Union[ListAirportsRequest, _Mapping]] = ...) -> None: ...

class QueryBatchRequest(_message.Message):
    __slots__ = ("queries", "reply_format", "max_wait_ms")
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    REPLY_FORMAT_FIELD_NUMBER: _ClassVar[int]
    MAX_WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    queries: _containers.RepeatedCompositeFieldContainer[Query]
    reply_format: ReplyFormat
    max_wait_ms: int
    def __init__(self, queries: _Optional[_Iterable[_Union[Query, _Mapping]]] = ..., reply_format: _Optional[_Union[ReplyFormat, str]] = ..., max_wait_ms: _Optional[int] = ...) -> None: ...

class QueryResult(_message.Message):
    __slots__ = ("reply", "error", "position")
    REPLY_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    reply: bytes
    error: _status_pb2.Status
    position: str
    def __init__(self, reply: _Optional[bytes] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., position: _Optional[str] = ...) -> None: ...

class QueryBatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[QueryResult]
    def __init__(self, results: _Optional[_Iterable[_Union[QueryResult, _Mapping]]] = ...) -> None: ...

class QueryStreamRequest(_message.Message):
    __slots__ = ("queries", "reply_format", "max_wait_ms")
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    REPLY_FORMAT_FIELD_NUMBER: _ClassVar[int]
    MAX_WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    queries: _containers.RepeatedCompositeFieldContainer[Query]
    reply_format: ReplyFormat
    max_wait_ms: int
    def __init__(self, queries: _Optional[_Iterable[_Union[Query, _Mapping]]] = ..., reply_format: _Optional[_Union[ReplyFormat, str]] = ..., max_wait_ms: _Optional[int] = ...) -> None: ...

class QueryStreamResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[QueryResult]
    def __init__(self, results: _Optional[_Iterable[_Union[QueryResult, _Mapping]]] = ...) -> None: ...
