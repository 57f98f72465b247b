"""Load by gRPC: unary commands, streams of batches, unary queries, streams of query batches.

And calls that ask for nothing, which tell what a machine can do at that time at most.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any, final

from grpc_health.v1 import health_pb2

from clients import methods
from clients.connection import Connection
from clients.load.measurement import Measurement, Recorder, WrongReply
from clients.load.replies import (
    CHECKS,
    check_batch,
    check_findings,
    check_reply,
    check_results,
    findings_request,
)
from clients.load.scenario import Step, request_of, steps
from clients.load.shape import LoadShape, run_callers
from clients.methods import Method
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.api.shard.v1 import command_service_pb2 as service
from flightmesh.clock import Clock, Randomness, new_command_id
from flightmesh.errors import Unavailable
from flightmesh.ids import shard_of


@final
class GrpcLoad:
    """Generators over one set of channels.

    Args:
        connection: the servers.
        clock: for latencies and ids.
        randomness: for ids.
    """

    def __init__(self, connection: Connection, clock: Clock, randomness: Randomness) -> None:
        self._connection = connection
        self._clock = clock
        self._randomness = randomness
        self._run = f"{randomness.bits(48):012x}"
        self._owners: list[str] = []

    async def unary_commands(self, shape: LoadShape) -> Measurement:
        """The write scenario, one Execute call per command, straight to the owner."""
        await self._find_owners()
        recorder = self._recorder(shape)
        calls = {address: self._unary(methods.EXECUTE, address) for address in set(self._owners)}

        async def user(number: int) -> None:
            for step in steps(shape.schedule, self._user(number), shape.legs):
                if not recorder.take():
                    return
                request = request_of(shape.schedule, step, self._new_id())
                sent_at = recorder.now
                call = calls[self._owner(step.aggregate_id)]
                check_reply(await call(request, timeout=shape.timeout_s), step)
                recorder.answered(sent_at)

        await run_callers(shape, recorder, user)
        return recorder.result("unary_commands", shape.callers)

    async def stream_commands(self, shape: LoadShape) -> Measurement:
        """The write scenario by ExecuteStream: one stream per owner, `callers` batches under way.

        A batch holds one command each of `batch` users and is sent when the one before of the same
        users has been answered.
        """
        await self._find_owners()
        recorder = self._recorder(shape)
        addresses = sorted(set(self._owners))

        async def stream(number: int) -> None:
            address = addresses[number]
            # Every owner gets its share of the batches, and at least one.
            share = max(1, shape.callers // len(addresses))
            groups = [
                [self._user_of(shape, address, f"{number}-{group}-{i}") for i in range(shape.batch)]
                for group in range(share)
            ]
            await self._pump(shape, recorder, address, groups)

        await run_callers(shape, recorder, stream, len(addresses))
        return recorder.result("stream_commands", shape.callers)

    async def unary_queries(self, shape: LoadShape) -> Measurement:
        """An even mix of the thesis's three checks, one ListFindings call each."""
        recorder = self._recorder(shape)
        call = self._unary(methods.LIST_FINDINGS, self._connection.server)
        requests = [findings_request(shape, kind) for kind in CHECKS]

        async def caller(number: int) -> None:
            turn = number
            while recorder.take():
                sent_at, request = recorder.now, requests[turn % len(requests)]
                check_findings(await call(request, timeout=shape.timeout_s), request)
                recorder.answered(sent_at)
                turn += 1

        await run_callers(shape, recorder, caller)
        return recorder.result("unary_queries", shape.callers)

    async def empty_calls(self, shape: LoadShape) -> Measurement:
        """One health check per call: the cost of gRPC alone, for a server that does nothing."""
        recorder = self._recorder(shape)
        call = self._connection.channel(self._connection.server).unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        request = health_pb2.HealthCheckRequest()

        async def caller(_: int) -> None:
            while recorder.take():
                sent_at = recorder.now
                reply = await call(request, timeout=shape.timeout_s)
                if reply.status != health_pb2.HealthCheckResponse.SERVING:
                    raise WrongReply("the server does not serve")
                recorder.answered(sent_at)

        await run_callers(shape, recorder, caller)
        return recorder.result("empty_calls", shape.callers)

    async def stream_queries(self, shape: LoadShape) -> Measurement:
        """The same checks by QueryStream: one stream per caller, one batch of `batch` each way."""
        recorder = self._recorder(shape)
        queries = [
            query.Query(list_findings=findings_request(shape, CHECKS[number % len(CHECKS)]))
            for number in range(shape.batch)
        ]
        message = query.QueryStreamRequest(queries=queries)

        async def caller(_: int) -> None:
            call = self._connection.channel(self._connection.server).stream_stream(
                "/flightmesh.api.read.v1.QueryService/QueryStream",
                request_serializer=query.QueryStreamRequest.SerializeToString,
                response_deserializer=query.QueryStreamResponse.FromString,
            )(timeout=shape.seconds + shape.timeout_s)
            try:
                known: dict[int, bytes] = {}
                while recorder.take(shape.batch):
                    sent_at = recorder.now
                    await call.write(message)
                    check_batch(await call.read(), queries, known)
                    recorder.answered(sent_at, shape.batch)
                await call.done_writing()
            finally:
                call.cancel()

        await run_callers(shape, recorder, caller)
        return recorder.result("stream_queries", shape.callers)

    async def _pump(
        self,
        shape: LoadShape,
        recorder: Recorder,
        address: str,
        groups: list[list[Iterator[Step]]],
    ) -> None:
        """Keeps one batch of each group under way on one stream."""
        outgoing: asyncio.Queue[service.ExecuteStreamRequest | None] = asyncio.Queue(
            len(groups) + 1
        )
        under_way: deque[tuple[int, float, list[Step]]] = deque()

        def send(group: int) -> bool:
            if not recorder.take(shape.batch):
                return False
            batch = [next(user) for user in groups[group]]
            under_way.append((group, recorder.now, batch))
            requests = [request_of(shape.schedule, step, self._new_id()) for step in batch]
            outgoing.put_nowait(service.ExecuteStreamRequest(requests=requests))
            return True

        async def sent() -> AsyncIterator[service.ExecuteStreamRequest]:
            while (message := await outgoing.get()) is not None:
                yield message

        for group in range(len(groups)):
            send(group)
        answers = self._connection.exchange(
            methods.EXECUTE_STREAM, sent(), shape.seconds + shape.timeout_s, address
        )
        while under_way:
            response = await anext(answers, None)
            if response is None:
                raise WrongReply("the stream ended with batches under way")
            group, sent_at, batch = under_way.popleft()
            check_results(response.results, batch)
            recorder.answered(sent_at, len(batch))
            send(group)
        outgoing.put_nowait(None)
        await anext(answers, None)

    async def _find_owners(self) -> None:
        method = methods.GET_SHARD_MAP
        shard_map = await self._connection.unary(method, method.request())
        self._owners = [row.address for row in shard_map.assignments]
        if not self._owners or not all(self._owners):
            raise Unavailable("some shard has no owner")

    def _owner(self, aggregate_id: str) -> str:
        return self._owners[shard_of(aggregate_id, len(self._owners))]

    def _user_of(self, shape: LoadShape, address: str, name: str) -> Iterator[Step]:
        def fits(aggregate_id: str) -> bool:
            return self._owner(aggregate_id) == address

        return steps(shape.schedule, f"{self._run}-{name}", shape.legs, fits)

    def _user(self, number: int) -> str:
        return f"{self._run}-{number}"

    def _new_id(self) -> str:
        return new_command_id(self._clock, self._randomness)

    def _recorder(self, shape: LoadShape) -> Recorder:
        self._run = f"{self._randomness.bits(48):012x}"
        return Recorder(self._clock, shape.operations, shape.seconds)

    def _unary(self, method: Method[Any, Any], address: str) -> Any:
        return self._connection.channel(address).unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
