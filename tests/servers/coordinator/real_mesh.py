"""Coordinators and shard nodes of one test process over a real etcd and a real Cassandra.

Each has a connection to etcd and channels of its own, as its process would have; the connection to
Cassandra, which takes long to make, they share. What is killed here ends like a process: its
connections break, nothing is said, its registration stays until its lease ends.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, final

from coordinator.bootstrap import build_coordinator, grpc_client_factory
from coordinator.config import CoordinatorConfig
from coordinator.coordinator import Coordinator
from flightmesh import ids
from flightmesh.api.schedule.v1 import commands_pb2 as commands
from flightmesh.api.shard.v1 import command_service_pb2 as service
from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.event_bus.memory import InMemoryEventBus
from flightmesh.journal.cassandra import CassandraStore
from flightmesh.registry.etcd import EtcdRegistry
from flightmesh.routing.channel_cache import ChannelCache
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.followers import follow_registry, read_map
from flightmesh.routing.node_client import GrpcNodeClient
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.rpc.server import GrpcServer
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import ShardMap, ShardState
from shard_node.bootstrap import ShardNodeService, build_shard_node
from shard_node.config import ShardNodeConfig
from shard_node.slot import SlotStatus

SCHEDULE = "failover"


class Routing:
    """One process's own registry connection, copy of the map, channels and router."""

    def __init__(self, mesh: "RealMesh", name: str) -> None:
        self.clock = mesh.clock
        self.registry = mesh.make_registry()
        self.tasks = TaskOwner(name)
        self.map = ShardMapCache()
        self.channels = ChannelCache(self.tasks)
        self.router = CommandRouter(
            self.map,
            lambda address: GrpcNodeClient(partial(self.channels.get, address)),
            clock=self.clock,
            randomness=mesh.randomness,
            tasks=self.tasks,
        )
        self.tasks.start(follow_registry(self.map, self.registry, self.clock), "map")

    async def stop(self) -> None:
        await self.tasks.stop()
        await self.channels.close()
        await self.registry.close()


class RealShardNode:
    """A shard node with its own server and routing."""

    def __init__(self, mesh: "RealMesh", name: str) -> None:
        self._mesh = mesh
        self.name = name
        self.up = False
        self.service: ShardNodeService
        self.routing: Routing

    async def start(self) -> None:
        mesh = self._mesh
        self.routing = Routing(mesh, self.name)
        self.server = GrpcServer("127.0.0.1:0")
        self.server.bind()
        self.service = build_shard_node(
            ShardNodeConfig(self.name, self.server.address, pid=1),
            mesh.store,
            InMemoryEventBus(),
            self.routing.registry,
            clock=mesh.clock,
            randomness=mesh.randomness,
            shard_map=self.routing.map,
            router=self.routing.router,
        )
        self.service.register(self.server.grpc_server)
        await self.server.start()
        await self.service.start()
        self.up = True

    @property
    def session(self) -> int:
        return self.service.node.session.id

    @property
    def served(self) -> dict[int, int]:
        """Shard → epoch of what takes commands now."""
        if not self.up:
            return {}
        slots = self.service.node.session.ownership.slots.values()
        return {slot.shard: slot.epoch for slot in slots if slot.status is SlotStatus.ACTIVE}

    async def kill(self) -> None:
        """Ends without a word."""
        self.up = False
        await self.server.stop(0)
        node = self.service.node
        session = node._session
        await node._tasks.stop()
        if session is not None:
            await session._tasks.stop()
            await session._parked.stop()
        await self.routing.stop()

    async def stop(self) -> None:
        """Ends in order."""
        self.up = False
        await self.server.stop(0)
        await self.service.stop()
        await self.routing.stop()


class RealCoordinator:
    """A coordinator with its own registry."""

    def __init__(self, mesh: "RealMesh", name: str) -> None:
        self._mesh = mesh
        self.name = name
        self.up = False
        self.coordinator: Coordinator

    async def start(self) -> None:
        mesh = self._mesh
        self.tasks = TaskOwner(self.name)
        self.channels = ChannelCache(self.tasks)
        self.registry = mesh.make_registry()
        self.coordinator = await build_coordinator(
            CoordinatorConfig(self.name, f"{self.name}:1", mesh.shard_count),
            registry=self.registry,
            journal=mesh.store.journal,
            claims=mesh.store.claims,
            clock=mesh.clock,
            client_factory=grpc_client_factory(self.channels.get),
        )
        self.coordinator.start()
        self.up = True

    async def kill(self) -> None:
        """Ends without giving up its leadership."""
        self.up = False
        await self.coordinator._tasks.stop()
        await self._close()

    async def stop(self) -> None:
        self.up = False
        await self.coordinator.stop()
        await self._close()

    async def _close(self) -> None:
        await self.tasks.stop()
        await self.channels.close()
        await self.registry.close()


@final
class RealMesh:
    """Everything a test of the coordinator on real servers needs.

    Args:
        store: an empty ledger store.
        make_registry: a connection to the etcd of the test, in a namespace of its own.
        shard_count: number of shards.
    """

    def __init__(
        self,
        store: CassandraStore,
        make_registry: Callable[[], EtcdRegistry],
        shard_count: int = 16,
    ) -> None:
        self.store = store
        self.make_registry = make_registry
        self.shard_count = shard_count
        self.clock = SystemClock()
        self.randomness = SystemRandomness()
        self.nodes: dict[str, RealShardNode] = {}
        self.coordinators: dict[str, RealCoordinator] = {}
        self.client = Routing(self, "client")

    async def node(self, name: str) -> RealShardNode:
        node = self.nodes[name] = RealShardNode(self, name)
        await node.start()
        return node

    async def coordinator(self, name: str = "c1") -> RealCoordinator:
        coordinator = self.coordinators[name] = RealCoordinator(self, name)
        await coordinator.start()
        return coordinator

    @property
    def leader(self) -> RealCoordinator | None:
        """The coordinator that leads by its own account."""
        for each in self.coordinators.values():
            if each.up and each.coordinator.leader is not None:
                return each
        return None

    async def map(self) -> ShardMap:
        shard_map = await read_map(self.client.registry)
        assert shard_map is not None
        return shard_map

    def is_served(self) -> bool:
        """Whether every shard takes commands at the node that this client's map names."""
        served = {node.session: node.served for node in self.nodes.values() if node.up}
        rows = self.client.map.map.assignments
        return len(rows) == self.shard_count and all(
            row.state is ShardState.ACTIVE
            and served.get(row.session, {}).get(row.shard) == row.epoch
            for row in rows
        )

    async def until(self, question: Callable[[], bool | Awaitable[bool]], limit_s: float) -> None:
        """Waits until a question is answered with yes."""
        async with asyncio.timeout(limit_s):
            while True:
                with suppress(Exception):
                    answer = question()
                    if answer is True or (not isinstance(answer, bool) and await answer):
                        return
                await asyncio.sleep(0.02)

    async def until_served(self, limit_s: float = 30.0) -> None:
        await self.until(self.is_served, limit_s)

    # --- commands -----------------------------------------------------------------------------

    def an_airplane(self, shard: int) -> str:
        """A new id of that shard."""
        while True:
            candidate = str(uuid.uuid4())
            if ids.shard_of(candidate, self.shard_count) == shard:
                return candidate

    def home_of_the_schedule(self) -> int:
        """The shard of the schedule itself."""
        return ids.shard_of(ids.schedule_aggregate_id(SCHEDULE), self.shard_count)

    async def create_schedule(self) -> None:
        request = service.ExecuteRequest(
            schedule=SCHEDULE, create_schedule=commands.CreateSchedule(title="failover")
        )
        await self.client.router.execute(request, 30.0)

    async def command(self, shard: int, limit_s: float = 30.0) -> Any:
        """A command to a new aggregate of that shard, tried again until it is acknowledged."""
        registration = uuid.uuid4().hex[:6].upper()
        request = service.ExecuteRequest(
            schedule=SCHEDULE,
            aggregate_id=self.an_airplane(shard),
            register_airplane=commands.RegisterAirplane(registration=registration),
        )
        return await self.client.router.execute(request, limit_s)

    async def commands_to_all(self, limit_s: float = 30.0) -> None:
        """One command to each shard."""
        async with asyncio.TaskGroup() as group:
            for shard in range(self.shard_count):
                group.create_task(self.command(shard, limit_s))

    async def stop(self) -> None:
        for each in (*self.coordinators.values(), *self.nodes.values()):
            if each.up:
                await each.stop()
        await self.client.stop()
