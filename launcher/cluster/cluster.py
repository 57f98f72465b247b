"""A running cluster: the order of its start and end, and what it tells of itself."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar, final

from flightmesh.clock import Clock
from flightmesh.errors import Refused
from flightmesh.registry.etcd import EtcdRegistry
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import NodeRole
from launcher.cluster.config import MESH_NAME, ClusterConfig
from launcher.cluster.control import ControlServer, Request, Say
from launcher.cluster.folder import ClusterFolder
from launcher.cluster.layout import ProcessPlan, plan_processes, write_settings
from launcher.cluster.member import Member
from launcher.cluster.ports import PortBook
from launcher.cluster.registrations import ServerRegistrations
from launcher.cluster.served import until_served
from launcher.cluster.servers import build_servers, open_new_or_old_store
from launcher.cluster.state import ClusterState, started_at
from launcher.cluster.supervisor import Supervisor
from launcher.servers.install import Servers
from launcher.servers.process import ServerProcess, answers_http

_T = TypeVar("_T")
# Lower ones end first; the servers last.
_STOP_ORDER: Final = (
    NodeRole.GATEWAY, NodeRole.READ_NODE, NodeRole.SHARD_NODE, NodeRole.COORDINATOR,
)  # fmt: skip
_UNREGISTER_S: Final = 5.0


@final
class Cluster:
    """All processes of one cluster, from `start` to `stop`.

    Args:
        config: settings.
        folder: the data directory, taken.
        clock: time.
        tasks: owns background tasks.
        say: told of each step, in words.
    """

    def __init__(
        self, config: ClusterConfig, folder: ClusterFolder, clock: Clock, tasks: TaskOwner, say: Say
    ) -> None:
        self._config = config
        self._folder = folder
        self._clock = clock
        self._tasks = tasks
        self._say = say
        self._state = "starting"
        self._shard_count = 0
        asked_for = frozenset({config.http_port, config.grpc_port} - {0})
        ports = PortBook(folder.port_file, asked_for)
        self._servers, self._addresses = build_servers(folder, Servers(config.servers_dir), ports)
        self._plans = plan_processes(config, ports)
        ports.save()
        self._processes = [self._process(plan) for plan in self._plans]
        self._supervisor = Supervisor(
            [*self._servers, *self._processes],
            clock,
            tasks,
            say=say,
            on_change=self._changed,
            stop_order=_stop_order,
            one_by_one=frozenset({NodeRole.ETCD}),
        )
        self._registry = EtcdRegistry(self._addresses.etcd, clock, namespace=f"{MESH_NAME}/")
        self._registrations = ServerRegistrations(self._registry, clock, tasks)
        self._control = ControlServer(folder.path, self._asked)

    @property
    def http(self) -> tuple[str, ...]:
        """host:port of REST, of every gateway."""
        return tuple(plan.http for plan in self._plans if plan.http)

    @property
    def grpc(self) -> tuple[str, ...]:
        """host:port of the public gRPC services of every process, shard-1's first."""
        by_kind = sorted(self._plans, key=lambda plan: plan.role is not NodeRole.SHARD_NODE)
        return tuple(plan.grpc for plan in by_kind)

    async def start(self) -> None:
        """Starts everything and waits until every shard is served.

        Raises:
            FlightmeshError: something does not start; what was started is left to `stop`.
        """
        await self._supervisor.start(self._servers)
        self._shard_count = await self._step(
            open_new_or_old_store(self._addresses, self._config.shard_count),
            lambda count: f"the ledger store is there, with {count} shards",
        )
        for plan in self._plans:
            write_settings(plan, self._config, self._folder, self._addresses, self._shard_count)
        await self._supervisor.start(self._processes)
        await self._step(
            until_served(self.grpc[0], self._shard_count, self._clock),
            lambda _: f"all {self._shard_count} shards are served",
        )
        await self._control.start()
        self._tell("ready")

    async def stop(self) -> None:
        """Stops everything in the reverse order; Flightmesh's processes drain."""
        self._tell("stopping")
        await self._control.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_UNREGISTER_S):
                await self._registrations.remove_all()
        await self._supervisor.stop_all()
        await self._registry.close()
        self._tell("stopped")

    # --- requests of other shells -----------------------------------------------------------

    async def _asked(self, request: Request, say: Say) -> None:
        if self._state != "ready":
            raise Refused("STOPPING", "the cluster is being stopped")
        members = self._supervisor.named(request.names)

        def tell(text: str) -> None:
            self._say(text)
            say(text)

        if request.do == "start":
            await self._supervisor.start(members, tell)
        else:
            await self._supervisor.stop(members, tell)

    # --- what it tells ----------------------------------------------------------------------

    def _changed(self, member: Member) -> None:
        if member.is_server:
            if member.phase == "running":
                self._registrations.add(member)
            elif member.phase == "ended":
                self._registrations.remove(member.name)
        self._write_state()

    def _tell(self, state: str) -> None:
        self._state = state
        self._write_state()

    def _write_state(self) -> None:
        state = ClusterState(
            state=self._state,
            launcher_pid=os.getpid(),
            launcher_started=started_at(os.getpid()),
            data_dir=str(self._folder.path),
            cluster=MESH_NAME,
            shard_count=self._shard_count,
            http=self.http,
            grpc=self.grpc,
            etcd=self._addresses.etcd,
            nats=self._addresses.nats,
            cassandra=self._addresses.cassandra,
            processes=tuple(member.state() for member in self._supervisor.members),
        )
        try:
            self._folder.write(state)
        except OSError as error:
            self._say(f"{self._folder.state_file} cannot be written: {error.strerror}")

    async def _step(self, work: Awaitable[_T], what: Callable[[_T], str]) -> _T:
        began_s = self._clock.monotonic_s()
        outcome = await work
        self._say(f"{what(outcome)} ({self._clock.monotonic_s() - began_s:.1f} s)")
        return outcome

    def _process(self, plan: ProcessPlan) -> Member:
        host, _, port = plan.metrics.rpartition(":")
        config_file = self._folder.config_file(plan.name)
        process = ServerProcess(
            plan.name,
            plan.command(config_file),
            self._folder.path,
            lambda: answers_http(host, int(port), "/readyz"),
        )
        process.log = self._folder.log_file(plan.name)
        return Member(
            plan.name,
            plan.role,
            plan.address,
            process,
            grpc=plan.grpc,
            http=plan.http,
            metrics=plan.metrics,
            config=str(config_file),
        )


def _stop_order(member: Member) -> int:
    return len(_STOP_ORDER) if member.is_server else _STOP_ORDER.index(member.role)
