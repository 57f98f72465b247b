"""What tests of the registry do to etcd, and wait for."""

import asyncio
import socket
import subprocess
from contextlib import suppress
from typing import Any, cast

from flightmesh.clock import SystemClock
from flightmesh.election import LeaderElection
from flightmesh.errors import OutcomeUnknown, Unavailable
from flightmesh.registry import Put, Registry
from flightmesh.sharding.shard_map import NodeRegistration, NodeRole
from launcher.servers.etcd import Etcd
from launcher.servers.install import Servers
from launcher.servers.process import free_port

PATIENCE_S = 30.0


async def hear(watch: Any, revision: int) -> None:
    """Reads a watch until it tells of a revision."""
    async with asyncio.timeout(PATIENCE_S):
        while await anext(watch) < revision:
            pass


async def put(registry: Registry, key: str, value: bytes = b"1") -> int:
    """Writes until it is known to be written; returns the revision."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(Unavailable, OutcomeUnknown):
                return (await registry.transact([], [Put(key, value)])).revision
            await asyncio.sleep(0.1)


async def hear_of_each_new_key(registry: Registry, watch: Any, prefix: str) -> None:
    """Writes a key and hears of it."""
    await hear(watch, await put(registry, f"{prefix}after"))


def a_candidate(name: str, at: Registry, ttl_s: float) -> LeaderElection:
    described = NodeRegistration(name, NodeRole.COORDINATOR, f"{name}:1")
    return LeaderElection(at, described, SystemClock(), ttl_s=ttl_s, margin_s=ttl_s / 4)


def compact(servers: Servers, etcd: Etcd, revision: int) -> None:
    subprocess.run(
        [servers.etcdctl, "--endpoints", etcd.endpoints[0], "compact", str(revision)],
        check=True, capture_output=True,
    )  # fmt: skip


class Cut:
    """A TCP way to etcd that can be cut: connections end and new ones are refused."""

    def __init__(self, etcd: Etcd) -> None:
        self._target = etcd.members[0]
        self._port = free_port()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.address = f"127.0.0.1:{self._port}"

    def __enter__(self) -> "Cut":
        listener = socket.create_server(("127.0.0.1", self._port))
        self._starting = asyncio.get_running_loop().create_task(self._serve(listener))
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()

    async def _serve(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(self._connected, sock=listener)

    async def _connected(self, near: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        target = self._target
        far, back = await asyncio.open_connection(target.host, target.client_port)
        self._open |= {out, back}
        with suppress(OSError):
            await asyncio.gather(self._pump(near, back), self._pump(far, out))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
        sink.close()

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            cast(Any, writer.transport).abort()
        self._open.clear()

    async def cut(self) -> None:
        self._close()

    async def mend(self) -> None:
        await self._serve(socket.create_server(("127.0.0.1", self._port)))
