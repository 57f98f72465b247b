"""Between the API's messages and the node's values. The domain's part of the node is here."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, final

from flightmesh.api.schedule.v1 import events_pb2
from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate_pb
from flightmesh.api.shard.v1 import command_service_pb2 as command_pb
from flightmesh.api.shard.v1 import shard_control_service_pb2 as control_pb
from flightmesh.codec.commands import Request
from flightmesh.codec.entries import metadata_message
from flightmesh.codec.events import EventCodec
from flightmesh.codec.legs import rules_message, rules_of, write_leg
from flightmesh.codec.public import encode_response, position_field, recorded_events
from flightmesh.codec.wire import bytes_tag, framed
from flightmesh.domain.airplane import AirplaneState
from flightmesh.domain.airport import AirportState
from flightmesh.domain.rotation import RotationState
from flightmesh.domain.schedule import ScheduleState
from flightmesh.errors import Unavailable
from flightmesh.eventsourcing.cell import AggregateCell
from flightmesh.eventsourcing.record import PlacedRecord, Record
from flightmesh.ids import schedule_aggregate_id
from flightmesh.routing.command_router import CommandRouter
from flightmesh.rpc.errors import error_of, status_of
from shard_node.batch import Result

_RESULT: Final = command_pb.ExecuteResult.DESCRIPTOR.fields_by_name
_RESPONSE: Final = bytes_tag(_RESULT["response"].number)
_ERROR: Final = bytes_tag(_RESULT["error"].number)
_RESULTS: Final = bytes_tag(
    command_pb.ExecuteBatchResponse.DESCRIPTOR.fields_by_name["results"].number
)


@final
class ScheduleReplies:
    """Writes replies to commands; a `ReplyEncoder`."""

    def __init__(self, codec: EventCodec) -> None:
        self._codec = codec

    def position(self, ledger: int, entry: int) -> bytes:
        """The position token of an entry, as a field of ExecuteResponse."""
        return position_field(ledger, entry)

    def response(self, record: Record, position: bytes, full: bool) -> bytes:
        """A serialized ExecuteResponse."""
        return encode_response(
            record.aggregate_id,
            record.command_id,
            record.aggregate_sequence,
            position,
            events=recorded_events(record, self._codec) if full else (),
            warnings=record.warnings,
        )


def wants_events(request: Request) -> bool:
    """Whether the reply to a request tells the events."""
    return request.event_view != command_pb.EVENT_VIEW_NONE


def batch_response(results: Iterable[Result]) -> bytes:
    """A serialized ExecuteBatchResponse; ExecuteStreamResponse has the same form."""
    return b"".join([framed(_RESULTS, _result(result)) for result in results])


def _result(result: Result) -> bytes:
    if isinstance(result, bytes):
        return framed(_RESPONSE, result)
    return framed(_ERROR, status_of(result).SerializeToString())


# --- passing on -----------------------------------------------------------------------------


@final
class RouterForwarder:
    """Passes requests on by the mesh's router; a `Forwarder`."""

    def __init__(self, router: CommandRouter) -> None:
        self._router = router

    async def execute(self, requests: Sequence[Request], timeout_s: float) -> Sequence[Result]:
        """One result per request, in order."""
        if len(requests) == 1:
            # Joined with other single commands that go to the same node.
            response = await self._router.execute(requests[0], timeout_s)
            return [response.SerializeToString()]
        return [_passed(r) for r in await self._router.execute_many(requests, timeout_s)]

    async def ask(self, aggregate_id: str, method: str, request: Any, timeout_s: float) -> Any:
        """The owner's answer to an AggregateService question."""
        return await self._router.call(aggregate_id, method, request, timeout_s)

    async def schedule_state(self, schedule: str, timeout_s: float) -> ScheduleState:
        """Committed state of a schedule whose owner is elsewhere."""
        request = aggregate_pb.GetScheduleStateRequest(schedule=schedule, hops=1)
        message = await self.ask(
            schedule_aggregate_id(schedule), "GetScheduleState", request, timeout_s
        )
        return schedule_state_of(message)


def schedule_state_of(message: aggregate_pb.GetScheduleStateResponse) -> ScheduleState:
    """A schedule's state as an owner tells it."""
    return ScheduleState(
        message.schedule,
        message.incarnation,
        message.exists,
        message.title,
        rules_of(message.finding_rules),
    )


def _passed(result: command_pb.ExecuteResult) -> Result:
    if result.HasField("response"):
        return result.response.SerializeToString()
    if result.HasField("error"):
        return error_of(result.error)
    return Unavailable("the owner gave no answer")


# --- states ---------------------------------------------------------------------------------


def rotation_message(cell: AggregateCell) -> aggregate_pb.GetRotationResponse:
    """A rotation as clients see it."""
    state: RotationState = cell.state
    message = aggregate_pb.GetRotationResponse(
        aggregate_id=cell.aggregate_id,
        sequence=cell.sequence,
        schedule=state.schedule,
        name=state.name,
        airplane_id=state.airplane_id,
        registration=state.registration,
    )
    for leg in state.order:
        write_leg(message.legs.add(), leg)
    return message


def airplane_message(cell: AggregateCell) -> aggregate_pb.GetAirplaneResponse:
    """An airplane as clients see it."""
    state: AirplaneState = cell.state
    return aggregate_pb.GetAirplaneResponse(
        aggregate_id=cell.aggregate_id,
        sequence=cell.sequence,
        schedule=state.schedule,
        registration=state.registration,
        aircraft_type=state.aircraft_type,
        minimum_ground_minutes=state.minimum_ground_minutes,
    )


def airport_message(cell: AggregateCell) -> aggregate_pb.GetAirportResponse:
    """An airport as clients see it."""
    state: AirportState = cell.state
    return aggregate_pb.GetAirportResponse(
        aggregate_id=cell.aggregate_id,
        sequence=cell.sequence,
        schedule=state.schedule,
        iata=state.iata,
        minimum_ground_minutes=state.minimum_ground_minutes,
        time_zone=state.time_zone,
    )


def schedule_message(cell: AggregateCell, name: str) -> aggregate_pb.GetScheduleStateResponse:
    """A schedule as clients see it; one that never existed has sequence 0."""
    state: ScheduleState = ScheduleState(name) if cell.state is None else cell.state
    return aggregate_pb.GetScheduleStateResponse(
        aggregate_id=cell.aggregate_id,
        sequence=cell.sequence,
        schedule=state.schedule,
        title=state.title,
        incarnation=state.incarnation,
        exists=state.exists,
        finding_rules=rules_message(state.finding_rules),
    )


def history_message(placed: PlacedRecord, codec: EventCodec) -> aggregate_pb.HistoryRecord:
    """A record as clients see it; raises UnknownEventType or CorruptData."""
    record = placed.record
    message = aggregate_pb.HistoryRecord(
        command_id=record.command_id,
        metadata=metadata_message(record.origin),
        sequence=record.aggregate_sequence,
        events=[events_pb2.RecordedEvent.FromString(e) for e in recorded_events(record, codec)],
        position=f"{placed.ledger}:{placed.entry}",
    )
    message.committed_at.FromMicroseconds(placed.committed_at_us)
    if record.rejection is not None:
        message.refusal_reason = record.rejection.reason
        message.refusal_message = record.rejection.message
    return message


# --- shard control --------------------------------------------------------------------------


def pairs_of(shards: Iterable[control_pb.ShardEpoch]) -> list[tuple[int, int]]:
    """Shards with their epochs."""
    return [(pair.shard, pair.epoch) for pair in shards]


def pair_messages(shards: Iterable[tuple[int, int]]) -> list[control_pb.ShardEpoch]:
    """Undoes `pairs_of`."""
    return [control_pb.ShardEpoch(shard=shard, epoch=epoch) for shard, epoch in shards]


def only_reply(results: Sequence[Result]) -> bytes:
    """The only result of a batch of one, if it is a reply; else raises its error."""
    (result,) = results
    if isinstance(result, bytes):
        return result
    raise result
