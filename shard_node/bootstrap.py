"""Wires a shard node: the only place that chooses its parts."""

from collections.abc import Callable
from functools import partial
from typing import Protocol, final

import grpc

from flightmesh.clock import Clock, Randomness
from flightmesh.codec.events import EventCodec
from flightmesh.domain.schedule import ScheduleState
from flightmesh.event_bus import EventBus
from flightmesh.journal import AggregateIndex, Claims, Journal, Snapshots
from flightmesh.ledger.birth import give_birth
from flightmesh.ledger.writer import DEFAULT_BOUNDS, SegmentBounds
from flightmesh.registry import Registry
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.rpc.streams import OpenStreams
from flightmesh.runtime.process_metrics import ProcessMetrics
from flightmesh.schedule_model import ScheduleModel
from shard_node import metrics as own_metrics
from shard_node.config import ShardNodeConfig
from shard_node.counters import ShardNodeCounters
from shard_node.grpc_service import CommandService, register
from shard_node.handlers import Handlers
from shard_node.node import ShardNode
from shard_node.session import SessionPorts
from shard_node.translate import RouterForwarder, ScheduleReplies


class StorePorts(Protocol):
    """The parts of the ledger store; the stores of flightmesh.journal have these attributes."""

    @property
    def journal(self) -> Journal:
        """The ledgers."""

    @property
    def claims(self) -> Claims:
        """Who owns which shard."""

    @property
    def index(self) -> AggregateIndex:
        """The aggregate index."""

    @property
    def snapshots(self) -> Snapshots:
        """Saved states."""


@final
class ShardNodeService:
    """A shard node with its gRPC services.

    Attributes:
        node: the node itself.
        handlers: its commands and questions, for callers in the same process.
    """

    def __init__(
        self, node: ShardNode, handlers: Handlers, codec: EventCodec, clock: Clock
    ) -> None:
        self.node = node
        self.handlers = handlers
        self._codec = codec
        self._clock = clock
        self._services: list[CommandService] = []

    def register(self, server: grpc.aio.Server, streams: OpenStreams | None = None) -> None:
        """Adds CommandService, AggregateService and ShardControlService to a server.

        Args:
            server: the server.
            streams: the server's, which end with it.
        """
        own = streams or OpenStreams()
        self._services.append(register(server, own, self.handlers, self._codec, self._clock))

    async def start(self, address: str = "") -> None:
        """Begins a session and registers; address is host:port if it is only known now."""
        await self.node.start(address)

    async def drain(
        self, timeout_s: float | None = None, possible: Callable[[], bool] = lambda: True
    ) -> bool:
        """Asks to be relieved of all shards; whether that was done. See ShardNode.drain."""
        return await self.node.drain(timeout_s, possible)

    async def stop(self) -> None:
        """Ends in order; stop the gRPC server first."""
        for service in self._services:
            await service.stop()
        await self.handlers.stop()
        await self.node.stop()


def build_shard_node(
    config: ShardNodeConfig,
    store: StorePorts,
    bus: EventBus,
    registry: Registry,
    *,
    clock: Clock,
    randomness: Randomness,
    shard_map: ShardMapCache,
    router: CommandRouter,
    known_airport: Callable[[str], bool] = lambda _: True,
    codec: EventCodec | None = None,
    metrics: ProcessMetrics | None = None,
) -> ShardNodeService:
    """A shard node for flight schedules, not started.

    Args:
        config: settings.
        store: the ledger store.
        bus: where committed entries are published.
        registry: where the node registers.
        clock: source of time.
        randomness: source of command ids and tokens.
        shard_map: where shards are; somebody else keeps it up to date.
        router: passes commands on.
        known_airport: whether reference data hold an IATA code.
        codec: how events are stored.
        metrics: the process's metrics, to which the node adds its own.
    """
    codec = codec or EventCodec()
    forwarder = RouterForwarder(router)
    counters = ShardNodeCounters()
    ports = SessionPorts(
        journal=store.journal,
        claims=store.claims,
        index=store.index,
        snapshots=store.snapshots,
        bus=bus,
        domain=ScheduleModel(known_airport, codec),
        replies=ScheduleReplies(codec),
        scope_type="schedule",
        exists=_exists,
        ask_scope=forwarder.schedule_state,
        clock=clock,
        counters=counters,
    )
    bounds = SegmentBounds(config.segment_entries, DEFAULT_BOUNDS.bytes)
    node = ShardNode(
        config,
        ports,
        lambda: give_birth(
            store.journal,
            config.name,
            clock,
            randomness,
            bounds=bounds,
            statistics=counters.writer,
        ),
        registry,
        shard_map.shard_of,
    )
    handlers = Handlers(node, shard_map, forwarder, clock, randomness)
    if metrics is not None:
        metrics.add(
            config.name, own_metrics.DEFINITIONS, partial(own_metrics.samples, handlers, clock)
        )
    return ShardNodeService(node, handlers, codec, clock)


def _exists(state: ScheduleState) -> bool:
    return state.exists
