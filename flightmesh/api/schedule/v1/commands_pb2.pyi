import datetime

from flightmesh.api.schedule.v1 import types_pb2 as _types_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateSchedule(_message.Message):
    __slots__ = ("title", "finding_rules")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    FINDING_RULES_FIELD_NUMBER: _ClassVar[int]
    title: str
    finding_rules: _types_pb2.FindingRules
    def __init__(self, title: _Optional[str] = ..., finding_rules: _Optional[_Union[_types_pb2.FindingRules, _Mapping]] = ...) -> None: ...

class DeleteSchedule(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ChangeFindingRules(_message.Message):
    __slots__ = ("finding_rules",)
    FINDING_RULES_FIELD_NUMBER: _ClassVar[int]
    finding_rules: _types_pb2.FindingRules
    def __init__(self, finding_rules: _Optional[_Union[_types_pb2.FindingRules, _Mapping]] = ...) -> None: ...

class CreateRotation(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class AddLeg(_message.Message):
    __slots__ = ("leg",)
    LEG_FIELD_NUMBER: _ClassVar[int]
    leg: _types_pb2.Leg
    def __init__(self, leg: _Optional[_Union[_types_pb2.Leg, _Mapping]] = ...) -> None: ...

class AddLegs(_message.Message):
    __slots__ = ("legs",)
    LEGS_FIELD_NUMBER: _ClassVar[int]
    legs: _containers.RepeatedCompositeFieldContainer[_types_pb2.Leg]
    def __init__(self, legs: _Optional[_Iterable[_Union[_types_pb2.Leg, _Mapping]]] = ...) -> None: ...

class RemoveLeg(_message.Message):
    __slots__ = ("leg_id",)
    LEG_ID_FIELD_NUMBER: _ClassVar[int]
    leg_id: str
    def __init__(self, leg_id: _Optional[str] = ...) -> None: ...

class ChangeLegTimes(_message.Message):
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

class RemoveRotation(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AssignRotationToAirplane(_message.Message):
    __slots__ = ("airplane_id", "registration")
    AIRPLANE_ID_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    airplane_id: str
    registration: str
    def __init__(self, airplane_id: _Optional[str] = ..., registration: _Optional[str] = ...) -> None: ...

class UnassignRotation(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RegisterAirplane(_message.Message):
    __slots__ = ("registration", "aircraft_type", "minimum_ground_minutes")
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    AIRCRAFT_TYPE_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    registration: str
    aircraft_type: str
    minimum_ground_minutes: int
    def __init__(self, registration: _Optional[str] = ..., aircraft_type: _Optional[str] = ..., minimum_ground_minutes: _Optional[int] = ...) -> None: ...

class ChangeAirplane(_message.Message):
    __slots__ = ("aircraft_type", "minimum_ground_minutes")
    AIRCRAFT_TYPE_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    aircraft_type: str
    minimum_ground_minutes: int
    def __init__(self, aircraft_type: _Optional[str] = ..., minimum_ground_minutes: _Optional[int] = ...) -> None: ...

class RetireAirplane(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DefineAirport(_message.Message):
    __slots__ = ("iata", "minimum_ground_minutes", "time_zone")
    IATA_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_GROUND_MINUTES_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    iata: str
    minimum_ground_minutes: int
    time_zone: str
    def __init__(self, iata: _Optional[str] = ..., minimum_ground_minutes: _Optional[int] = ..., time_zone: _Optional[str] = ...) -> None: ...
