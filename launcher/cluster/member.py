"""One process of a cluster, from its start to its end, whoever ends it."""

import asyncio
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final, Literal, final

from flightmesh.sharding.shard_map import NodeRole
from launcher.cluster.state import ProcessState, started_at
from launcher.servers.process import ServerProcess

SERVER_ROLES: Final = frozenset({NodeRole.ETCD, NodeRole.NATS, NodeRole.CASSANDRA})

Phase = Literal["new", "starting", "running", "ended"]


@final
class Member:
    """One process. Start it in the event loop's thread: its end is bound to that of the thread.

    Args:
        name: unique in the cluster.
        role: kind.
        address: what the registry has of it.
        process: the process.
        grpc: host:port of its gRPC services; empty for servers.
        http: host:port of REST; gateways only.
        metrics: host:port of /metrics and /readyz; empty for servers.
        config: its settings file; empty for servers.

    Attributes:
        name, role, address, process: as given.
        phase: new, starting, running (it was ready) or ended.
        asked: whether its end was asked for.
    """

    def __init__(
        self,
        name: str,
        role: NodeRole,
        address: str,
        process: ServerProcess,
        *,
        grpc: str = "",
        http: str = "",
        metrics: str = "",
        config: str = "",
    ) -> None:
        self.name = name
        self.role = role
        self.address = address
        self.process = process
        self.grpc = grpc
        self.http = http
        self.metrics = metrics
        self.phase: Phase = "new"
        self.asked = False
        self._config = config
        self._started = 0
        self._ended = asyncio.Event()
        process.dies_with_us = True

    @property
    def is_server(self) -> bool:
        """Whether it is a server and no process of the mesh."""
        return self.role in SERVER_ROLES

    @property
    def is_there(self) -> bool:
        """Whether it was started and has not ended."""
        return self.phase in {"starting", "running"}

    @property
    def pid(self) -> int:
        """Id of its process, or of the last one; 0 if it was never started."""
        return 0 if self.phase == "new" else self.process.pid

    def spawn(self, on_end: Callable[["Member"], None]) -> None:
        """Starts the process; on_end is called in the event loop once it has ended."""
        self.process.start()
        self.phase, self.asked = "starting", False
        self._started = started_at(self.process.pid)
        self._ended = asyncio.Event()
        end = os.pidfd_open(self.process.pid)
        loop = asyncio.get_running_loop()
        told = self._ended

        def ended() -> None:
            loop.remove_reader(end)
            os.close(end)
            self.process.wait_end(1.0)
            self.phase = "ended"
            on_end(self)
            told.set()

        loop.add_reader(end, ended)

    async def ready(self, limit_s: float, threads: Executor) -> None:
        """Returns when the process serves.

        Raises:
            Unavailable: it has ended, or is not ready within the limit.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(threads, self.process.wait_ready, limit_s)
        if self.phase == "starting":
            self.phase = "running"

    async def stop(self, limit_s: float, threads: Executor) -> None:
        """Asks the process to end and waits for it; kills it when the limit is over. Idempotent."""
        if not self.is_there:
            return
        # Once: a second signal would end it at once, in the middle of what it hands over.
        if not self.asked:
            self.asked = True
            await asyncio.get_running_loop().run_in_executor(threads, self.process.stop, limit_s)
        await self._ended.wait()

    @property
    def was_killed(self) -> bool:
        """Whether it has ended by SIGKILL."""
        return self.process.exit_code == -signal.SIGKILL

    def how_it_ended(self) -> str:
        """The end in words."""
        code = self.process.exit_code
        if code is None:
            return "is still running"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"has ended with status {code}"

    def state(self) -> ProcessState:
        """For cluster.json."""
        return ProcessState(
            name=self.name,
            role=self.role.value,
            pid=self.pid,
            started=self._started,
            state=self.phase,
            exit_code=self.process.exit_code if self.phase == "ended" else None,
            address=self.address,
            grpc=self.grpc,
            http=self.http,
            metrics=self.metrics,
            log=str(self.process.log),
            config=self._config,
        )
