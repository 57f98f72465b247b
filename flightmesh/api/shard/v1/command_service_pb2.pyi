from flightmesh.api.common.v1 import metadata_pb2 as _metadata_pb2
from flightmesh.api.common.v1 import options_pb2 as _options_pb2
from flightmesh.api.schedule.v1 import commands_pb2 as _commands_pb2
from flightmesh.api.schedule.v1 import events_pb2 as _events_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_VIEW_UNSPECIFIED: _ClassVar[EventView]
    EVENT_VIEW_FULL: _ClassVar[EventView]
    EVENT_VIEW_NONE: _ClassVar[EventView]
EVENT_VIEW_UNSPECIFIED: EventView
EVENT_VIEW_FULL: EventView
EVENT_VIEW_NONE: EventView

class ExecuteRequest(_message.Message):
    __slots__ = ("schedule", "aggregate_id", "command_id", "expected_sequence", "metadata", "event_view", "hops", "create_schedule", "delete_schedule", "change_finding_rules", "create_rotation", "add_leg", "add_legs", "remove_leg", "change_leg_times", "remove_rotation", "assign_rotation_to_airplane", "unassign_rotation", "register_airplane", "change_airplane", "retire_airplane", "define_airport")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    EVENT_VIEW_FIELD_NUMBER: _ClassVar[int]
    HOPS_FIELD_NUMBER: _ClassVar[int]
    CREATE_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    DELETE_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FINDING_RULES_FIELD_NUMBER: _ClassVar[int]
    CREATE_ROTATION_FIELD_NUMBER: _ClassVar[int]
    ADD_LEG_FIELD_NUMBER: _ClassVar[int]
    ADD_LEGS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_LEG_FIELD_NUMBER: _ClassVar[int]
    CHANGE_LEG_TIMES_FIELD_NUMBER: _ClassVar[int]
    REMOVE_ROTATION_FIELD_NUMBER: _ClassVar[int]
    ASSIGN_ROTATION_TO_AIRPLANE_FIELD_NUMBER: _ClassVar[int]
    UNASSIGN_ROTATION_FIELD_NUMBER: _ClassVar[int]
    REGISTER_AIRPLANE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_AIRPLANE_FIELD_NUMBER: _ClassVar[int]
    RETIRE_AIRPLANE_FIELD_NUMBER: _ClassVar[int]
    DEFINE_AIRPORT_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    aggregate_id: str
    command_id: str
    expected_sequence: int
    metadata: _metadata_pb2.Metadata
    event_view: EventView
    hops: int
    create_schedule: _commands_pb2.CreateSchedule
    delete_schedule: _commands_pb2.DeleteSchedule
    change_finding_rules: _commands_pb2.ChangeFindingRules
    create_rotation: _commands_pb2.CreateRotation
    add_leg: _commands_pb2.AddLeg
    add_legs: _commands_pb2.AddLegs
    remove_leg: _commands_pb2.RemoveLeg
    change_leg_times: _commands_pb2.ChangeLegTimes
    remove_rotation: _commands_pb2.RemoveRotation
    assign_rotation_to_airplane: _commands_pb2.AssignRotationToAirplane
    unassign_rotation: _commands_pb2.UnassignRotation
    register_airplane: _commands_pb2.RegisterAirplane
    change_airplane: _commands_pb2.ChangeAirplane
    retire_airplane: _commands_pb2.RetireAirplane
    define_airport: _commands_pb2.DefineAirport
    def __init__(self, schedule: _Optional[str] = ..., aggregate_id: _Optional[str] = ..., command_id: _Optional[str] = ..., expected_sequence: _Optional[int] = ..., metadata: _Optional[_Union[_metadata_pb2.Metadata, _Mapping]] = ..., event_view: _Optional[_Union[EventView, str]] = ..., hops: _Optional[int] = ..., create_schedule: _Optional[_Union[_commands_pb2.CreateSchedule, _Mapping]] = ..., delete_schedule: _Optional[_Union[_commands_pb2.DeleteSchedule, _Mapping]] = ..., change_finding_rules: _Optional[_Union[_commands_pb2.ChangeFindingRules, _Mapping]] = ..., create_rotation: _Optional[_Union[_commands_pb2.CreateRotation, _Mapping]] = ..., add_leg: _Optional[_Union[_commands_pb2.AddLeg, _Mapping]] = ..., add_legs: _Optional[_Union[_commands_pb2.AddLegs, _Mapping]] = ..., remove_leg: _Optional[_Union[_commands_pb2.RemoveLeg, _Mapping]] = ..., change_leg_times: _Optional[_Union[_commands_pb2.ChangeLegTimes, _Mapping]] = ..., remove_rotation: _Optional[_Union[_commands_pb2.RemoveRotation, _Mapping]] = ..., assign_rotation_to_airplane: _Optional[_Union[_commands_pb2.AssignRotationToAirplane, _Mapping]] = ..., unassign_rotation: _Optional[_Union[_commands_pb2.UnassignRotation, _Mapping]] = ..., register_airplane: _Optional[_Union[_commands_pb2.RegisterAirplane, _Mapping]] = ..., change_airplane: _Optional[_Union[_commands_pb2.ChangeAirplane, _Mapping]] = ..., retire_airplane: _Optional[_Union[_commands_pb2.RetireAirplane, _Mapping]] = ..., define_airport: _Optional[_Union[_commands_pb2.DefineAirport, _Mapping]] = ...) -> None: ...

class ExecuteResponse(_message.Message):
    __slots__ = ("aggregate_id", "sequence", "position", "events", "warnings", "command_id")
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    aggregate_id: str
    sequence: int
    position: str
    events: _containers.RepeatedCompositeFieldContainer[_events_pb2.RecordedEvent]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    command_id: str
    def __init__(self, aggregate_id: _Optional[str] = ..., sequence: _Optional[int] = ..., position: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_events_pb2.RecordedEvent, _Mapping]]] = ..., warnings: _Optional[_Iterable[str]] = ..., command_id: _Optional[str] = ...) -> None: ...

class ExecuteBatchRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ExecuteRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ExecuteRequest, _Mapping]]] = ...) -> None: ...

class ExecuteResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: ExecuteResponse
    error: _status_pb2.Status
    def __init__(self, response: _Optional[_Union[ExecuteResponse, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class ExecuteBatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ExecuteResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ExecuteResult, _Mapping]]] = ...) -> None: ...

class ExecuteStreamRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ExecuteRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ExecuteRequest, _Mapping]]] = ...) -> None: ...

class ExecuteStreamResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ExecuteResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ExecuteResult, _Mapping]]] = ...) -> None: ...
