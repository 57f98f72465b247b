"""Shard nodes in one process without sockets: real store, real sessions, a clock that is driven."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from flightmesh.api.shard.v1 import command_service_pb2
from flightmesh.clock.virtual import SeededRandomness
from flightmesh.codec.commands import Request, address_of
from flightmesh.codec.events import EventCodec
from flightmesh.domain.schedule import ScheduleState
from flightmesh.errors import Unavailable
from flightmesh.event_bus import BusMessage
from flightmesh.ids import AggregateId, CommandId, schedule_aggregate_id, uuid7
from flightmesh.journal import AggregateIndex, Claims, Journal, Snapshots
from flightmesh.journal.memory import InMemoryStore
from flightmesh.ledger.birth import give_birth
from flightmesh.ledger.sealer import seal_ledger
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.schedule_model import ScheduleModel
from flightmesh.sharding.shard_map import ShardAssignment, ShardMap, ShardState
from shard_node.batch import Result
from shard_node.config import ShardNodeConfig
from shard_node.handlers import Handlers
from shard_node.node import ShardNode
from shard_node.session import SessionPorts
from shard_node.slot import ShardSlot
from shard_node.translate import ScheduleReplies, wants_events

SHARDS = 4


class StepClock:
    """A clock whose sleepers wake when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        return int(self.now_s * 1e6)

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now_s + seconds, wake))
        await wake

    async def advance(self, seconds: float) -> None:
        """Moves on in steps of a tenth of a second; everybody works after each."""
        for _ in range(round(seconds * 10)):
            self.now_s += 0.1
            due = [wake for at, wake in self._sleepers if at <= self.now_s + 1e-6]
            self._sleepers = [s for s in self._sleepers if s[0] > self.now_s + 1e-6]
            for wake in due:
                if not wake.done():
                    wake.set_result(None)
            await idle()


async def idle() -> None:
    """Lets every task run until it waits for something."""
    for _ in range(60):
        await asyncio.sleep(0)


class RecordingBus:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.messages: list[BusMessage] = []

    async def publish(self, message: BusMessage) -> None:
        self.messages.append(message)

    def subscribe(self) -> Any:
        raise NotImplementedError


class Mesh:
    """Nodes over one store, and a test's way to ask them."""

    def __init__(self, store: InMemoryStore | None = None, **settings: Any) -> None:
        self.store = store or InMemoryStore()
        self.journal: Journal = self.store.journal
        self.claims: Claims = self.store.claims
        self.index: AggregateIndex = self.store.index
        self.snapshots: Snapshots = self.store.snapshots
        self.clock = StepClock()
        self.registry = InMemoryRegistry(self.clock)
        self.bus = RecordingBus()
        self.map = ShardMapCache(ShardMap.of(SHARDS, 1, ()))
        self.nodes: list[Handlers] = []
        self.settings = {"flush_s": 1.0, **settings}
        self.unreachable = False
        self._ids = 0
        self._epoch = 0

    def command_id(self) -> CommandId:
        self._ids += 1
        return uuid7(1_700_000_000_000 + self._ids, self._ids)

    async def add_node(self, **settings: Any) -> Handlers:
        name = f"node-{len(self.nodes)}"
        config = ShardNodeConfig(name, name, **{**self.settings, **settings})
        codec = EventCodec()
        ports = SessionPorts(
            journal=self.journal,
            claims=self.claims,
            index=self.index,
            snapshots=self.snapshots,
            bus=self.bus,
            domain=ScheduleModel(lambda iata: iata != "XXQ", codec),
            replies=ScheduleReplies(codec),
            scope_type="schedule",
            exists=lambda state: state.exists,
            ask_scope=self.ask_schedule,
            clock=self.clock,
        )
        randomness = SeededRandomness(len(self.nodes))
        birth = lambda: give_birth(  # noqa: E731
            self.journal, name, self.clock, randomness, statistics=ports.counters.writer
        )
        node = ShardNode(config, ports, birth, self.registry, self.map.shard_of)
        handlers = Handlers(node, self.map, self, self.clock, randomness)
        self.nodes.append(handlers)
        await node.start()
        return handlers

    async def stop(self) -> None:
        for handlers in self.nodes:
            await handlers.stop()
            await handlers.node.stop()

    # --- shards -----------------------------------------------------------------------------

    async def assign(self, handlers: Handlers, *shards: int) -> None:
        """What a coordinator does: new epoch, map, question."""
        self._epoch += 1
        session = handlers.node.session.id
        pairs = [(shard, self._epoch) for shard in shards or range(SHARDS)]
        self.show(handlers, *shards)
        held, blocked = await handlers.node.assign(session, pairs)
        assert (held, blocked) == (pairs, [])
        await idle()

    def show(self, handlers: Handlers, *shards: int) -> None:
        """Puts shards of the node into the map."""
        node = handlers.node
        rows = list(self.map.map.assignments)
        for shard in shards or range(SHARDS):
            rows[shard] = ShardAssignment(
                shard,
                self._epoch,
                node.session.id,
                node.config.name,
                node.config.name,
                ShardState.ACTIVE,
            )
        self.map.replace(ShardMap.of(SHARDS, self.map.map.revision + 1, rows))

    async def release(self, handlers: Handlers, *shards: int) -> list[tuple[int, int]]:
        pairs = [(shard, self._epoch) for shard in shards or range(SHARDS)]
        return await handlers.node.release(handlers.node.session.id, pairs)

    async def seal(self, ledger: int) -> int:
        return await seal_ledger(self.journal, ledger, self.clock)

    # --- requests ---------------------------------------------------------------------------

    def request(self, **fields: Any) -> Request:
        return Request(**{"schedule": "s05", "command_id": self.command_id(), **fields})

    async def send(self, handlers: Handlers, *requests: Request) -> list[Result]:
        return await handlers.submit(requests, wants_events, 5.0).wait()

    async def send_patiently(self, handlers: Handlers, *requests: Request) -> list[Result]:
        """The same for what is held back: time goes on meanwhile."""
        sent = asyncio.ensure_future(self.send(handlers, *requests))
        await idle()
        while not sent.done():
            await self.clock.advance(0.1)
        return sent.result()

    async def create(self, handlers: Handlers, rotations: int = 1) -> list[AggregateId]:
        """A schedule with rotations; their ids."""
        (created,) = await self.send(handlers, self.request(create_schedule={}))
        assert isinstance(created, bytes), created
        requests = [self.request(create_rotation={}) for _ in range(rotations)]
        results = await self.send(handlers, *requests)
        assert all(isinstance(result, bytes) for result in results), results
        return [reply(result).aggregate_id for result in results]

    def add_leg(self, rotation: str, hour: int, **fields: Any) -> Request:
        leg = {
            "carrier": "XX",
            "flight_number": hour + 1,
            "day_of_origin": "2005-06-14",
            "departure_airport": "MRS",
            "arrival_airport": "CDG",
            "departure_time": {"seconds": 1_118_707_200 + hour * 3600},
            "arrival_time": {"seconds": 1_118_707_200 + hour * 3600 + 3000},
        }
        return self.request(aggregate_id=rotation, add_leg={"leg": leg}, **fields)

    def slot_of(self, handlers: Handlers, aggregate_id: str) -> ShardSlot:
        slot = handlers.node.session.slot(self.map.shard_of(aggregate_id))
        assert slot is not None
        return slot

    async def state_of(self, handlers: Handlers, rotation: AggregateId) -> tuple[int, list[int]]:
        """Committed sequence and flight numbers of a rotation."""
        slot = self.slot_of(handlers, rotation)
        cell = await handlers.node.session.committed_state(slot, rotation)
        return cell.sequence, sorted(leg.flight_number for leg in cell.state.order)

    # --- Forwarder --------------------------------------------------------------------------

    def owner_of(self, aggregate_id: str) -> Handlers:
        address = self.map.assignment(self.map.shard_of(aggregate_id)).address
        found = [h for h in self.nodes if h.node.config.address == address]
        if not found or self.unreachable:
            raise Unavailable("no owner")
        return found[0]

    async def execute(self, requests: Sequence[Request], timeout_s: float) -> Sequence[Result]:
        results = []
        for request in requests:
            owner = self.owner_of(address_of(request, self.command_id))
            results += await self.send(owner, request)
        return results

    async def ask(self, aggregate_id: str, method: str, request: Any, timeout_s: float) -> Any:
        raise NotImplementedError

    async def ask_schedule(self, schedule: str, timeout_s: float) -> ScheduleState:
        aggregate_id = schedule_aggregate_id(schedule)
        session = self.owner_of(aggregate_id).node.session
        slot = session.slot(self.map.shard_of(aggregate_id))
        if slot is None:
            raise Unavailable("no owner")
        cell = await session.scope_cell(slot, aggregate_id)
        return cell.state or ScheduleState()


def reply(result: Result) -> Any:
    """A result as its message."""
    assert isinstance(result, bytes), result
    return command_service_pb2.ExecuteResponse.FromString(result)


class Gate:
    """Holds calls of one method of a port until it is opened; passes all else through."""

    def __init__(self, port: Any, method: str) -> None:
        self._port = port
        self._method = method
        self._open = asyncio.Event()
        self._open.set()
        self.waiting = 0

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def __getattr__(self, name: str) -> Any:
        real: Callable[..., Awaitable[Any]] = getattr(self._port, name)
        if name != self._method:
            return real

        async def held(*args: Any) -> Any:
            self.waiting += 1
            await self._open.wait()
            self.waiting -= 1
            return await real(*args)

        return held
