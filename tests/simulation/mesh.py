"""The real services on simulated processes, with a gateway and clients."""

import asyncio
from collections.abc import Awaitable, Callable

from coordinator.bootstrap import build_coordinator
from coordinator.config import CoordinatorConfig
from coordinator.coordinator import Coordinator
from coordinator.translate import GrpcShardNodeClient
from flightmesh.errors import FlightmeshError
from flightmesh.journal import SegmentState
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.followers import follow_registry
from flightmesh.routing.node_client import GrpcNodeClient
from flightmesh.routing.node_directory import NodeDirectory, follow_nodes_in_registry
from flightmesh.routing.query_router import QueryRouter
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import (
    NodeRole,
    ShardState,
    decode_assignment,
    decode_registration,
)
from flightmesh.testing.simulation.bus import SimulatedBus
from flightmesh.testing.simulation.chance import Bits
from flightmesh.testing.simulation.chronicle import Chronicle, told
from flightmesh.testing.simulation.loop import Process, SimulatedClock, VirtualLoop
from flightmesh.testing.simulation.network import Network, SimulatedServer
from flightmesh.testing.simulation.registry import RegistryAccess, RegistryCluster
from flightmesh.testing.simulation.store import StoreAccess, StoreTrouble, Trap
from read_node.bootstrap import ReadNode, build_read_node
from read_node.config import ReadNodeConfig
from shard_node.bootstrap import ShardNodeService, build_shard_node
from shard_node.config import ShardNodeConfig
from shard_node.slot import SlotStatus
from tests.simulation import plan
from tests.simulation.gateway import build_app, http_handler
from tests.simulation.observer import Observer

SHARDS = 8


class Routing:
    """What a process routes with: its own copy of the map, its own router."""

    def __init__(self, mesh: "Mesh", process: Process) -> None:
        self.clock = SimulatedClock(mesh.loop, process)
        self.registry = mesh.registry_of(process)
        self.bits = mesh.bits(process.name, "routing", mesh.starts)
        self.tasks = TaskOwner(process.name)
        self.map = ShardMapCache()
        self.tasks.start(follow_registry(self.map, self.registry, self.clock), "map")
        self._mesh = mesh
        self._clients: dict[str, GrpcNodeClient] = {}
        self.router = CommandRouter(
            self.map, self.client, clock=self.clock, randomness=self.bits, tasks=self.tasks
        )

    def client(self, address: str) -> GrpcNodeClient:
        client = self._clients.get(address)
        if client is None:
            channel = self._mesh.network.channel(address)
            client = self._clients[address] = GrpcNodeClient(lambda: channel)
        return client


class Host:
    """A machine: the process that runs on it now, and how to start one."""

    def __init__(self, mesh: "Mesh", name: str, boot: Callable[["Host"], Awaitable[None]]) -> None:
        self.name = name
        self._mesh = mesh
        self._boot = boot
        self.process: Process = None  # type: ignore[assignment]
        self.node: ShardNodeService | None = None
        self.coordinator: Coordinator | None = None
        self.reader: ReadNode | None = None
        self.routing: Routing | None = None

    @property
    def up(self) -> bool:
        return self.process is not None and self.process.alive

    def start(self) -> None:
        """Starts a process, unless one is there."""
        if self.up:
            return
        mesh = self._mesh
        mesh.starts += 1
        self.node = self.coordinator = self.reader = self.routing = None
        self.process = Process(mesh.loop, self.name)
        mesh.chronicle.tell(self.name, "starts")
        self.process.spawn(self._boot(self), f"{self.name}/boot")

    def crash(self) -> None:
        """Ends the process without a word."""
        if self.up:
            self._mesh.chronicle.tell(self.name, "crashes")
            self.process.crash()


class Mesh:
    """Everything of one run.

    Args:
        seed: decides all.
        tells: whether to keep a trace.
    """

    def __init__(self, seed: int, *, tells: bool = False) -> None:
        self.seed = seed
        self.loop = VirtualLoop()
        self.starts = 0
        self.chronicle = Chronicle(self.loop.time, tells=tells)
        self.loop.on_error = self._on_error
        self.loop.on_end = self.chronicle.close
        self.network = Network(self.loop, self.bits("network"), self.chronicle)
        self.store = Observer(self.chronicle)
        self.trouble: dict[object, StoreTrouble] = {}
        self.traps: dict[object, Trap] = {}
        self.clock = SimulatedClock(self.loop, self.loop.environment)
        self.registry = RegistryCluster(self.clock, self.store.see_registry)
        self.bus = SimulatedBus(self.loop, self.network, self.bits("bus"), self.chronicle)
        self.hosts = {name: Host(self, name, self._boot_coordinator) for name in plan.COORDINATORS}
        for name in (*plan.SHARD_NODES, plan.LATE_NODE):
            self.hosts[name] = Host(self, name, self._boot_shard_node)
        self.hosts[plan.READ_NODE] = Host(self, plan.READ_NODE, self._boot_read_node)
        self.hosts[plan.GATEWAY] = Host(self, plan.GATEWAY, self._boot_gateway)
        for name in plan.CLIENTS:
            self.hosts[name] = Host(self, name, self._boot_client)

    def bits(self, *names: object) -> Bits:
        """A source of chance of its own for each name."""
        return Bits(self.seed, *names)

    def _on_error(self, task: str, error: BaseException) -> None:
        self.chronicle.fail(task, told(error))

    # --- processes ----------------------------------------------------------------------------

    def start(self) -> None:
        """Starts all but the node that joins later."""
        for name, host in self.hosts.items():
            if name != plan.LATE_NODE:
                host.start()
        self.loop.environment.spawn(self._expire_leases(), "leases")

    async def _expire_leases(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            self.registry.now.expire_leases()

    def registry_of(self, process: Process) -> RegistryAccess:
        bits = self.bits(process.name, "registry", self.starts)
        return RegistryAccess(self.registry, self.network, process, bits, self.chronicle)

    def store_of(self, process: Process) -> StoreAccess:
        return StoreAccess(
            self.store,
            network=self.network,
            process=process,
            trouble=self.trouble,
            traps=self.traps,
            randomness=self.bits(process.name, "store", self.starts),
            chronicle=self.chronicle,
        )

    async def _boot_coordinator(self, host: Host) -> None:
        process = host.process
        clock, store = SimulatedClock(self.loop, process), self.store_of(process)
        config = CoordinatorConfig(
            host.name, f"{host.name}:1", SHARDS, lease_ttl_s=4.0, tick_s=0.5, release_timeout_s=4.0
        )
        registry = self.registry_of(process)
        while True:
            try:
                coordinator = await build_coordinator(
                    config,
                    registry=registry,
                    journal=store.journal,
                    claims=store.claims,
                    clock=clock,
                    client_factory=lambda a: GrpcShardNodeClient(self.network.channel(a)),
                )
                break
            except FlightmeshError:
                await asyncio.sleep(0.2)  # whoever supervises processes starts it again
        coordinator.start()
        host.coordinator = coordinator

    async def _boot_shard_node(self, host: Host) -> None:
        process = host.process
        routing = Routing(self, process)
        config = ShardNodeConfig(
            host.name,
            f"{host.name}:1",
            entry_commands=4,
            segment_entries=6,
            flush_s=0.5,
            snapshot_every=3,
            max_aggregates=3,
            idle_watermark_entries=6,
            lease_ttl_s=4.0,
            concurrent_loads=4,
        )
        service = build_shard_node(
            config,
            self.store_of(process),
            self.bus,
            routing.registry,
            clock=routing.clock,
            randomness=self.bits(host.name, "node", self.starts),
            shard_map=routing.map,
            router=routing.router,
            known_airport=lambda iata: iata != "XXQ",
        )
        server = SimulatedServer()
        service.register(server)  # type: ignore[arg-type]
        self.network.listen(host.name, server)
        host.routing, host.node = routing, service
        await service.start(f"{host.name}:1")

    async def _boot_read_node(self, host: Host) -> None:
        process = host.process
        reader = build_read_node(
            ReadNodeConfig(host.name, f"{host.name}:1"),
            self.store_of(process).journal,
            self.bus,
            SimulatedClock(self.loop, process),
            lambda error: self.chronicle.fail(host.name, told(error)),
            self.registry_of(process),
        )
        server = SimulatedServer()
        reader.add_to(server)  # type: ignore[arg-type]
        self.network.listen(host.name, server)
        host.reader = reader
        await reader.start()

    async def _boot_gateway(self, host: Host) -> None:
        routing = Routing(self, host.process)
        directory, tasks = NodeDirectory(), routing.tasks
        tasks.start(follow_nodes_in_registry(directory, routing.registry, routing.clock), "nodes")
        queries = QueryRouter(
            lambda: directory.addresses(NodeRole.READ_NODE),
            routing.client,
            clock=routing.clock,
            randomness=routing.bits,
            tasks=tasks,
        )
        channel = self.network.channel(f"{plan.SHARD_NODES[0]}:1")
        server = SimulatedServer()
        app = build_app(routing.router, queries, channel, routing.clock, host.name)
        server.add_generic_rpc_handlers((http_handler(app),))
        self.network.listen(host.name, server)
        host.routing = routing

    async def _boot_client(self, host: Host) -> None:
        host.routing = Routing(self, host.process)

    # --- what is so ---------------------------------------------------------------------------

    @property
    def leader(self) -> Host | None:
        """The host of the coordinator that leads."""
        for name in plan.COORDINATORS:
            host = self.hosts[name]
            if host.up and host.coordinator is not None and host.coordinator.leader is not None:
                return host
        return None

    @property
    def shard_nodes(self) -> list[Host]:
        """The shard nodes that are up."""
        names = (*plan.SHARD_NODES, plan.LATE_NODE)
        return [self.hosts[name] for name in names if self.hosts[name].up]

    async def unserved(self) -> list[str]:
        """Why shards are not served by whom the map names; empty if all are."""
        sessions = {}
        for host in self.shard_nodes:
            session = host.node.node._session if host.node is not None else None
            if session is not None and not session.ended:
                sessions[session.id] = session
        wrong = await self._unfit()
        claims = await self.store.memory.claims.read_claims()
        items = (await self.registry.now.list_prefix("map/")).items
        rows = {row.shard: row for row in (decode_assignment(item.value) for item in items)}
        for shard in range(SHARDS):
            row, claim = rows.get(shard), claims.get(shard)
            session = sessions.get(row.session) if row else None
            slot = session.slot(shard) if session else None
            if row is None or row.state is not ShardState.ACTIVE or session is None:
                wrong.append(f"shard {shard}: map {row}, claim {claim}")
            elif slot is None or slot.status is not SlotStatus.ACTIVE:
                wrong.append(f"shard {shard}: map {row}, slot {slot and slot.status} {claim}")
            elif claim is None or claim.holder != row.session or claim.released:
                wrong.append(f"shard {shard}: map {row}, claim {claim}")
        return wrong

    async def _unfit(self) -> list[str]:
        """Shard nodes that could not take shards: no session, a sealed ledger, not registered."""
        items = (await self.registry.now.list_prefix("nodes/shard_node")).items
        registered = {decode_registration(item.value).session for item in items}
        wrong = []
        for host in self.shard_nodes:
            session = host.node.node._session if host.node is not None else None
            if session is None or session.ended:
                wrong.append(f"{host.name} has no session")
                continue
            if session.id not in registered:
                wrong.append(f"{host.name} has not registered session {session.id}")
            segment = 0
            journal = self.store.memory.journal
            while (row := await journal.read_segment(session.id, segment)) is not None:
                if row.state is SegmentState.SEALED:
                    wrong.append(f"{host.name} goes on with sealed ledger {session.id}")
                segment += 1
        return wrong
