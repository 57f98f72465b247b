"""Builds, starts and stops a read node. Wiring only."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import final

import grpc

from flightmesh.clock import Clock
from flightmesh.event_bus import EventBus
from flightmesh.journal import Journal
from flightmesh.registry import Registry
from flightmesh.rpc.streams import OpenStreams
from flightmesh.runtime.process_metrics import ProcessMetrics
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import NodeRegistration, NodeRole
from read_node import metrics as own_metrics
from read_node.config import ReadNodeConfig
from read_node.counters import QueryCounters
from read_node.follower import Follower
from read_node.grpc_service import QueryServicer
from read_node.projection import Projection
from read_node.snapshots import SnapshotKeeper
from read_node.standing import Standing
from read_node.translate.answers import Answers
from read_node.translate.entries import (
    HANDLERS,
    UNREADABLE,
    decode_entry,
    read_record,
    write_record,
)


@final
class ReadNode:
    """A read node from start to stop.

    Attributes:
        projection: its models.
        follower: what feeds them.
        snapshots: what saves its models; None if they are not saved.
        standing: its registration and lag.
        answers: its replies.
        queries: counts of queries.
        servicer: its gRPC service.
    """

    def __init__(  # noqa: PLR0917 - wiring
        self,
        config: ReadNodeConfig,
        journal: Journal,
        bus: EventBus,
        clock: Clock,
        on_failure: Callable[[BaseException], None] | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._config = config
        self._registry = registry
        self._tasks = TaskOwner(config.name, on_failure)
        self.projection = Projection(HANDLERS, UNREADABLE)
        self.follower = Follower(
            journal,
            bus,
            clock,
            projection=self.projection,
            decode=decode_entry,
            limits=config.follower,
        )
        self.snapshots = self._snapshot_keeper(journal, clock)
        self.standing = Standing(self.follower, config.lag, clock, self._registration)
        self.answers = Answers(self.projection.schedules, config.most_questions)
        self.queries = QueryCounters()
        self.servicer = QueryServicer(
            self.projection,
            self.follower,
            self.answers,
            lag=self.standing.watch,
            counters=self.queries,
            clock=clock,
            max_wait_s=config.max_wait_s,
        )

    @property
    def ready(self) -> bool:
        """Whether it has caught up and may be asked."""
        return self.follower.ready.is_set()

    def add_to(self, server: grpc.aio.Server, streams: OpenStreams | None = None) -> None:
        """Registers the query service with a server that has not started.

        Args:
            server: the server.
            streams: the server's, which end with it.
        """
        server.add_generic_rpc_handlers((self.servicer.handlers(streams or OpenStreams()),))

    async def start(self) -> None:
        """Begins to replay; returns at once. See `wait_ready`."""
        self._tasks.start(self._follow(), "follower")
        if self.snapshots is not None:
            self._tasks.start(self.snapshots.run(), "snapshots")
        self._tasks.start(self.standing.watch_lag(), "lag")
        if self._registry is not None:
            ttl_s = self._config.registration_ttl_s
            registration = self.standing.stay_registered(self._registry, ttl_s)
            self._tasks.start(registration, "registration")

    async def wait_ready(self) -> None:
        """Returns when it has caught up."""
        await self.follower.ready.wait()

    async def stop(self) -> None:
        """Ends all tasks and saves the model. Idempotent."""
        was_ready = self.ready
        self.follower.ready.clear()
        try:
            await self._tasks.stop()
        finally:
            await self.standing.give_up()
            if self.snapshots is not None:
                if was_ready:
                    await self.snapshots.save()
                await self.snapshots.close()

    async def _follow(self) -> None:
        if self.snapshots is not None:
            await self.snapshots.load()
        await self.follower.run()

    def _snapshot_keeper(self, journal: Journal, clock: Clock) -> SnapshotKeeper | None:
        plan = self._config.snapshots
        if plan is None:
            return None
        return SnapshotKeeper(
            plan,
            journal,
            clock,
            follower=self.follower,
            projection=self.projection,
            write_record=write_record,
            read_record=read_record,
        )

    def _registration(self, extra: Mapping[str, str]) -> NodeRegistration:
        config = self._config
        return NodeRegistration(
            config.name,
            NodeRole.READ_NODE,
            config.address,
            config.pid,
            extra={**config.extra, **extra},
        )


def build_read_node(  # noqa: PLR0917 - wiring
    config: ReadNodeConfig,
    journal: Journal,
    bus: EventBus,
    clock: Clock,
    on_failure: Callable[[BaseException], None] | None = None,
    registry: Registry | None = None,
    metrics: ProcessMetrics | None = None,
) -> ReadNode:
    """A read node, not started.

    Args:
        config: its settings.
        journal: where the entries are.
        bus: where new ones are told of.
        clock: for silence and pauses.
        on_failure: called once if its model can no longer be trusted; by default `stop` raises.
        registry: where it registers once it has caught up; None if somebody else does that.
        metrics: the process's metrics, to which the node adds its own.
    """
    node = ReadNode(config, journal, bus, clock, on_failure, registry)
    if metrics is not None:
        samples = partial(
            own_metrics.samples,
            node.follower,
            node.projection,
            node.answers,
            queries=node.queries,
            lag=node.standing.watch,
            snapshots=None if node.snapshots is None else node.snapshots.statistics,
        )
        metrics.add(config.name, own_metrics.DEFINITIONS, samples)
    return node
