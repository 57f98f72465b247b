"""Carries TCP connections between this network and another network namespace, or between ports.

A program for one argument, a JSON object: {"namespace": name or "", "in": [[port, port]], "out":
[[port, port]]}. "in": whoever connects to the first port inside the namespace reaches the second
one outside; "out": the other way round. Without a namespace all are ports of this network. It
prints `ready`.

SIGUSR1 stops all bytes on their way without closing anything; SIGUSR2 lets them go on. With a
namespace the cut is not made here: the kernel drops all packets inside (`network_cut`).
"""

import asyncio
import contextlib
import ctypes
import functools
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final, final

from launcher.servers.process import LOOPBACK

_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET
_CHUNK: Final = 65_536


@final
class Network:
    """Makes sockets in a network namespace, or in that of this process.

    Args:
        namespace: its name; none takes that of this process.
    """

    def __init__(self, namespace: str = "") -> None:
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._target = os.open(Path("/run/netns") / namespace, os.O_RDONLY) if namespace else -1

    def make(self) -> socket.socket:
        """A TCP socket."""
        if self._target < 0:
            return socket.socket()
        _enter(self._target)
        try:
            return socket.socket()
        finally:
            _enter(self._home)

    def listening(self, port: int) -> socket.socket:
        """A TCP socket bound to a port of loopback."""
        made = self.make()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((LOOPBACK, port))
        return made


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")


@final
class Forwarder:
    """All connections of one run.

    Attributes:
        flowing: while it is not set, no byte goes on and no connection is opened or closed.
    """

    def __init__(self) -> None:
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._servers: list[asyncio.Server] = []

    async def listen(self, at: Network, port: int, to: Network, target: int) -> None:
        """Passes connections to a port of one network on to a port of another."""
        server = await asyncio.start_server(
            functools.partial(self._carry, to, target), sock=at.listening(port), limit=_CHUNK
        )
        self._servers.append(server)

    async def _carry(
        self, to: Network, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self.flowing.wait()
        made = to.make()
        made.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(made, (LOOPBACK, port))
        except OSError:
            made.close()
            writer.transport.abort()
            return
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far_reader, far_writer = await asyncio.open_connection(sock=made)
        async with asyncio.TaskGroup() as both_ways:
            both_ways.create_task(self._pump(reader, far_writer))
            both_ways.create_task(self._pump(far_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self.flowing.wait()
                writer.write(data)
                await writer.drain()
        await self.flowing.wait()
        # Whoever is at the other end sees it, and so does the pump of the other way.
        writer.transport.abort()


async def forward(plan: dict[str, Any]) -> None:
    """Forwards until the process is ended."""
    here, there = Network(), Network(plan["namespace"])
    forwarder = Forwarder()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, forwarder.flowing.clear)
    loop.add_signal_handler(signal.SIGUSR2, forwarder.flowing.set)
    for port, target in plan["in"]:
        await forwarder.listen(there, port, here, target)
    for port, target in plan["out"]:
        await forwarder.listen(here, port, there, target)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(forward(json.loads(sys.argv[1])))
