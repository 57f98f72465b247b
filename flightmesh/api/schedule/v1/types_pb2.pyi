import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Leg(_message.Message):
    __slots__ = ("leg_id", "carrier", "flight_number", "suffix", "day_of_origin", "departure_airport", "arrival_airport", "departure_time", "arrival_time", "departure_utc_offset_minutes", "arrival_utc_offset_minutes", "aircraft_type", "service_type")
    LEG_ID_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    FLIGHT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SUFFIX_FIELD_NUMBER: _ClassVar[int]
    DAY_OF_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_AIRPORT_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_AIRPORT_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_TIME_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_UTC_OFFSET_MINUTES_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_UTC_OFFSET_MINUTES_FIELD_NUMBER: _ClassVar[int]
    AIRCRAFT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TYPE_FIELD_NUMBER: _ClassVar[int]
    leg_id: str
    carrier: str
    flight_number: int
    suffix: str
    day_of_origin: str
    departure_airport: str
    arrival_airport: str
    departure_time: _timestamp_pb2.Timestamp
    arrival_time: _timestamp_pb2.Timestamp
    departure_utc_offset_minutes: int
    arrival_utc_offset_minutes: int
    aircraft_type: str
    service_type: str
    def __init__(self, leg_id: _Optional[str] = ..., carrier: _Optional[str] = ..., flight_number: _Optional[int] = ..., suffix: _Optional[str] = ..., day_of_origin: _Optional[str] = ..., departure_airport: _Optional[str] = ..., arrival_airport: _Optional[str] = ..., departure_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., arrival_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., departure_utc_offset_minutes: _Optional[int] = ..., arrival_utc_offset_minutes: _Optional[int] = ..., aircraft_type: _Optional[str] = ..., service_type: _Optional[str] = ...) -> None: ...

class FindingRules(_message.Message):
    __slots__ = ("airplane_overlap", "aircraft_type", "unknown_airplane")
    AIRPLANE_OVERLAP_FIELD_NUMBER: _ClassVar[int]
    AIRCRAFT_TYPE_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_AIRPLANE_FIELD_NUMBER: _ClassVar[int]
    airplane_overlap: bool
    aircraft_type: bool
    unknown_airplane: bool
    def __init__(self, airplane_overlap: _Optional[bool] = ..., aircraft_type: _Optional[bool] = ..., unknown_airplane: _Optional[bool] = ...) -> None: ...
