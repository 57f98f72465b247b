"""The whole mesh in one process: the same services, wired to SQLite and memory.

The services talk over gRPC on loopback, as separate processes would; only the ports differ (ADR 8).
"""

import asyncio
import datetime as dt
import logging
import os
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version as version_of
from typing import Any, final

from coordinator.bootstrap import build_coordinator, grpc_client_factory
from coordinator.config import CoordinatorConfig
from coordinator.coordinator import Coordinator
from coordinator.grpc_service import OperatorServicer
from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as map_services
from flightmesh.api.loading.v1 import loading_service_pb2_grpc as loading_services
from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.event_bus import metrics as bus_metrics
from flightmesh.event_bus.memory import InMemoryEventBus
from flightmesh.journal import Constants
from flightmesh.journal.sqlite import SqliteStore
from flightmesh.ledger.constants import agreed_constants
from flightmesh.loading import reference
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.registry.registration import RegistrationKeeper
from flightmesh.routing import metrics as routing_metrics
from flightmesh.routing.kit import RoutingKit
from flightmesh.routing.query_router import PositionTracker
from flightmesh.routing.shard_map_service import ShardMapServicer
from flightmesh.rpc.server import GrpcServer
from flightmesh.runtime.lifecycle import StopSignal, spare_garbage_collection, stop_quietly
from flightmesh.runtime.process_metrics import ProcessMetrics
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import VERSION, NodeRegistration, NodeRole
from gateway.bootstrap import Gateway, build_gateway
from gateway.config import GatewayConfig
from gateway.loader import Loader
from gateway.loading_service import LoadingService
from gateway.mesh_backend import MeshBackend
from launcher.config import EmbeddedConfig
from launcher.readiness import until_ready
from launcher.sample import load_sample
from read_node.bootstrap import ReadNode, build_read_node
from read_node.config import ReadNodeConfig, store_name
from shard_node.bootstrap import ShardNodeService, build_shard_node
from shard_node.config import ShardNodeConfig

_log = logging.getLogger(__name__)

_GATEWAY = "gateway-1"
_GRACE_S = 1.0
_REGISTRATION_TTL_S = 5.0


async def serve(config: EmbeddedConfig) -> int:
    """Runs the mesh until a signal comes; the exit code."""
    stop = StopSignal()
    stop.install()
    async with AsyncExitStack() as stack:
        mesh = EmbeddedMesh(config, stop)
        await mesh.start(stack)
        if not stop.requested:
            spare_garbage_collection()
            mesh.tell_addresses()
        await stop.wait()
    return 0


@final
class EmbeddedMesh:
    """All services of the mesh, from `start` to the end of its exit stack.

    Args:
        config: settings.
        stop: is told when something fails that the mesh cannot go on without.
    """

    gateway: Gateway

    def __init__(self, config: EmbeddedConfig, stop: StopSignal) -> None:
        self._config = config
        self._stop = stop
        self._clock = SystemClock()
        self._randomness = SystemRandomness()
        self._registry = InMemoryRegistry(self._clock)
        self._bus = InMemoryEventBus()
        self._tasks = TaskOwner("embedded", stop.fail)
        self._kit = RoutingKit(self._registry, self._clock, self._randomness, self._tasks)
        self._metrics = ProcessMetrics(self._clock)
        self._metrics.add(
            "mesh", bus_metrics.DEFINITIONS, partial(bus_metrics.samples_in_memory, self._bus)
        )
        self._metrics.add("mesh", routing_metrics.DEFINITIONS, self._kit.samples)
        self._serving = False
        self.grpc_port = 0

    async def start(self, stack: AsyncExitStack) -> None:
        """Starts everything; each part's stop is pushed on the stack, so they end in reverse.

        Returns early where the process is to stop before all is ready.

        Raises:
            ConfigurationError: a port or the data folder cannot be had, or the store disagrees.
        """
        store = await SqliteStore.open(self._config.data_dir, self._clock)
        stack.push_async_callback(store.close)
        constants = await agreed_constants(store.journal, self._config.shard_count)
        stack.push_async_callback(self._tasks.stop)
        stack.push_async_callback(self._kit.channels.close)
        self._tasks.start(self._registry.run_expiry(), "leases")
        self._tasks.start(self._metrics.watch_event_loop(), "event-loop-lag")
        self._kit.start()
        servers = self._servers()
        nodes = [self._shard_node(store, server, n) for n, server in enumerate(servers)]
        read_node = self._read_node(store, constants, servers[0])
        coordinator = await self._coordinator(store, constants, servers[0])
        loader = self._add_shared_services(servers)
        for node in nodes:
            self._push(stack, "shard node", node.stop)
        self._push(stack, "read node", read_node.stop)
        for server in servers:
            await server.start()
            self._push(stack, "gRPC server", lambda server=server: server.stop(_GRACE_S))
        coordinator.start()
        self._push(stack, "coordinator", coordinator.stop)
        await asyncio.gather(read_node.start(), *(node.start() for node in nodes))
        await self._start_gateway(stack, servers[0])
        await self._until_ready(read_node, nodes, constants.shard_count)
        if self._stop.requested:
            return
        await self._open(stack, servers)
        if self._config.sample:
            await load_sample(loader, store.journal, self._config.data_dir, self._today())

    def tell_addresses(self) -> None:
        """Prints where the mesh answers, and that it does."""
        print(f"gRPC   {self._config.host}:{self.grpc_port}")
        print(f"REST   http://{self.gateway.address}/v1/schedules")
        print(f"page   http://{self.gateway.address}/")
        print("ready", flush=True)

    def _push(self, stack: AsyncExitStack, what: str, stop: Any) -> None:
        stack.push_async_callback(lambda: stop_quietly(what, stop(), self._config.drain_limit_s))

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self._clock.now_us() / 1e6, dt.UTC).date()

    def _servers(self) -> list[GrpcServer]:
        """One server per shard node; the first one listens on the public port."""
        host = self._config.host
        ports = [self._config.grpc_port] + [0] * (self._config.shard_nodes - 1)
        servers = [GrpcServer(f"{host}:{port}") for port in ports]
        for server in servers:
            server.bind()
        self.grpc_port = servers[0].port
        return servers

    def _shard_node(self, store: SqliteStore, server: GrpcServer, number: int) -> ShardNodeService:
        node = build_shard_node(
            ShardNodeConfig(f"shard-{number + 1}", server.address, os.getpid(), extra=_about()),
            store,
            self._bus,
            self._registry,
            clock=self._clock,
            randomness=self._randomness,
            shard_map=self._kit.shard_map,
            router=self._kit.commands(),
            known_airport=reference.known,
            metrics=self._metrics,
        )
        node.register(server.grpc_server, server.streams)
        return node

    def _read_node(self, store: SqliteStore, constants: Constants, server: GrpcServer) -> ReadNode:
        config = ReadNodeConfig(
            "read-1",
            server.address,
            os.getpid(),
            data_dir=str(self._config.data_dir / "read-1"),
            store=store_name("embedded", constants),
            extra=_about(),
        )
        read_node = build_read_node(
            config,
            store.journal,
            self._bus,
            self._clock,
            self._stop.fail,
            self._registry,
            self._metrics,
        )
        read_node.add_to(server.grpc_server, server.streams)
        return read_node

    async def _coordinator(
        self, store: SqliteStore, constants: Constants, server: GrpcServer
    ) -> Coordinator:
        coordinator = await build_coordinator(
            CoordinatorConfig(
                "coordinator-1",
                server.address,
                constants.shard_count,
                pid=os.getpid(),
                extra=_about(),
            ),
            registry=self._registry,
            journal=store.journal,
            claims=store.claims,
            clock=self._clock,
            client_factory=grpc_client_factory(self._kit.channels.get),
            metrics=self._metrics,
            constants=constants,
        )
        servicer = OperatorServicer(coordinator, self._kit.channels.get)
        server.add(map_services.add_OperatorServiceServicer_to_server, servicer)
        return coordinator

    def _add_shared_services(self, servers: list[GrpcServer]) -> Loader:
        """The shard map on every server, loading on the public one."""
        for server in servers:
            server.add(
                map_services.add_ShardMapServiceServicer_to_server,
                ShardMapServicer(
                    self._kit.shard_map, self._registry, self._kit.channels.get, server.streams
                ),
            )
        loader = Loader(
            self._kit.commands(),
            self._kit.queries(PositionTracker()),
            self._clock,
            self._randomness,
        )
        servers[0].add(
            loading_services.add_LoadingServiceServicer_to_server,
            LoadingService(loader, self._clock),
        )
        return loader

    async def _start_gateway(self, stack: AsyncExitStack, server: GrpcServer) -> None:
        channel = partial(self._kit.channels.get, server.address)
        self.gateway = build_gateway(
            GatewayConfig(
                host=self._config.host,
                port=self._config.http_port,
                host_names=self._config.host_names,
            ),
            MeshBackend(self._kit.commands(), self._kit.queries(), channel),
            clock=self._clock,
            randomness=self._randomness,
            is_ready=lambda: self._serving,
            metrics=self._metrics,
            name=_GATEWAY,
        )
        await self.gateway.start()
        self._push(stack, "gateway", self.gateway.stop)
        self._register(NodeRole.GATEWAY, _GATEWAY, self.gateway.address)

    def _register(self, role: NodeRole, name: str, address: str) -> None:
        registration = NodeRegistration(name, role, address, os.getpid(), extra=_about())
        keeper = RegistrationKeeper(
            self._registry, lambda: registration, _REGISTRATION_TTL_S, self._clock
        )
        self._tasks.start(keeper.run(), f"register-{name}")

    async def _until_ready(
        self, read_node: ReadNode, nodes: list[ShardNodeService], shard_count: int
    ) -> None:
        """Waits until every shard is served and the read node has caught up, or for a signal."""

        def served() -> int:
            return sum(each.node.serving for each in nodes)

        def is_ready() -> bool:
            self._stop.check()
            return self._stop.requested or (read_node.ready and served() >= shard_count)

        def progress() -> dict[str, int]:
            entries = read_node.follower.statistics.entries
            return {"entries_read": entries, "shards_served": served()}

        await until_ready(is_ready, progress, self._clock)

    async def _open(self, stack: AsyncExitStack, servers: list[GrpcServer]) -> None:
        """Health says serving from here to the beginning of the stop."""
        self._serving = True
        for server in servers:
            await server.set_serving(True)

        async def close() -> None:
            self._serving = False
            for server in servers:
                await server.set_serving(False)

        stack.push_async_callback(close)


def _about() -> dict[str, str]:
    """What every registration tells besides."""
    return {VERSION: version_of("flightmesh")}
