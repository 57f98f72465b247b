"""The cluster that is measured: started here or found running, broken and mended."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clients.aio import FlightmeshClient
from clients.config import ClientConfig
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as mesh
from launcher.cluster import control
from launcher.cluster.state import ClusterState, ProcessState, read_state

_BIN = Path(sys.executable).parent / "flightmesh"
_START_LIMIT_S = 300.0
_MEND_LIMIT_S = 120.0


class Cluster:
    """A cluster in a folder.

    Args:
        folder: its data directory; a cluster that runs there is used, else one is started.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._launcher: subprocess.Popen[bytes] | None = None

    # --- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Finds the cluster ready, or starts it."""
        if not self._is_there():
            self._launch()
        await until(self._is_ready, "the cluster is ready", _START_LIMIT_S)

    def _is_there(self) -> bool:
        state = read_state(self.folder / "cluster.json")
        return state is not None and state.state != "stopped" and _runs(state.launcher_pid)

    def _launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        env = {
            **os.environ,
            "FLIGHTMESH_DATA_DIR": str(self.folder),
            "FLIGHTMESH_HTTP_PORT": "0",
            "FLIGHTMESH_GRPC_PORT": "0",
        }
        log = (self.folder / "launcher.log").open("ab")
        self._launcher = subprocess.Popen([_BIN, "cluster", "run"], env=env, stdout=log, stderr=log)

    def _is_ready(self) -> bool:
        launcher = self._launcher
        if launcher is not None and launcher.poll() is not None:
            raise SystemExit(f"the cluster has not started; see {self.folder / 'launcher.log'}")
        state = read_state(self.folder / "cluster.json")
        mine = state is not None and (launcher is None or state.launcher_pid == launcher.pid)
        return mine and state is not None and state.state == "ready" and _runs(state.launcher_pid)

    async def close(self) -> None:
        """Stops what was started here."""
        if self._launcher is not None:
            self._launcher.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self._launcher.wait, 120)

    # --- what is there --------------------------------------------------------------------------

    def state(self) -> ClusterState:
        state = read_state(self.folder / "cluster.json")
        assert state is not None
        return state

    def process(self, name: str) -> ProcessState:
        return next(each for each in self.state().processes if each.name == name)

    def named(self, role: str) -> list[ProcessState]:
        return [each for each in self.state().processes if each.role == role]

    def client(self) -> FlightmeshClient:
        """A client that knows the gateways: no process that is killed here."""
        gateways = tuple(each.grpc for each in self.named("gateway"))
        return FlightmeshClient(ClientConfig(gateways, timeout_s=30.0, patience_s=30.0))

    # --- what is done to it ---------------------------------------------------------------------

    def send(self, name: str, what: signal.Signals) -> None:
        os.kill(self.process(name).pid, what)

    async def start(self, name: str) -> None:
        """Starts an ended process and waits until it serves."""
        await until(lambda: self.process(name).state == "ended", f"{name} has ended", _MEND_LIMIT_S)
        await asyncio.to_thread(control.ask, self.folder, "start", [name], lambda _: None)

    async def until_even(self, client: FlightmeshClient, names: set[str]) -> None:
        """Waits until all shards are served and shared out evenly among exactly these nodes."""

        async def even() -> bool:
            nodes = {
                node.session: node.name
                for node in await client.mesh.nodes()
                if node.role == mesh.NODE_ROLE_SHARD_NODE
            }
            answer = await client.mesh.shard_map(with_last_sequences=True)
            owners = [nodes.get(row.session, "") for row in answer.assignments]
            counts = {name: owners.count(name) for name in set(owners)}
            served = all(row.HasField("last_sequence") for row in answer.assignments)
            return (
                served
                and set(counts) == names
                and set(nodes.values()) == names
                and max(counts.values()) - min(counts.values()) < 2
            )

        await until(even, f"the shards are shared out among {sorted(names)}", _MEND_LIMIT_S)


async def until(condition: Callable[[], Any], what: str, limit_s: float) -> None:
    """Polls a condition; what it raises of the mesh counts as no.

    Raises:
        TimeoutError: it never held.
    """
    end = time.monotonic() + limit_s
    while True:
        try:
            answer = condition()
            if asyncio.iscoroutine(answer):
                answer = await answer
        except Exception as error:
            answer, what = False, f"{what.partition(' (')[0]} ({error})"
        if answer:
            return
        if time.monotonic() > end:
            raise TimeoutError(f"it never came about that {what}")
        await asyncio.sleep(0.1)


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
