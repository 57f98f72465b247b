"""The node's gRPC services: thin, from messages to handlers and back.

CommandService answers with bytes that were put together once, so its methods are registered with
their own serializers; the other services use the generated ones.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, final

import grpc

from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate_pb
from flightmesh.api.shard.v1 import aggregate_service_pb2_grpc as aggregate_services
from flightmesh.api.shard.v1 import command_service_pb2 as command_pb
from flightmesh.api.shard.v1 import shard_control_service_pb2 as control_pb
from flightmesh.api.shard.v1 import shard_control_service_pb2_grpc as control_services
from flightmesh.clock import Clock
from flightmesh.codec.commands import check_schedule
from flightmesh.codec.events import EventCodec
from flightmesh.errors import InvalidInput, Unavailable
from flightmesh.ids import AggregateId, is_uuid, schedule_aggregate_id
from flightmesh.rpc.errors import answers_errors, streams_errors
from flightmesh.rpc.streams import OpenStreams
from flightmesh.runtime.tasks import TaskOwner
from shard_node import translate
from shard_node.aggregates import AggregateQuestions, When
from shard_node.batch import Batch
from shard_node.handlers import Handlers
from shard_node.node import ShardNode
from shard_node.session import Session
from shard_node.slot import ShardSlot

MAX_BATCH: Final = 1_000
_IDS_PER_PAGE: Final = 1_000
_MOST_IDS_PER_PAGE: Final = 10_000
_STREAM_BATCHES: Final = 64

Context = grpc.aio.ServicerContext[Any, Any]


def register(
    server: grpc.aio.Server,
    streams: OpenStreams,
    handlers: Handlers,
    codec: EventCodec,
    clock: Clock,
) -> "CommandService":
    """Adds all services of a shard node to a server; stop the returned one before the node."""
    commands = CommandService(handlers, streams)
    server.add_generic_rpc_handlers((commands.generic_handler(),))
    aggregates: Any = aggregate_services.add_AggregateServiceServicer_to_server
    aggregates(AggregateService(handlers, codec), server)
    control: Any = control_services.add_ShardControlServiceServicer_to_server
    control(ShardControlService(handlers.node, streams, clock), server)
    return commands


def _timeout_s(context: Context, longest_s: float) -> float:
    remaining = context.time_remaining()
    return longest_s if remaining is None else max(0.0, min(remaining, longest_s))


def _bytes(reply: bytes) -> bytes:
    return reply


@final
class CommandService:
    """flightmesh.api.shard.v1.CommandService."""

    def __init__(self, handlers: Handlers, streams: OpenStreams) -> None:
        self._handlers = handlers
        self._streams = streams
        self._longest_s = handlers.node.config.forward_timeout_s
        self._tasks = TaskOwner("command-streams")

    def generic_handler(self) -> grpc.GenericRpcHandler:
        """The service's methods with serializers that pass bytes through."""
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Execute": grpc.unary_unary_rpc_method_handler(
                self.execute, command_pb.ExecuteRequest.FromString, _bytes
            ),
            "ExecuteBatch": grpc.unary_unary_rpc_method_handler(
                self.execute_batch, command_pb.ExecuteBatchRequest.FromString, _bytes
            ),
            "ExecuteStream": grpc.stream_stream_rpc_method_handler(
                self.execute_stream, command_pb.ExecuteStreamRequest.FromString, _bytes
            ),
        }
        name = command_pb.DESCRIPTOR.services_by_name["CommandService"].full_name
        return grpc.method_handlers_generic_handler(name, methods)

    async def stop(self) -> None:
        """Ends the streams."""
        await self._tasks.stop()

    @answers_errors
    async def execute(self, request: command_pb.ExecuteRequest, context: Context) -> bytes:
        """One command."""
        timeout_s = _timeout_s(context, self._longest_s)
        batch = self._handlers.submit((request,), translate.wants_events, timeout_s)
        return translate.only_reply(await batch.wait())

    @answers_errors
    async def execute_batch(
        self, request: command_pb.ExecuteBatchRequest, context: Context
    ) -> bytes:
        """Many commands, each for itself."""
        batch = self._submit(request.requests, _timeout_s(context, self._longest_s))
        return translate.batch_response(await batch.wait())

    def _submit(self, requests: Any, timeout_s: float) -> Batch:
        if len(requests) > MAX_BATCH:
            raise InvalidInput("requests", f"{len(requests)} commands; at most {MAX_BATCH} fit")
        return self._handlers.submit(requests, translate.wants_events, timeout_s)

    @streams_errors
    async def execute_stream(
        self, requests: AsyncIterator[command_pb.ExecuteStreamRequest], _context: Context
    ) -> AsyncIterator[bytes]:
        """Batches as they come: each is decided when it arrives, answers keep the order."""
        under_way: asyncio.Queue[Batch | Exception | None] = asyncio.Queue(_STREAM_BATCHES)
        reading = self._tasks.start(self._read(requests, under_way), "read")
        try:
            while (batch := await under_way.get()) is not None:
                if isinstance(batch, Exception):
                    raise batch
                yield translate.batch_response(await batch.wait())
        finally:
            reading.cancel()

    async def _read(
        self,
        requests: AsyncIterator[command_pb.ExecuteStreamRequest],
        under_way: "asyncio.Queue[Batch | Exception | None]",
    ) -> None:
        last: Exception | None = None
        try:
            async for request in self._streams.requests(requests):
                await under_way.put(self._submit(request.requests, self._longest_s))
        except Exception as error:
            # Raised to the caller by the method itself, after the answers before it.
            last = error
        await under_way.put(last)


@final
class AggregateService(aggregate_services.AggregateServiceServicer):
    """flightmesh.api.shard.v1.AggregateService."""

    def __init__(self, handlers: Handlers, codec: EventCodec) -> None:
        self._handlers = handlers
        self._codec = codec
        self._longest_s = handlers.node.config.forward_timeout_s

    @answers_errors
    async def GetRotation(  # noqa: N802 - the name of the rpc
        self, request: aggregate_pb.GetRotationRequest, context: Context
    ) -> Any:
        """A rotation, now or in the past."""
        return await self._existing("rotation", translate.rotation_message, request, context)

    @answers_errors
    async def GetAirplane(  # noqa: N802
        self, request: aggregate_pb.GetAirplaneRequest, context: Context
    ) -> Any:
        """An airplane, now or in the past."""
        return await self._existing("airplane", translate.airplane_message, request, context)

    @answers_errors
    async def GetAirport(  # noqa: N802
        self, request: aggregate_pb.GetAirportRequest, context: Context
    ) -> Any:
        """An airport, now or in the past."""
        return await self._existing("airport", translate.airport_message, request, context)

    async def _existing(self, kind: str, write: Any, request: Any, context: Context) -> Any:
        check_schedule(request.schedule)
        aggregate_id, when = AggregateId(request.aggregate_id), _when(request)

        async def here(session: Session, slot: ShardSlot) -> Any:
            questions, then = AggregateQuestions(session, slot, aggregate_id), None
            if when.time_us is not None:
                asked = aggregate_pb.GetScheduleStateRequest(
                    schedule=request.schedule, at_time=request.at_time
                )
                then = translate.schedule_state_of(await self._schedule(asked, context))
            return write(await questions.existing(kind, request.schedule, when, then))

        method = f"Get{kind.capitalize()}"
        return await self._answer(aggregate_id, method, request, context, here)

    @answers_errors
    async def GetScheduleState(  # noqa: N802
        self, request: aggregate_pb.GetScheduleStateRequest, context: Context
    ) -> Any:
        """A schedule's own state, now or in the past."""
        check_schedule(request.schedule)
        return await self._schedule(request, context)

    async def _schedule(
        self, request: aggregate_pb.GetScheduleStateRequest, context: Context
    ) -> Any:
        aggregate_id, when = schedule_aggregate_id(request.schedule), _when(request)

        async def here(session: Session, slot: ShardSlot) -> Any:
            cell = await AggregateQuestions(session, slot, aggregate_id).scope(when)
            return translate.schedule_message(cell, request.schedule)

        return await self._answer(aggregate_id, "GetScheduleState", request, context, here)

    @answers_errors
    async def ListHistory(  # noqa: N802
        self, request: aggregate_pb.ListHistoryRequest, context: Context
    ) -> Any:
        """What happened to one aggregate."""
        check_schedule(request.schedule)
        given = AggregateId(request.aggregate_id)
        aggregate_id = given or schedule_aggregate_id(request.schedule)

        async def here(session: Session, slot: ShardSlot) -> Any:
            records, following = await AggregateQuestions(session, slot, aggregate_id).history(
                request.schedule, request.page_size, request.page_token, request.include_refusals
            )
            return aggregate_pb.ListHistoryResponse(
                records=[translate.history_message(placed, self._codec) for placed in records],
                next_page_token=following,
            )

        return await self._answer(aggregate_id, "ListHistory", request, context, here)

    @answers_errors
    async def ListAggregates(  # noqa: N802
        self, request: aggregate_pb.ListAggregatesRequest, _context: Context
    ) -> aggregate_pb.ListAggregatesResponse:
        """Ids of a schedule's aggregates, or of all schedules, in a shard of this node."""
        of_all = request.aggregate_type == "schedule" and not request.schedule
        if not of_all:
            check_schedule(request.schedule)
        after = request.page_token
        if after and not is_uuid(after):
            raise InvalidInput("page_token", "is not one of this list")
        session, slot = self._handlers.own(request.shard)
        size = min(request.page_size or _IDS_PER_PAGE, _MOST_IDS_PER_PAGE)
        ids = await session.aggregate_ids(
            slot, None if of_all else request.schedule, request.aggregate_type, after, size
        )
        names = [await _name_if_there(session, slot, each) for each in ids] if of_all else ()
        following = ids[-1] if len(ids) == size else ""
        return aggregate_pb.ListAggregatesResponse(
            aggregate_ids=ids, next_page_token=following, schedules=names
        )

    async def _answer(
        self, aggregate_id: AggregateId, method: str, request: Any, context: Context, here: Any
    ) -> Any:
        timeout_s = _timeout_s(context, self._longest_s)
        return await self._handlers.answer(aggregate_id, method, request, timeout_s, here)


async def _name_if_there(session: Session, slot: ShardSlot, schedule: AggregateId) -> str:
    cell = await session.scope_cell(slot, schedule)
    return str(cell.scope) if cell.state is not None and cell.state.exists else ""


def _when(request: Any) -> When:
    sequence = request.at_sequence if request.HasField("at_sequence") else None
    time_us = request.at_time.ToMicroseconds() if request.HasField("at_time") else None
    return When(sequence, time_us)


@final
class ShardControlService(control_services.ShardControlServiceServicer):
    """flightmesh.api.shard.v1.ShardControlService."""

    def __init__(self, node: ShardNode, streams: OpenStreams, clock: Clock) -> None:
        self._node = node
        self._streams = streams
        self._clock = clock

    @answers_errors
    async def AssignShards(  # noqa: N802
        self, request: control_pb.AssignShardsRequest, _context: Context
    ) -> control_pb.AssignShardsResponse:
        """Gives shards to the node."""
        owned, blocked = await self._node.assign(
            request.session, translate.pairs_of(request.shards)
        )
        return control_pb.AssignShardsResponse(
            owned=translate.pair_messages(owned),
            blocked=[
                control_pb.BlockedShard(shard=shard, holder_session=holder)
                for shard, holder in blocked
            ],
        )

    @answers_errors
    async def ReleaseShards(  # noqa: N802
        self, request: control_pb.ReleaseShardsRequest, _context: Context
    ) -> control_pb.ReleaseShardsResponse:
        """Asks for shards back."""
        shards = translate.pairs_of(request.shards)
        released = await self._node.release(request.session, shards)
        return control_pb.ReleaseShardsResponse(released=translate.pair_messages(released))

    @streams_errors
    async def WatchHeartbeat(  # noqa: N802
        self, _request: control_pb.WatchHeartbeatRequest, _context: Context
    ) -> AsyncIterator[control_pb.WatchHeartbeatResponse]:
        """A sign of life at once, and then at each interval."""
        while True:
            yield self._sign_of_life()
            await self._streams.wait(self._clock.sleep(self._node.config.sign_of_life_s))

    @answers_errors
    async def ListServedShards(  # noqa: N802
        self, _request: control_pb.ListServedShardsRequest, _context: Context
    ) -> control_pb.ListServedShardsResponse:
        """The shards that take commands, with what is committed of them."""
        session = self._node.session
        return control_pb.ListServedShardsResponse(
            session=session.id,
            shards=[
                control_pb.ServedShard(shard=shard, epoch=epoch, last_sequence=last)
                for shard, epoch, last in session.ownership.served
            ],
        )

    def _sign_of_life(self) -> control_pb.WatchHeartbeatResponse:
        try:
            session = self._node.session
        except Unavailable:
            return control_pb.WatchHeartbeatResponse()
        return control_pb.WatchHeartbeatResponse(
            session=session.id,
            commands=session.queue.commands,
            owned=translate.pair_messages(session.ownership.owned),
        )
