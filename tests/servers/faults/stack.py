"""A running cluster as fault tests see it: what the mesh says of itself, and what must hold."""

import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import httpx

from clients.aio import FlightmeshClient
from clients.config import ClientConfig
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as shard_map
from flightmesh.journal.cassandra import CassandraOptions, CassandraStore
from launcher.cluster.driver import ClusterDriver, until
from launcher.cluster.state import is_alive
from tests.servers.faults.load import PATIENCE_S, PER_S, Addresses

SERVERS = ("etcd", "nats", "cassandra")


class Stack(ClusterDriver):
    """A cluster that is left whole by every test.

    Attributes:
        per_s: commands each second, and as many queries, that it bears on this machine.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.per_s = PER_S
        self._client: FlightmeshClient | None = None

    # --- what is there ----------------------------------------------------------------------

    def addresses(self) -> Addresses:
        gateways = self.processes("gateway")
        return Addresses(
            tuple(each.grpc for each in gateways),
            tuple(each.http for each in gateways),
            tuple(each.grpc for each in self.processes("read_node")),
        )

    @property
    def client(self) -> FlightmeshClient:
        """Asks the gateways; of one test, so that it belongs to one event loop."""
        if self._client is None:
            config = ClientConfig(self.addresses().grpc, patience_s=10.0)
            self._client = FlightmeshClient(config)
        return self._client

    async def close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def nodes(self) -> dict[str, shard_map.Node]:
        """What the mesh tells of its processes, by name."""
        return {node.name: node for node in await self.client.mesh.nodes()}

    async def leader(self) -> str:
        """Name of the leading coordinator."""
        nodes = await self.nodes()
        return next(name for name, node in nodes.items() if node.leader)

    @contextlib.asynccontextmanager
    async def open_store(self) -> AsyncIterator[CassandraStore]:
        state = self.state()
        host, _, port = state.cassandra[0].rpartition(":")
        async with await CassandraStore.open(
            CassandraOptions((host,), int(port), state.cluster)
        ) as store:
            yield store

    def doctor(self) -> None:
        """Fails if `flightmesh doctor` finds anything wrong, with mesh and ledgers."""
        done = self.cli(
            "doctor", "--json", "--server", ",".join(self.addresses().grpc), check=False
        )
        assert done.stdout, f"doctor: status {done.returncode}: {done.stderr[-2000:]}"
        report = json.loads(done.stdout)
        wrong = [each for each in report["checks"] if each["verdict"] == "violated"]
        assert not wrong, f"doctor: {json.dumps(wrong)[:3000]}"
        assert (done.returncode, report["ok"]) == (0, True), done.stderr[-2000:]
        assert report["counts"]["ledgers"], "doctor has not looked into the ledgers"

    # --- what is done to it -----------------------------------------------------------------

    async def mend(self) -> None:
        """Makes the cluster whole again, whatever a test before this one has left behind."""
        for each in self.state().processes:
            if is_alive(each.pid, each.started):
                os.kill(each.pid, signal.SIGCONT)
        for role in (*SERVERS, "coordinator", "shard_node", "read_node", "gateway"):
            if ended := [name for name in self.named(role) if self.process(name).state == "ended"]:
                await self.start(*ended)
        for name, node in (await self.nodes()).items():
            if node.draining:
                await self.client.mesh.undrain_node(name)

    # --- what is waited for -----------------------------------------------------------------

    async def until(self, condition: Callable[[], bool | Awaitable[bool]], what: str) -> None:
        """Waits for what must come some time."""
        await until(condition, what, PATIENCE_S)

    async def until_another_leads(self, former: str) -> None:
        """Waits until a coordinator leads that is not this one."""

        async def other_leads() -> bool:
            leaders = [name for name, node in (await self.nodes()).items() if node.leader]
            return bool(leaders) and former not in leaders

        await self.until(other_leads, f"another coordinator than {former} leads")

    async def until_whole(self) -> None:
        """Waits until all processes run, serve, and all shards are served by sessions of now."""
        for each in self.state().processes:
            assert is_alive(each.pid, each.started), f"{each.name} does not run"
        async with httpx.AsyncClient(timeout=2.0) as http:
            for each in self.state().processes:
                if each.metrics:
                    url = f"http://{each.metrics}/readyz"
                    await self.until(partial(_is_ready, http, url), f"{each.name} is ready")
        await self.until(self._all_is_served, "all shards are served and all nodes listed")

    async def _all_is_served(self) -> bool:
        nodes = await self.nodes()
        ours = [each for each in self.state().processes if each.role not in SERVERS]
        if any(each.name not in nodes or nodes[each.name].pid != each.pid for each in ours):
            return False
        if sum(node.leader for node in nodes.values()) != 1:
            return False
        sessions = {node.session for node in nodes.values() if node.session}
        rows = (await self.client.mesh.shard_map()).assignments
        return all(
            row.state == shard_map.SHARD_STATE_ACTIVE and row.session in sessions for row in rows
        )


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.HTTPError:
        return False
