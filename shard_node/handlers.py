"""Any node takes any command and question: what is its own it answers, the rest it passes on.

At most one pass: a request that was passed on and is not ours either gets a typed NOT_OWNER answer,
and the one who passed it on tries again elsewhere, with the same command id.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, final

from flightmesh.clock import Clock, Randomness, new_command_id
from flightmesh.codec.commands import Request, address_of, envelope_of
from flightmesh.errors import FlightmeshError, InvalidInput, NotOwner, Overloaded, Unavailable
from flightmesh.ids import AggregateId, CommandId
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.runtime.tasks import TaskOwner
from shard_node.batch import Batch, Result
from shard_node.node import ShardNode
from shard_node.session import Session
from shard_node.slot import ShardSlot, SlotStatus, Task

_log = logging.getLogger(__name__)


class Forwarder(Protocol):
    """Passes requests on to their owners; see `shard_node.translate.RouterForwarder`."""

    async def execute(self, requests: Sequence[Request], timeout_s: float) -> Sequence[Result]:
        """One result per request, in order; a serialized ExecuteResponse or an error."""

    async def ask(self, aggregate_id: str, method: str, request: Any, timeout_s: float) -> Any:
        """The owner's answer to an AggregateService question."""


@final
class Handlers:
    """Commands and questions as they come in.

    Args:
        node: the node.
        shard_map: where shards are.
        forwarder: passes on what is not ours.
        clock: for command ids and ages.
        randomness: for command ids.
    """

    def __init__(
        self,
        node: ShardNode,
        shard_map: ShardMapCache,
        forwarder: Forwarder,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self.node = node
        self._map = shard_map
        self._forwarder = forwarder
        self._clock = clock
        self._randomness = randomness
        self._tasks = TaskOwner(f"shard-node-{node.config.name}-forwarding")
        self._passed_on = 0

    @property
    def passed_on(self) -> int:
        """Commands that wait for another node's answer."""
        return self._passed_on

    async def stop(self) -> None:
        """Ends what is being passed on."""
        await self._tasks.stop()

    def _mint(self) -> CommandId:
        return new_command_id(self._clock, self._randomness)

    def _session(self) -> Session | None:
        try:
            return self.node.session
        except Unavailable:
            return None

    # --- commands ---------------------------------------------------------------------------

    def submit(
        self, requests: Sequence[Request], is_full: Callable[[Request], bool], timeout_s: float
    ) -> Batch:
        """Takes commands in their order; the batch gets all results some time.

        Whoever waits for the batch may give up: what was decided is committed all the same.

        Args:
            requests: the commands; ids they lack are filled in.
            is_full: whether the reply to a request tells the events.
            timeout_s: time for those that are passed on.
        """
        batch = Batch(len(requests))
        session, arrived_s = self._session(), self._clock.monotonic_s()
        elsewhere: list[int] = []
        for place, request in enumerate(requests):
            try:
                aggregate_id = address_of(request, self._mint)
                shard = self._map.shard_of(aggregate_id)
                slot = session.slot(shard) if session is not None else None
                if slot is not None and session is not None:
                    envelope = envelope_of(request, aggregate_id)
                    session.take(slot, Task(envelope, batch, place, is_full(request), arrived_s))
                elif request.hops:
                    raise self._not_owner(shard)
                else:
                    elsewhere.append(place)
            except FlightmeshError as error:
                batch.put(place, error)
        if self._passed_on + len(elsewhere) > self.node.config.queued_commands:
            # All of them, so that none overtakes another of its aggregate.
            for place in elsewhere:
                batch.put(place, Overloaded("too many commands are being passed on"))
        elif elsewhere:
            self._tasks.start(self._pass_on(requests, elsewhere, batch, timeout_s), "forward")
            self._passed_on += len(elsewhere)
        return batch

    async def _pass_on(
        self, requests: Sequence[Request], places: Sequence[int], batch: Batch, timeout_s: float
    ) -> None:
        results: Sequence[Result] = ()
        chosen = [_one_hop_on(requests[place]) for place in places]
        try:
            results = await self._forwarder.execute(chosen, timeout_s)
        except Exception as error:
            if not isinstance(error, FlightmeshError):
                _log.exception("commands could not be passed on")
            results = [error] * len(places)
        finally:
            self._passed_on -= len(places)
            for n, place in enumerate(places):
                stopped = Unavailable("the node is stopping")
                batch.put(place, results[n] if n < len(results) else stopped)

    def _not_owner(self, shard: int) -> NotOwner:
        row = self._map.assignment(shard)
        return NotOwner(shard, row.epoch, row.session, row.address)

    # --- questions --------------------------------------------------------------------------

    def own(self, shard: int) -> tuple[Session, ShardSlot]:
        """The session and a shard that is active in it.

        Raises:
            InvalidInput: there is no such shard.
            NotOwner: it is not ours, or not yet, or no longer.
        """
        if not 0 <= shard < self._map.shard_count:
            raise InvalidInput("shard", f"must be below {self._map.shard_count}")
        session = self._session()
        slot = session.slot(shard) if session is not None else None
        if session is None or slot is None or slot.status is not SlotStatus.ACTIVE:
            raise self._not_owner(shard)
        return session, slot

    async def answer(
        self,
        aggregate_id: AggregateId,
        method: str,
        request: Any,
        timeout_s: float,
        here: Callable[[Session, ShardSlot], Awaitable[Any]],
    ) -> Any:
        """Answers a question about an aggregate here, or passes it on to its owner.

        Args:
            aggregate_id: the aggregate.
            method: name of the AggregateService method.
            request: its request; has the field `hops`.
            timeout_s: time for the owner's answer.
            here: answers it from a session and a shard that is active there.

        Raises:
            NotOwner: it was passed on before and is not ours.
            FlightmeshError: what the owner answered.
        """
        shard = self._map.shard_of(aggregate_id)
        session = self._session()
        slot = session.slot(shard) if session is not None else None
        if session is not None and slot is not None:
            if slot.status is SlotStatus.ACTIVE or request.hops:
                return await here(session, slot)
        elif request.hops:
            raise self._not_owner(shard)
        request.hops += 1
        return await self._forwarder.ask(aggregate_id, method, request, timeout_s)


def _one_hop_on(request: Request) -> Request:
    # A copy: the caller may send its own request again.
    passed = Request()
    passed.CopyFrom(request)
    passed.hops += 1
    return passed
