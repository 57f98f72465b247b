"""Takes queries to read nodes: coalesced, spread over them, repeated elsewhere on failure."""

import enum
from collections.abc import Callable, Collection, Sequence
from typing import Final, final

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.clock import Clock, Randomness
from flightmesh.errors import FlightmeshError, RetryableError, Unavailable
from flightmesh.position import Position
from flightmesh.routing.backoff import Backoff
from flightmesh.routing.coalescer import Coalescer
from flightmesh.routing.metrics import RoutingCounters
from flightmesh.routing.node_client import NodeClient
from flightmesh.rpc.errors import error_of
from flightmesh.runtime.tasks import TaskOwner

# How long a read node that failed is asked only if no other is left.
_AVOID_S: Final = 1.0
# The share of a query's time after which a position that has not come is not waited for again.
_WAITING_SHARE: Final = 0.8


class Wait(enum.Enum):
    """How long a batch waits for its queries' positions, in milliseconds; 0 if they name none.

    A batch is answered as a whole, so one query holds up the others. Those without a position are
    not to wait for those with one, and these, whose position comes in some ten milliseconds, not
    for one whose position never comes: from before a restore, or of another mesh.
    """

    NONE = 0
    SHORT = 250
    LONG = 1_000


_Timed = tuple[pb.Query, float]
_Lane = tuple[str, pb.ReplyFormat, Wait]


@final
class PositionTracker:
    """The highest position that a session has seen, so that it never goes back in time."""

    def __init__(self) -> None:
        self._position = Position()
        self._token = ""

    @property
    def token(self) -> str:
        """Token of the highest position seen; empty at first."""
        return self._token

    def observe(self, token: str) -> None:
        """Takes note of a position told by an answer.

        Raises:
            InvalidInput: the text is no position token.
        """
        if token and token != self._token:
            self._position = self._position.merged(Position.parse(token))
            self._token = self._position.token()


@final
class QueryRouter:
    """Routes queries.

    Args:
        addresses: gives the addresses of the read nodes that are known now.
        connect: gives the client of the node at host:port.
        clock: time of deadlines.
        randomness: for jitter.
        tasks: owns the sending of batches.
        positions: where the highest position seen is kept; None to keep none.
        lagging: gives the addresses of those that do not keep up; they are asked only if all lag,
            or if none of the others answers.
        max_in_flight: batches under way to one read node.
        max_batch: queries in one batch.
        counters: where repeats are counted; its own if None.
    """

    def __init__(
        self,
        addresses: Callable[[], Sequence[str]],
        connect: Callable[[str], NodeClient],
        *,
        clock: Clock,
        randomness: Randomness,
        tasks: TaskOwner,
        positions: PositionTracker | None = None,
        lagging: Callable[[], Collection[str]] = tuple,
        max_in_flight: int = 2,
        max_batch: int = 200,
        counters: RoutingCounters | None = None,
    ) -> None:
        self._addresses = addresses
        self._connect = connect
        self._clock = clock
        self._randomness = randomness
        self._tasks = tasks
        self._positions = positions
        self._lagging = lagging
        self._max_in_flight = max_in_flight
        self._max_batch = max_batch
        self._counters = RoutingCounters() if counters is None else counters
        self._backoff = Backoff()
        self._lanes: dict[_Lane, Coalescer[_Timed, pb.QueryResult]] = {}
        self._avoid_until: dict[str, float] = {}
        self._turn = 0

    async def query(
        self,
        query: pb.Query,
        timeout_s: float,
        reply_format: pb.ReplyFormat = pb.REPLY_FORMAT_PROTOBUF,
    ) -> pb.QueryResult:
        """Asks a read node; the result's reply is in the asked encoding.

        With positions kept, a query without min_position gets the highest position seen.

        Raises:
            Unavailable: no read node answered before the deadline.
            FlightmeshError: the query was refused.
        """
        now_s = self._clock.monotonic_s()
        deadline, give_up_s = now_s + timeout_s, now_s + timeout_s * _WAITING_SHARE
        wait = Wait.SHORT if self._carry_position(query) else Wait.NONE
        attempt = 0
        while True:
            try:
                return await self._ask(query, deadline, reply_format, wait)
            except RetryableError as error:
                delay_s = self._backoff.delay_s(attempt, self._randomness)
                if self._clock.monotonic_s() + delay_s >= deadline:
                    self._counters.queries_given_up += 1
                    why = f"no read node has answered before the deadline: {error.message}"
                    raise Unavailable(why) from None
            except FlightmeshError as error:
                if error.reason != "DEADLINE_EXCEEDED" or self._clock.monotonic_s() >= give_up_s:
                    raise
                # Its position has not come yet. That was its pause: it is asked again at once.
                wait = Wait.LONG
                continue
            await self._clock.sleep(delay_s)
            self._counters.queries_repeated += 1
            attempt += 1

    async def _ask(
        self, query: pb.Query, deadline: float, reply_format: pb.ReplyFormat, wait: Wait
    ) -> pb.QueryResult:
        address = self._choose()
        try:
            lane = self._lane((address, reply_format, wait))
            result = await lane.submit((query, deadline), deadline)
            if result.HasField("error"):
                raise error_of(result.error)
        except RetryableError:
            self._avoid_until[address] = self._clock.monotonic_s() + _AVOID_S
            raise
        if self._positions is not None and result.position:
            self._positions.observe(result.position)
        return result

    def _carry_position(self, query: pb.Query) -> bool:
        kind = query.WhichOneof("query")
        if kind is None:
            return False
        request = getattr(query, kind)
        if self._positions is not None and not request.min_position:
            request.min_position = self._positions.token
        return bool(request.min_position)

    def _choose(self) -> str:
        addresses = self._addresses()
        if not addresses:
            raise Unavailable("no read node is known")
        if len(addresses) == 1:
            return addresses[0]
        self._turn += 1
        lagging = self._lagging()
        if lagging or self._avoid_until:
            addresses = self._best_of(addresses, lagging)
        return addresses[self._turn % len(addresses)]

    def _best_of(self, addresses: Sequence[str], lagging: Collection[str]) -> Sequence[str]:
        """Those to be asked now; one that failed a moment ago is worse than one that is late."""
        now = self._clock.monotonic_s()
        self._avoid_until = {a: until for a, until in self._avoid_until.items() if until > now}
        ranks = [(address in self._avoid_until, address in lagging) for address in addresses]
        best = min(ranks)
        return [address for address, rank in zip(addresses, ranks, strict=True) if rank == best]

    def _lane(self, key: _Lane) -> Coalescer[_Timed, pb.QueryResult]:
        lane = self._lanes.get(key)
        if lane is None:
            if len(self._lanes) >= 1024:
                self._lanes.clear()
            client = self._connect(key[0])

            async def send(batch: Sequence[_Timed]) -> Sequence[pb.QueryResult]:
                timeout_s = max(timed[1] for timed in batch) - self._clock.monotonic_s()
                if timeout_s <= 0:
                    raise Unavailable("the deadline passed")
                queries, places = _without_repeats([timed[0] for timed in batch])
                request = pb.QueryBatchRequest(
                    queries=queries, reply_format=key[1], max_wait_ms=key[2].value
                )
                results = await client.query_batch(request, timeout_s)
                return [results[place] for place in places]

            lane = self._lanes[key] = Coalescer(
                send,
                self._tasks,
                self._clock,
                # Batches that wait for different positions must not queue behind one another.
                max_in_flight=self._max_in_flight * (1 if key[2] is Wait.NONE else 4),
                max_batch=self._max_batch,
            )
        return lane


def _without_repeats(queries: Sequence[pb.Query]) -> tuple[list[pb.Query], list[int]]:
    """The different queries, and for each given one the place of its equal among them.

    Many people look at the same page; its answer is large and need travel only once per batch.
    """
    places: dict[bytes, int] = {}
    different: list[pb.Query] = []
    of_each: list[int] = []
    for query in queries:
        key = query.SerializeToString()
        place = places.setdefault(key, len(different))
        if place == len(different):
            different.append(query)
        of_each.append(place)
    return different, of_each
