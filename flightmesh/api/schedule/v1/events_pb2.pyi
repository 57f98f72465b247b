import datetime

from flightmesh.api.schedule.v1 import types_pb2 as _types_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ScheduleCreated(_message.Message):
    __slots__ = ("schedule", "incarnation", "title", "finding_rules")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    FINDING_RULES_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    incarnation: int
    title: str
    finding_rules: _types_pb2.FindingRules
    def __init__(self, schedule: _Optional[str] = ..., incarnation: _Optional[int] = ..., title: _Optional[str] = ..., finding_rules: _Optional[_Union[_types_pb2.FindingRules, _Mapping]] = ...) -> None: ...

class ScheduleDeleted(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FindingRulesChanged(_message.Message):
    __slots__ = ("finding_rules",)
    FINDING_RULES_FIELD_NUMBER: _ClassVar[int]
    finding_rules: _types_pb2.FindingRules
    def __init__(self, finding_rules: _Optional[_Union[_types_pb2.FindingRules, _Mapping]] = ...) -> None: ...

class RotationCreated(_message.Message):
    __slots__ = ("schedule", "incarnation", "name")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    incarnation: int
    name: str
    def __init__(self, schedule: _Optional[str] = ..., incarnation: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class LegAdded(_message.Message):
    __slots__ = ("leg",)
    LEG_FIELD_NUMBER: _ClassVar[int]
    leg: _types_pb2.Leg
    def __init__(self, leg: _Optional[_Union[_types_pb2.Leg, _Mapping]] = ...) -> None: ...

class LegRemoved(_message.Message):
    __slots__ = ("leg_id",)
    LEG_ID_FIELD_NUMBER: _ClassVar[int]
    leg_id: str
    def __init__(self, leg_id: _Optional[str] = ...) -> None: ...

class LegTimesChanged(_message.Message):
    __slots__ = ("leg_id", "departure_time", "arrival_time", "departure_utc_offset_minutes", "arrival_utc_offset_minutes")
    LEG_ID_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_TIME_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_UTC_OFFSET_MINUTES_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_UTC_OFFSET_MINUTES_FIELD_NUMBER: _ClassVar[int]
    leg_id: str
    departure_time: _timestamp_pb2.Timestamp
    arrival_time: _timestamp_pb2.Timestamp
    departure_utc_offset_minutes: int
    arrival_utc_offset_minutes: int
    def __init__(self, leg_id: _Optional[str] = ..., departure_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., arrival_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., departure_utc_offset_minutes: _Optional[int] = ..., arrival_utc_offset_minutes: _Optional[int] = ...) -> None: ...

class RotationRemoved(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RotationAssignedToAirplane(_message.Message):
    __slots__ = ("airplane_id", "registration")
    AIRPLANE_ID_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    airplane_id: str
    registration: str
    def __init__(self, airplane_id: _Optional[str] = ..., registration: _Optional[str] = ...) -> None: ...

class RotationUnassigned(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AirplaneRegistered(_message.Message):
    __slots__ = ("schedule", "incarnation", "registration", "aircraft_type", "minimum_ground_minutes")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    AIRCRAFT_TYPE_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    incarnation: int
    registration: str
    aircraft_type: str
    minimum_ground_minutes: int
    def __init__(self, schedule: _Optional[str] = ..., incarnation: _Optional[int] = ..., registration: _Optional[str] = ..., aircraft_type: _Optional[str] = ..., minimum_ground_minutes: _Optional[int] = ...) -> None: ...

class AirplaneChanged(_message.Message):
    __slots__ = ("aircraft_type", "minimum_ground_minutes")
    AIRCRAFT_TYPE_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    aircraft_type: str
    minimum_ground_minutes: int
    def __init__(self, aircraft_type: _Optional[str] = ..., minimum_ground_minutes: _Optional[int] = ...) -> None: ...

class AirplaneRetired(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AirportDefined(_message.Message):
    __slots__ = ("schedule", "incarnation", "iata", "minimum_ground_minutes", "time_zone")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    IATA_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    incarnation: int
    iata: str
    minimum_ground_minutes: int
    time_zone: str
    def __init__(self, schedule: _Optional[str] = ..., incarnation: _Optional[int] = ..., iata: _Optional[str] = ..., minimum_ground_minutes: _Optional[int] = ..., time_zone: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("schedule_created", "schedule_deleted", "finding_rules_changed", "rotation_created", "leg_added", "leg_removed", "leg_times_changed", "rotation_removed", "rotation_assigned_to_airplane", "rotation_unassigned", "airplane_registered", "airplane_changed", "airplane_retired", "airport_defined")
    SCHEDULE_CREATED_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_DELETED_FIELD_NUMBER: _ClassVar[int]
    FINDING_RULES_CHANGED_FIELD_NUMBER: _ClassVar[int]
    ROTATION_CREATED_FIELD_NUMBER: _ClassVar[int]
    LEG_ADDED_FIELD_NUMBER: _ClassVar[int]
    LEG_REMOVED_FIELD_NUMBER: _ClassVar[int]
    LEG_TIMES_CHANGED_FIELD_NUMBER: _ClassVar[int]
    ROTATION_REMOVED_FIELD_NUMBER: _ClassVar[int]
    ROTATION_ASSIGNED_TO_AIRPLANE_FIELD_NUMBER: _ClassVar[int]
    ROTATION_UNASSIGNED_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_REGISTERED_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    AIRPLANE_RETIRED_FIELD_NUMBER: _ClassVar[int]
    AIRPORT_DEFINED_FIELD_NUMBER: _ClassVar[int]
    schedule_created: ScheduleCreated
    schedule_deleted: ScheduleDeleted
    finding_rules_changed: FindingRulesChanged
    rotation_created: RotationCreated
    leg_added: LegAdded
    leg_removed: LegRemoved
    leg_times_changed: LegTimesChanged
    rotation_removed: RotationRemoved
    rotation_assigned_to_airplane: RotationAssignedToAirplane
    rotation_unassigned: RotationUnassigned
    airplane_registered: AirplaneRegistered
    airplane_changed: AirplaneChanged
    airplane_retired: AirplaneRetired
    airport_defined: AirportDefined
    def __init__(self, schedule_created: _Optional[_Union[ScheduleCreated, _Mapping]] = ..., schedule_deleted: _Optional[_Union[ScheduleDeleted, _Mapping]] = ..., finding_rules_changed: _Optional[_Union[FindingRulesChanged, _Mapping]] = ..., rotation_created: _Optional[_Union[RotationCreated, _Mapping]] = ..., leg_added: _Optional[_Union[LegAdded, _Mapping]] = ..., leg_removed: _Optional[_Union[LegRemoved, _Mapping]] = ..., leg_times_changed: _Optional[_Union[LegTimesChanged, _Mapping]] = ..., rotation_removed: _Optional[_Union[RotationRemoved, _Mapping]] = ..., rotation_assigned_to_airplane: _Optional[_Union[RotationAssignedToAirplane, _Mapping]] = ..., rotation_unassigned: _Optional[_Union[RotationUnassigned, _Mapping]] = ..., airplane_registered: _Optional[_Union[AirplaneRegistered, _Mapping]] = ..., airplane_changed: _Optional[_Union[AirplaneChanged, _Mapping]] = ..., airplane_retired: _Optional[_Union[AirplaneRetired, _Mapping]] = ..., airport_defined: _Optional[_Union[AirportDefined, _Mapping]] = ...) -> None: ...

class RecordedEvent(_message.Message):
    __slots__ = ("sequence", "event")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    event: Event
    def __init__(self, sequence: _Optional[int] = ..., event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...
