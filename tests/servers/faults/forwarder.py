"""Carries TCP connections between this network and another network namespace, or between ports.

Run as a program with a JSON object: {"namespace": name or "", "in": [[port, port]], "out":
[[port, port]]}. "in": whoever connects to the first port inside the namespace reaches the second
one outside; "out": the other way round. Without a namespace all are ports of this network.
SIGUSR1 stops all bytes on their way without closing anything; SIGUSR2 lets them go on.

With a namespace the cut is not made here: the kernel drops all packets inside (`cut.py`).
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
from typing import Any

LOOPBACK = "127.0.0.1"
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_CHUNK = 65_536


class Network:
    """Makes sockets in a network namespace, or in that of this process."""

    def __init__(self, namespace: str = "") -> None:
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._target = os.open(Path("/run/netns") / namespace, os.O_RDONLY) if namespace else -1

    def make(self) -> socket.socket:
        if self._target < 0:
            return socket.socket()
        _enter(self._target)
        try:
            return socket.socket()
        finally:
            _enter(self._home)

    def listening(self, port: int) -> socket.socket:
        made = self.make()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((LOOPBACK, port))
        return made


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")


class Forwarder:
    """All connections of one run."""

    def __init__(self) -> None:
        self.flowing = asyncio.Event()
        self.flowing.set()

    async def listen(self, at: Network, port: int, to: Network, target: int) -> None:
        await asyncio.start_server(
            functools.partial(self._carry, to, target), sock=at.listening(port), limit=_CHUNK
        )

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
        pumps = {
            asyncio.ensure_future(self._pump(reader, far_writer)),
            asyncio.ensure_future(self._pump(far_reader, writer)),
        }
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        for each in (writer, far_writer):
            each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self.flowing.wait()
                writer.write(data)
                await writer.drain()


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
