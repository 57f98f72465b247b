"""What every service of a process routes with: map copy, list of nodes, channels, routers."""

from collections.abc import Iterable
from functools import partial
from typing import final

from flightmesh.clock import Clock, Randomness
from flightmesh.registry import Registry
from flightmesh.routing import metrics
from flightmesh.routing.channel_cache import ChannelCache
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.followers import follow_registry
from flightmesh.routing.metrics import RoutingCounters
from flightmesh.routing.node_client import GrpcNodeClient
from flightmesh.routing.node_directory import NodeDirectory, follow_nodes_in_registry
from flightmesh.routing.query_router import PositionTracker, QueryRouter
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.runtime.metrics import Sample
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import NodeRole


@final
class RoutingKit:
    """One process's routing, fed from the registry.

    Attributes:
        shard_map: copy of the shard map.
        nodes: the processes that are known.
        channels: one channel per address.
        counters: repeats of all its routers.
    """

    def __init__(
        self, registry: Registry, clock: Clock, randomness: Randomness, tasks: TaskOwner
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._randomness = randomness
        self._tasks = tasks
        self.shard_map = ShardMapCache()
        self.nodes = NodeDirectory()
        self.channels = ChannelCache(tasks)
        self.counters = RoutingCounters()

    def start(self) -> None:
        """Begins to follow the registry."""
        self._tasks.start(follow_registry(self.shard_map, self._registry, self._clock), "shard-map")
        self._tasks.start(
            follow_nodes_in_registry(self.nodes, self._registry, self._clock), "nodes"
        )

    def commands(self) -> CommandRouter:
        """A router of commands, with queues of its own."""
        return CommandRouter(
            self.shard_map,
            self._client,
            clock=self._clock,
            randomness=self._randomness,
            tasks=self._tasks,
            counters=self.counters,
        )

    def queries(self, positions: PositionTracker | None = None) -> QueryRouter:
        """A router of queries, with queues of its own."""
        return QueryRouter(
            lambda: self.nodes.addresses(NodeRole.READ_NODE),
            self._client,
            clock=self._clock,
            randomness=self._randomness,
            tasks=self._tasks,
            positions=positions,
            lagging=self.nodes.lagging,
            counters=self.counters,
        )

    def samples(self) -> Iterable[Sample]:
        """What its routers, its map and its list of nodes tell Prometheus."""
        return metrics.samples(self.counters, self.nodes, self.shard_map)

    def _client(self, address: str) -> GrpcNodeClient:
        return GrpcNodeClient(partial(self.channels.get, address))
