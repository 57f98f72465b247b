"""QueryService on gRPC: bytes in, bytes out; the answers are serialized already."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, final

import grpc

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.clock import Clock
from flightmesh.errors import FlightmeshError, Overloaded, Unavailable
from flightmesh.rpc.errors import answers_errors, status_of, streams_errors
from flightmesh.rpc.streams import OpenStreams
from read_node.counters import QueryCounters
from read_node.follower import Follower
from read_node.lag import LagWatch
from read_node.projection import Projection
from read_node.translate.answers import METHODS, Answers, Method, Question
from read_node.translate.batches import QueryBatch, read_batch, write_result

_WAITING_SHARE: Final = 0.8
# How long a batch is answered without letting others have a turn, the lease's renewal among them.
_STRETCH_S: Final = 0.005
# Bytes of answers beyond which the rest of a batch has to be asked again.
_LARGEST_BATCH: Final = 16 * 1024 * 1024
# Trailing metadata of an answer of a node that lags: how far, in milliseconds.
LAG_KEY: Final = "flightmesh-lag-ms"
SERVICE: Final = "flightmesh.api.read.v1.QueryService"


@final
class QueryServicer:
    """Answers queries.

    Args:
        projection: whose models are asked.
        follower: whose position the answers carry.
        answers: makes the replies.
        lag: while it says that the node lags, answers say so in their trailing metadata.
        counters: counts queries.
        clock: for their durations.
        max_wait_s: longest wait for a position where the caller sets no deadline.
    """

    def __init__(
        self,
        projection: Projection,
        follower: Follower,
        answers: Answers,
        *,
        lag: LagWatch,
        counters: QueryCounters,
        clock: Clock,
        max_wait_s: float,
    ) -> None:
        self._projection = projection
        self._progress = follower.progress
        self._ready = follower.ready
        self._answers = answers
        self._lag = lag
        self._counters = counters
        # Not the event loop's time: that stands still while the loop works.
        self._now_s = clock.monotonic_s
        self._max_wait_s = max_wait_s

    def handlers(self, streams: OpenStreams) -> grpc.GenericRpcHandler:
        """The service's handlers, for `grpc.aio.Server.add_generic_rpc_handlers`.

        Args:
            streams: those of the server.
        """
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            method.name: grpc.unary_unary_rpc_method_handler(self._unary(method))
            for method in METHODS.values()
        }
        batch: Any = functools.partial(QueryServicer._query_batch, self)

        @streams_errors
        async def stream(_: Any, batches: AsyncIterator[bytes], context: Any) -> Any:
            async for data in streams.requests(batches):
                batch = read_batch(data, pb.QueryStreamRequest)
                yield await self.answer_batch(batch, self._time_left(context))

        handlers["QueryBatch"] = grpc.unary_unary_rpc_method_handler(batch)
        handlers["QueryStream"] = grpc.stream_stream_rpc_method_handler(
            functools.partial(stream, self)
        )
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def _unary(self, method: Method) -> Callable[[bytes, Any], Awaitable[bytes]]:
        counters, now_s = self._counters, self._now_s

        @answers_errors
        async def answer(_: Any, data: bytes, context: Any) -> bytes:
            began_s = now_s()
            try:
                question = self._answers.question(method, data)
                await self._reach(question, self._time_left(context))
                self._tell_lag(context)
                return self._answers.answer(question, self._progress.token())
            except (FlightmeshError, TimeoutError):
                counters.failed[method.name] += 1
                raise
            finally:
                counters.seconds[method.name].observe(now_s() - began_s)

        return functools.partial(answer, self)

    @answers_errors
    async def _query_batch(self, data: bytes, context: Any) -> bytes:
        batch = read_batch(data, pb.QueryBatchRequest)
        self._tell_lag(context)
        return await self.answer_batch(batch, self._time_left(context))

    async def answer_batch(self, batch: QueryBatch, timeout_s: float) -> bytes:
        """A serialized QueryBatchResponse (or QueryStreamResponse: they are alike)."""
        queries, as_json, max_wait_s = batch
        parts: list[bytes] = []
        size = 0
        now = asyncio.get_running_loop().time
        began_s = self._now_s()
        # One query whose position never comes must leave time to send the others' answers.
        wait_s = timeout_s * _WAITING_SHARE
        give_up_at = now() + (wait_s if max_wait_s is None else min(wait_s, max_wait_s))
        pause_at = now() + _STRETCH_S
        for query in queries:
            if now() >= pause_at:
                await asyncio.sleep(0)
                pause_at = now() + _STRETCH_S
            try:
                if size > _LARGEST_BATCH:
                    raise Overloaded("the answers of this batch are too large together")
                question = self._answers.question_in(query)
                await self._reach(question, max(0.0, give_up_at - now()))
                token = self._progress.token()
                reply = self._answers.answer(question, token, as_json)
                parts += write_result(reply, token.encode())
                size += len(reply)
            except (FlightmeshError, TimeoutError) as error:
                position = self._progress.token().encode()
                parts += write_result(status_of(error).SerializeToString(), position, failed=True)
                self._counters.batched_failed += 1
        self._counters.batched += len(queries)
        self._counters.seconds["QueryBatch"].observe(self._now_s() - began_s)
        return b"".join(parts)

    async def _reach(self, question: Question, timeout_s: float) -> None:
        """Waits until the models are where the question wants them, and settles them."""
        if not self._ready.is_set():
            raise Unavailable("this read node is still catching up")
        if question.min_position is not None:
            await self._progress.reach(question.min_position, timeout_s)
        self._projection.settle()

    def _tell_lag(self, context: Any) -> None:
        if self._lag.lagging:
            context.set_trailing_metadata(((LAG_KEY, str(round(self._lag.lag_s * 1000))),))

    def _time_left(self, context: Any) -> float:
        left = context.time_remaining()
        return self._max_wait_s if left is None else min(left, self._max_wait_s)
