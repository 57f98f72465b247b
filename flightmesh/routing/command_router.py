"""Takes commands to the owners of their shards and does not give up before the deadline.

Whatever happens on the way (wrong owner, moving shard, fenced session, full queue, broken
connection), the same command id is sent again, so a command takes effect once at most. Commands of
one aggregate in one call are sent in the caller's order: those of one shard go to one node in one
batch after another, and a repeat keeps the order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, final

from google.protobuf.message import Message

from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.clock import Clock, Randomness
from flightmesh.errors import (
    FlightmeshError,
    NotOwner,
    Refused,
    RetryableError,
    ShardMoving,
    Unavailable,
)
from flightmesh.routing.backoff import Backoff
from flightmesh.routing.coalescer import Coalescer
from flightmesh.routing.command_batch import CommandBatch
from flightmesh.routing.command_shard import aggregate_of, fill_command_id
from flightmesh.routing.metrics import RoutingCounters
from flightmesh.routing.node_client import NodeClient
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.rpc.errors import error_of, status_of
from flightmesh.runtime.tasks import TaskOwner

T = TypeVar("T")

_MAX_TARGETS = 256
_BACKOFF = Backoff()
# Attempts that follow one upon another where there is hope: 0.16 s apart at most, on average.
_SOON = 3


@dataclass(frozen=True, slots=True)
class RouterLimits:
    """Bounds of a CommandRouter.

    Attributes:
        max_batch: commands in one call to a node.
        max_in_flight: coalesced calls under way to one node.
        max_queued: single commands waiting for one node.
        attempt_timeout_s: how long one call may take before it is repeated.
    """

    max_batch: int = 500
    max_in_flight: int = 2
    max_queued: int = 20_000
    attempt_timeout_s: float = 10.0


# A command under way with the monotonic time at which its caller stops waiting.
_Timed = tuple[pb.ExecuteRequest, float]


@final
class CommandRouter:
    """Routes commands and questions about single aggregates.

    Args:
        shard_map: where the owners are; somebody else keeps it up to date.
        connect: gives the client of the node at host:port.
        clock: time of deadlines and command ids.
        randomness: for command ids and jitter.
        tasks: owns the sending of coalesced batches.
        limits: bounds.
        backoff: waits between attempts.
        counters: where repeats are counted; its own if None.
    """

    def __init__(
        self,
        shard_map: ShardMapCache,
        connect: Callable[[str], NodeClient],
        *,
        clock: Clock,
        randomness: Randomness,
        tasks: TaskOwner,
        limits: RouterLimits = RouterLimits(),
        backoff: Backoff = _BACKOFF,
        counters: RoutingCounters | None = None,
    ) -> None:
        self._map = shard_map
        self._connect = connect
        self._clock = clock
        self._randomness = randomness
        self._tasks = tasks
        self._limits = limits
        self._backoff = backoff
        self._counters = RoutingCounters() if counters is None else counters
        self._clients: dict[str, NodeClient] = {}
        self._coalescers: dict[str, Coalescer[_Timed, pb.ExecuteResult]] = {}

    async def execute(self, request: pb.ExecuteRequest, timeout_s: float) -> pb.ExecuteResponse:
        """Executes one command, joined with others that are under way to the same node.

        An empty command id is filled in, in the request itself.

        Raises:
            Unavailable: no answer before the deadline; the command may take effect all the same.
            FlightmeshError: the command was refused.
        """
        deadline = self._clock.monotonic_s() + timeout_s
        if not request.command_id:
            fill_command_id(request, self._clock, self._randomness)
        aggregate_id = request.aggregate_id or aggregate_of(request)
        version = self._map.version
        try:
            return await self._execute_once(aggregate_id, request, deadline)
        except RetryableError as error:
            return await self._retry(
                lambda: self._execute_once(aggregate_id, request, deadline),
                error,
                version,
                deadline,
            )

    async def call(self, aggregate_id: str, method: str, request: Message, timeout_s: float) -> Any:
        """Asks the aggregate's owner the AggregateService question of that name.

        Raises:
            Unavailable: no answer before the deadline.
            FlightmeshError: the question was refused.
        """
        deadline = self._clock.monotonic_s() + timeout_s

        async def ask() -> Any:
            client = self._client(self._address_of(aggregate_id))
            remaining = deadline - self._clock.monotonic_s()
            return await client.ask_aggregate(method, request, remaining)

        version = self._map.version
        try:
            return await ask()
        except RetryableError as error:
            return await self._retry(ask, error, version, deadline)

    async def execute_many(
        self, requests: Sequence[pb.ExecuteRequest], timeout_s: float
    ) -> list[pb.ExecuteResult]:
        """Executes many commands; one result per request, in their order. Raises nothing.

        Empty command ids are filled in, in the requests themselves.
        """
        many = CommandBatch(requests)
        deadline = self._clock.monotonic_s() + timeout_s
        attempt = 0
        while not await self._knows_map(deadline):
            return many.results_or(Unavailable("the shard map is not known yet"))
        self._find_shards(many)
        while many.pending:
            version = self._map.version
            await self._attempt(many, deadline)
            if not many.pending:
                break
            if not await self._pause(many.error, attempt, version, deadline):
                self._counters.commands_given_up += len(many.pending)
                break
            self._counters.commands_repeated += len(many.pending)
            attempt += 1
        return many.results_or(_gave_up(many.error))

    async def _execute_once(
        self, aggregate_id: str, request: pb.ExecuteRequest, deadline: float
    ) -> pb.ExecuteResponse:
        coalescer = self._coalescer(self._address_of(aggregate_id))
        result = await coalescer.submit((request, deadline), deadline)
        if result.HasField("response"):
            return result.response
        raise error_of(result.error)

    async def _retry(
        self,
        ask: Callable[[], Awaitable[T]],
        error: RetryableError,
        version: int,
        deadline: float,
    ) -> T:
        """Asks again after an error; `version` is the map's from before the first time."""
        attempt = 0
        while await self._pause(error, attempt, version, deadline):
            attempt += 1
            self._counters.commands_repeated += 1
            version = self._map.version
            try:
                return await ask()
            except RetryableError as retryable:
                error = retryable
        self._counters.commands_given_up += 1
        raise _gave_up(error)

    def _address_of(self, aggregate_id: str) -> str:
        shard = self._map.shard_of(aggregate_id)
        row = self._map.assignment(shard)
        if not row.address:
            raise ShardMoving(shard, row.epoch)
        return row.address

    async def _knows_map(self, deadline: float) -> bool:
        while not self._map.shard_count:
            remaining = deadline - self._clock.monotonic_s()
            if remaining <= 0 or not await self._map.wait_change(self._map.version, remaining):
                return False
        return True

    def _find_shards(self, many: CommandBatch) -> None:
        pending = []
        for index in many.pending:
            request = many.requests[index]
            if not request.command_id:
                fill_command_id(request, self._clock, self._randomness)
            try:
                many.shards[index] = self._map.shard_of(
                    request.aggregate_id or aggregate_of(request)
                )
                pending.append(index)
            except FlightmeshError as error:
                many.results[index] = pb.ExecuteResult(error=status_of(error))
        many.pending = pending

    async def _attempt(self, many: CommandBatch, deadline: float) -> None:
        rows = self._map.map.assignments
        groups: dict[str, list[int]] = {}
        for index in many.pending:
            groups.setdefault(rows[many.shards[index]].address, []).append(index)
        unowned = groups.pop("", [])
        if unowned:
            shard = many.shards[unowned[0]]
            many.error = ShardMoving(shard, rows[shard].epoch)
        if len(groups) == 1:
            address, group = groups.popitem()
            await self._send_group(many, address, group, deadline)
        else:
            async with asyncio.TaskGroup() as sending:
                for address, group in groups.items():
                    sending.create_task(self._send_group(many, address, group, deadline))
        many.keep_unanswered()

    async def _send_group(
        self, many: CommandBatch, address: str, group: list[int], deadline: float
    ) -> None:
        step = self._limits.max_batch
        client = self._client(address)
        for start in range(0, len(group), step):
            chunk = group[start : start + step]
            chunk_requests = [many.requests[index] for index in chunk]
            try:
                results = await self._send(client, chunk_requests, deadline)
            except RetryableError as error:
                many.error = error
                return
            except FlightmeshError as error:
                results = [pb.ExecuteResult(error=status_of(error))] * len(chunk)
            if many.take(chunk, results, self._learn):
                # What follows in this group may be of the same aggregate: keep the order.
                return

    async def _send(
        self, client: NodeClient, requests: Sequence[pb.ExecuteRequest], deadline: float
    ) -> Sequence[pb.ExecuteResult]:
        remaining = deadline - self._clock.monotonic_s()
        if remaining <= 0:
            raise Unavailable("the deadline passed")
        timeout_s = min(remaining, self._limits.attempt_timeout_s)
        try:
            return await client.execute_batch(requests, timeout_s)
        except Refused as error:
            # A batch may be too large for the server although each of its commands is not.
            if error.reason != "TOO_LARGE":
                raise
            if len(requests) == 1:
                # Its own answer, and not that of those who were sent with it.
                return [pb.ExecuteResult(error=status_of(error))]
        half = len(requests) // 2
        first = await self._send(client, requests[:half], deadline)
        again = next((result for result in first if _is_to_be_repeated(result)), None)
        if again is not None:
            # What follows may be of the same aggregate: it must not come before that.
            return [*first, *[again] * (len(requests) - half)]
        return [*first, *await self._send(client, requests[half:], deadline)]

    async def _send_coalesced(
        self, address: str, batch: Sequence[_Timed]
    ) -> Sequence[pb.ExecuteResult]:
        deadline = max(timed[1] for timed in batch)
        return await self._send(self._client(address), [timed[0] for timed in batch], deadline)

    async def _pause(
        self, error: RetryableError | None, attempt: int, version: int, deadline: float
    ) -> bool:
        """Waits for a better moment; False if the deadline comes first."""
        learned = error is not None and self._learn(error)
        moved = learned or self._map.version > version
        if moved and attempt < _SOON:
            return True
        # A new owner, or one that answers and will serve in a moment, is worth asking soon, however
        # long the one before it was asked in vain.
        soon = moved or isinstance(error, ShardMoving)
        delay = self._backoff.delay_s(min(attempt, _SOON) if soon else attempt, self._randomness)
        if self._clock.monotonic_s() + delay >= deadline:
            return False
        await self._map.wait_change(self._map.version, delay)
        return True

    def _learn(self, error: RetryableError) -> bool:
        return isinstance(error, NotOwner) and self._map.learn(error)

    def _client(self, address: str) -> NodeClient:
        client = self._clients.get(address)
        if client is None:
            _bound(self._clients)
            client = self._clients[address] = self._connect(address)
        return client

    def _coalescer(self, address: str) -> Coalescer[_Timed, pb.ExecuteResult]:
        coalescer = self._coalescers.get(address)
        if coalescer is None:
            _bound(self._coalescers)

            async def send(batch: Sequence[_Timed]) -> Sequence[pb.ExecuteResult]:
                return await self._send_coalesced(address, batch)

            coalescer = self._coalescers[address] = Coalescer(
                send,
                self._tasks,
                self._clock,
                max_in_flight=self._limits.max_in_flight,
                max_batch=self._limits.max_batch,
                max_queued=self._limits.max_queued,
            )
        return coalescer


def _gave_up(error: RetryableError | None) -> Unavailable:
    why = f": {error.message}" if error else ""
    gave_up = Unavailable(f"no answer before the deadline; retry with the same command id{why}")
    gave_up.retry_after_s = max(1.0, error.retry_after_s if error else 0.0)
    return gave_up


def _is_to_be_repeated(result: pb.ExecuteResult) -> bool:
    return result.HasField("error") and isinstance(error_of(result.error), RetryableError)


def _bound(cache: dict[str, Any]) -> None:
    # Addresses come and go with restarts; an entry that is dropped is built again at need.
    if len(cache) >= _MAX_TARGETS:
        del cache[next(iter(cache))]
