"""The life of one process: opens what it stands on, starts its service, drains and ends.

Each service's `__main__` gives a `start` function that wires the service to a `Host`; everything
else that the processes have in common is here.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version as version_of
from typing import Any, TypeVar, final

from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as map_services
from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.event_bus import metrics as bus_metrics
from flightmesh.event_bus.jetstream import JetStreamEventBus
from flightmesh.journal.cassandra import CassandraStore
from flightmesh.process import ports
from flightmesh.process.config import ProcessConfig
from flightmesh.process.public_services import ALL, PublicService
from flightmesh.process.relay import Relay
from flightmesh.registry.registration import RegistrationKeeper
from flightmesh.routing import metrics as routing_metrics
from flightmesh.routing.kit import RoutingKit
from flightmesh.routing.shard_map_service import ShardMapServicer
from flightmesh.rpc.server import GrpcServer
from flightmesh.runtime.lifecycle import StopSignal, spare_garbage_collection, stop_quietly
from flightmesh.runtime.metrics import Sample
from flightmesh.runtime.metrics_server import MetricsServer
from flightmesh.runtime.process_metrics import ProcessMetrics
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import VERSION, NodeRegistration, NodeRole

_log = logging.getLogger(__name__)

_GRACE_S = 2.0
_READINESS_S = 0.05
_REGISTRATION_TTL_S = 5.0

T = TypeVar("T")

Start = Callable[["Host"], Awaitable[Callable[[], bool]]]
"""Wires and starts a service; returns what tells whether it serves."""


async def serve(config: ProcessConfig, role: NodeRole, start: Start) -> int:
    """Runs a process until a signal comes; the exit code.

    Raises:
        FlightmeshError: it cannot start, or what it cannot go on without has failed.
    """
    stop = StopSignal()
    stop.install()
    async with AsyncExitStack() as stack:
        host = Host(config, role, stop, stack)
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(host.run(start))
                await stop.wait()
                running.cancel()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
    return 0


@final
class Host:
    """What a service finds in its process.

    Attributes:
        config: settings.
        clock: time.
        randomness: randomness.
        stop: to be told of failures that the process cannot go on after.
        tasks: owns the process's background tasks.
        metrics: what /metrics tells; each service adds its own.
        registry: the registry.
        kit: routing.
        server: the gRPC server, bound; not started before the service is.
    """

    def __init__(
        self, config: ProcessConfig, role: NodeRole, stop: StopSignal, stack: AsyncExitStack
    ) -> None:
        self.config = config
        self.clock = SystemClock()
        self.randomness = SystemRandomness()
        self.stop = stop
        self.metrics = ProcessMetrics(self.clock)
        self._role = role
        self._stack = stack
        self._serves: Callable[[], bool] = lambda: False
        self._ready = False
        address = f"[{config.host}]" if ":" in config.host else config.host
        self.server = GrpcServer(f"{address}:{config.grpc_port}")
        self._http = MetricsServer(
            config.host, config.metrics_port, self.metrics.registry, lambda: self._ready
        )

    async def run(self, start: Start) -> None:
        """Starts everything and stays until cancelled; parts end in the reverse of this order."""
        self.server.bind()
        await self._http.start()
        self._stack.push_async_callback(self._http.stop)
        self.registry = ports.open_registry(self.config, self.clock, self._stack)
        self.tasks = TaskOwner(self.config.name, self.stop.fail)
        self._stack.push_async_callback(self.tasks.stop)
        self.kit = RoutingKit(self.registry, self.clock, self.randomness, self.tasks)
        self._stack.push_async_callback(self.kit.channels.close)
        self.tasks.start(self.metrics.watch_event_loop(), "event-loop-lag")
        self.kit.start()
        self.metrics.add(self.config.name, routing_metrics.DEFINITIONS, self.kit.samples)
        self.server.add(
            map_services.add_ShardMapServiceServicer_to_server,
            ShardMapServicer(
                self.kit.shard_map, self.registry, self.kit.channels.get, self.server.streams
            ),
        )
        self._serves = await start(self)
        spare_garbage_collection()
        await self._watch_readiness()

    # --- for services -----------------------------------------------------------------------

    async def open_store(self) -> CassandraStore:
        """The ledger store; waits for it."""
        return await ports.open_store(self.config, self.clock, self._stack)

    def open_bus(self) -> JetStreamEventBus:
        """The event bus."""
        bus = ports.open_bus(self.config, self.clock, self._stack)

        def samples() -> Iterable[Sample]:
            connected = bus.connected.is_set()
            return bus_metrics.samples(bus.statistics, bus.lost, connected=connected)

        self.metrics.add(self.config.name, bus_metrics.DEFINITIONS, samples)
        return bus

    @property
    def pid(self) -> int:
        """Id of this process."""
        return os.getpid()

    def node_settings(self, kind: Callable[..., T], **given: Any) -> T:
        """Settings of a service that registers itself: who it is, `given`, and what is tuned.

        Raises:
            ConfigurationError: see `ProcessConfig.tuned`.
        """
        return self.config.tuned(
            kind,
            name=self.config.name,
            address=self.server.address,
            pid=self.pid,
            extra=self.extra,
            **given,
        )

    @property
    def extra(self) -> dict[str, str]:
        """What every registration tells besides."""
        return {"metrics": self._http.address, VERSION: version_of("flightmesh")}

    async def start_server(self) -> None:
        """Begins to answer calls; its end refuses new ones and lets those under way end."""
        await self.server.start()
        self.on_stop("gRPC server", lambda: self.server.stop(_GRACE_S))

    def on_stop(self, what: str, stop: Callable[[], Awaitable[Any]]) -> None:
        """Has something done when the process stops: before what was started earlier stops."""
        limit_s = self.config.drain_limit_s
        self._stack.push_async_callback(lambda: stop_quietly(what, stop(), limit_s))

    def register(self, address: str, extra: dict[str, str] | None = None) -> None:
        """Keeps this process in the registry's list until it stops."""
        registration = NodeRegistration(
            self.config.name, self._role, address, self.pid, extra={**self.extra, **(extra or {})}
        )
        keeper = RegistrationKeeper(
            self.registry, lambda: registration, _REGISTRATION_TTL_S, self.clock
        )
        keeping = self.tasks.start(keeper.run(), "registration")

        async def give_up() -> None:
            keeping.cancel()
            await asyncio.wait((keeping,))
            await keeper.give_up()

        self.on_stop("registration", give_up)

    def relay_all_but(self, *own: PublicService) -> None:
        """Passes on the calls of all public services but those that this process answers."""
        for service in ALL:
            if service not in own:
                relay = Relay(
                    service.descriptor,
                    partial(self._grpc_addresses, service.role),
                    self.kit.channels.get,
                    self.clock,
                    repeats=service.repeats,
                    lagging=self.kit.nodes.lagging,
                )
                self.server.grpc_server.add_generic_rpc_handlers((relay.handler(),))

    def others_of(self, role: NodeRole) -> Sequence[NodeRegistration]:
        """The processes of a role that are known, without this one."""
        return [node for node in self.kit.nodes.nodes(role) if node.name != self.config.name]

    def _grpc_addresses(self, role: NodeRole) -> Sequence[str]:
        if role is not NodeRole.GATEWAY:
            return self.kit.nodes.addresses(role)
        # A gateway's own address is that of REST.
        return [node.extra["grpc"] for node in self.kit.nodes.nodes(role) if "grpc" in node.extra]

    # --- readiness --------------------------------------------------------------------------

    async def _watch_readiness(self) -> None:
        """Tells health and /readyz whether the service serves, for ever."""
        self._stack.push_async_callback(self._not_ready)
        while True:
            self.stop.check()
            if self._serves() is not self._ready:
                self._ready = not self._ready
                await self.server.set_serving(self._ready)
                _log.info("%s", "ready" if self._ready else "not ready")
            await self.clock.sleep(_READINESS_S)

    async def _not_ready(self) -> None:
        self._ready = False
        await self.server.set_serving(False)
