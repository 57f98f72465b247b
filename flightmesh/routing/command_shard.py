"""Which aggregate a command is for, so that it can be sent straight to its shard's owner."""

from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.clock import Clock, Randomness, new_command_id
from flightmesh.codec.commands import ON_SCHEDULE, created_aggregate
from flightmesh.ids import schedule_aggregate_id


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
    if kind in ON_SCHEDULE:
        return schedule_aggregate_id(request.schedule)
    return created_aggregate(request, kind)
