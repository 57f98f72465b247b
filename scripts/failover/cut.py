"""A shard node that can be cut off: in a network namespace of its own, tied to us by one cable.

The servers listen on loopback, which a namespace has of its own. So on its side of the cable a
forwarder takes each of their ports, and passes connections on to a forwarder on our side, which
passes them on to the server. While it is cut, each side sends to a station that is not there: all
is lost in silence, and nobody is told. (With the cable down, routes would vanish, which is told.)
"""

import asyncio
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from failover.cluster import Cluster
from launcher.cluster.layout import as_toml

_NAMESPACE: Final = "flightmesh-cut"
_OUR_END, _ITS_END = "fmcut0", "fmcut1"
_OUR_ADDRESS, _ITS_ADDRESS = "10.213.77.1", "10.213.77.2"
_NOBODY: Final = "02:00:00:00:00:01"
_GRPC_PORT, _METRICS_PORT = 8081, 9101
_FORWARDER = Path(__file__).with_name("forward.py")
_ROOT = Path(__file__).resolve().parents[2]


def can_cut() -> str:
    """Why no node can be cut off here; empty if one can."""
    if os.geteuid() != 0:
        return "not root: network namespaces cannot be made"
    try:
        _ip("netns", "add", f"{_NAMESPACE}-try")
        _ip("netns", "del", f"{_NAMESPACE}-try")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"network namespaces cannot be made: {error}"
    return ""


class CutNode:
    """One more shard node of a cluster, in a namespace.

    Args:
        cluster: the cluster.
    """

    name: Final = "shard-cut"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._processes: list[subprocess.Popen[bytes]] = []

    async def start(self) -> None:
        """Lays the cable and starts the node; it joins by itself."""
        self._lay_cable()
        ports = self._ports()
        self._run([sys.executable, _FORWARDER, _OUR_ADDRESS, "127.0.0.1", *ports], "forward-out")
        inside = ["ip", "netns", "exec", _NAMESPACE]
        forward = [sys.executable, _FORWARDER, "127.0.0.1", _OUR_ADDRESS, *ports]
        self._run([*inside, *forward], "forward-in")
        await asyncio.sleep(1.0)
        program = [sys.executable, "-m", "shard_node", "--config", self._settings()]
        self._run([*inside, *program], self.name)

    async def stop(self) -> None:
        """Ends the node in order, then the rest."""
        await self.mend()
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, 60)
        _ip("netns", "del", _NAMESPACE)

    def cut(self) -> None:
        """Cuts the node off."""
        nobody = ("lladdr", _NOBODY, "nud", "permanent")
        _ip("neigh", "replace", _ITS_ADDRESS, *nobody, "dev", _OUR_END)
        _ip("-n", _NAMESPACE, "neigh", "replace", _OUR_ADDRESS, *nobody, "dev", _ITS_END)

    async def mend(self) -> None:
        """Connects it again. Idempotent."""
        _ip("neigh", "flush", "dev", _OUR_END, "nud", "permanent")
        _ip("-n", _NAMESPACE, "neigh", "flush", "dev", _ITS_END, "nud", "permanent")

    def _lay_cable(self) -> None:
        subprocess.run(["ip", "netns", "del", _NAMESPACE], check=False, capture_output=True)
        _ip("netns", "add", _NAMESPACE)
        _ip("link", "add", _OUR_END, "type", "veth", "peer", "name", _ITS_END)
        _ip("link", "set", _ITS_END, "netns", _NAMESPACE)
        _ip("addr", "add", f"{_OUR_ADDRESS}/30", "dev", _OUR_END)
        _ip("link", "set", _OUR_END, "up")
        _ip("-n", _NAMESPACE, "addr", "add", f"{_ITS_ADDRESS}/30", "dev", _ITS_END)
        _ip("-n", _NAMESPACE, "link", "set", _ITS_END, "up")
        _ip("-n", _NAMESPACE, "link", "set", "lo", "up")

    def _ports(self) -> list[str]:
        """Ports that the node connects to: those of the servers and of all other processes."""
        processes = self._cluster.state().processes
        addresses = {each.grpc or each.address for each in processes}
        return sorted(address.rpartition(":")[2] for address in addresses)

    def _settings(self) -> Path:
        """The settings of another shard node, but for what is its own."""
        other = self._cluster.named("shard_node")[0]
        values: dict[str, Any] = tomllib.loads(Path(other.config).read_text())
        values |= {
            "name": self.name,
            "host": _ITS_ADDRESS,
            "grpc_port": _GRPC_PORT,
            "metrics_port": _METRICS_PORT,
        }
        file = self._cluster.folder / f"{self.name}.toml"
        file.write_text(as_toml(values))
        return file

    def _run(self, command: list[Any], name: str) -> None:
        log = (self._cluster.folder / "log" / f"{name}.log").open("ab")
        process = subprocess.Popen(command, cwd=_ROOT, stdout=log, stderr=log)
        self._processes.append(process)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
