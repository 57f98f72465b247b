"""Which aggregate a command is for, so that it can be sent straight to its shard's owner."""

from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.clock import Clock, Randomness, new_command_id
from flightmesh.errors import InvalidInput
from flightmesh.ids import airplane_id, airport_id, created_by, schedule_aggregate_id

_OF_SCHEDULE = frozenset({"create_schedule", "delete_schedule", "change_finding_rules"})


def fill_command_id(request: pb.ExecuteRequest, clock: Clock, randomness: Randomness) -> None:
    """Gives a command without an id one of its own, so that a retry is the same command."""
    if not request.command_id:
        request.command_id = new_command_id(clock, randomness)


def aggregate_of(request: pb.ExecuteRequest) -> str:
    """Id of the aggregate that a command is for; the command id must be filled in.

    Raises:
        InvalidInput: the request names no aggregate and its command creates none.
    """
    if request.aggregate_id:
        return request.aggregate_id
    kind = request.WhichOneof("command")
    if kind in _OF_SCHEDULE:
        return schedule_aggregate_id(request.schedule)
    if kind == "create_rotation":
        return created_by(request.command_id)
    if kind == "register_airplane":
        return airplane_id(request.schedule, request.register_airplane.registration)
    if kind == "define_airport":
        return airport_id(request.schedule, request.define_airport.iata)
    raise InvalidInput("aggregate_id", "is missing")
