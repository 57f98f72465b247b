"""A load's steps as requests to the command service."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from flightmesh.api.common.v1 import metadata_pb2
from flightmesh.api.schedule.v1 import commands_pb2 as pb
from flightmesh.api.shard.v1 import command_service_pb2 as shard_pb
from flightmesh.codec.legs import write_leg
from flightmesh.domain import commands
from flightmesh.loading.difference import Step


def _minute(minute: int) -> Timestamp:
    return Timestamp(seconds=minute * 60)


def _add_legs(command: commands.AddLegs) -> pb.AddLegs:
    message = pb.AddLegs()
    for leg in command.legs:
        write_leg(message.legs.add(), leg)
    return message


def _change_times(command: commands.ChangeLegTimes) -> pb.ChangeLegTimes:
    return pb.ChangeLegTimes(
        leg_id=command.leg_id,
        departure_time=_minute(command.departure),
        arrival_time=_minute(command.arrival),
        departure_utc_offset_minutes=command.departure_offset,
        arrival_utc_offset_minutes=command.arrival_offset,
    )


# Command type → member of ExecuteRequest's oneof, and its message.
_MESSAGES: Final[Mapping[type, tuple[str, Callable[[Any], Any]]]] = {
    commands.CreateRotation: ("create_rotation", lambda c: pb.CreateRotation(name=c.name)),
    commands.AddLegs: ("add_legs", _add_legs),
    commands.RemoveLeg: ("remove_leg", lambda c: pb.RemoveLeg(leg_id=c.leg_id)),
    commands.ChangeLegTimes: ("change_leg_times", _change_times),
    commands.AssignRotationToAirplane: (
        "assign_rotation_to_airplane",
        lambda c: pb.AssignRotationToAirplane(
            airplane_id=c.airplane_id, registration=c.registration
        ),
    ),
    commands.RegisterAirplane: (
        "register_airplane",
        lambda c: pb.RegisterAirplane(
            registration=c.registration,
            aircraft_type=c.aircraft_type,
            minimum_ground_minutes=c.minimum_ground_minutes,
        ),
    ),
    commands.ChangeAirplane: (
        "change_airplane",
        lambda c: pb.ChangeAirplane(
            aircraft_type=c.aircraft_type, minimum_ground_minutes=c.minimum_ground_minutes
        ),
    ),
    commands.DefineAirport: (
        "define_airport",
        lambda c: pb.DefineAirport(
            iata=c.iata, minimum_ground_minutes=c.minimum_ground_minutes, time_zone=c.time_zone
        ),
    ),
}


def request_of(
    schedule: str, step: Step, metadata: metadata_pb2.Metadata
) -> shard_pb.ExecuteRequest:
    """The request of a step, without command id: the router makes one."""
    member, message = _MESSAGES[type(step.command)]
    members: dict[str, Any] = {member: message(step.command)}
    return shard_pb.ExecuteRequest(
        schedule=schedule,
        aggregate_id=step.aggregate_id,
        metadata=metadata,
        event_view=shard_pb.EVENT_VIEW_NONE,
        **members,
    )


def create_request(schedule: str, metadata: metadata_pb2.Metadata) -> shard_pb.ExecuteRequest:
    """The request that creates the schedule."""
    return shard_pb.ExecuteRequest(
        schedule=schedule, metadata=metadata, create_schedule=pb.CreateSchedule()
    )
