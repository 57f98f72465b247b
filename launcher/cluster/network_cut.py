"""A shard node whose network can be cut: every packet to and from it is lost, nothing is closed.

As root the node runs in a network namespace of its own, and the kernel drops the packets (a queue
of one byte). Elsewhere it reaches its servers over TCP proxies that stop carrying bytes; what comes
to the node is not cut there. `how` says which. Everything is on loopback.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self, final

from flightmesh.errors import Unavailable
from launcher.cluster.driver import ClusterDriver
from launcher.servers.process import ServerProcess, answers_http, free_port

NETWORK_NAMESPACE: Final = "network namespace"
TCP_PROXY: Final = "TCP proxy (only what the node sends out)"
_STOP_S: Final = 60.0
# The smallest queue drops everything; the other one is the kernel's for most devices.
_NOTHING: Final = ("bfifo", "limit", "1")
_EVERYTHING: Final = ("pfifo", "limit", "10000")


@final
class NetworkNamespace:
    """A network that holds nothing but a loopback of its own; `with` makes it and takes it away.

    Args:
        name: as `ip netns` has it.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def can_be_made(self) -> bool:
        """Whether this process may make it and finds the tools; tries it."""
        if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "tc"))):
            return False
        try:
            with self:
                return True
        except Unavailable:
            return False

    def command(self, *command: str | Path) -> list[str | Path]:
        """A command as it has to be called to run inside."""
        return ["ip", "netns", "exec", self.name, *command]

    def cut(self) -> None:
        """Loses every packet inside from now on."""
        self._queue(_NOTHING)

    def mend(self) -> None:
        """Loses none any more. Idempotent."""
        self._queue(_EVERYTHING)

    def __enter__(self) -> Self:
        _run("ip", "netns", "add", self.name)
        _run(*self.command("ip", "link", "set", "lo", "up"))
        return self

    def __exit__(self, *_: object) -> None:
        _run("ip", "netns", "delete", self.name)

    def _queue(self, discipline: tuple[str, ...]) -> None:
        _run(*self.command("tc", "qdisc", "replace", "dev", "lo", "root", *discipline))


@final
class CuttableNode:
    """A shard node of a cluster in the place of the launcher's own process, which has ended.

    Args:
        cluster: the cluster.
        name: of the shard node.
        folder: for logs and settings.

    Attributes:
        how: how its network is cut.
    """

    def __init__(self, cluster: ClusterDriver, name: str, folder: Path) -> None:
        namespace = NetworkNamespace(f"flightmesh-{os.getpid()}")
        self._namespace = namespace if namespace.can_be_made() else None
        self.how = TCP_PROXY if self._namespace is None else NETWORK_NAMESPACE
        self._folder = folder
        self._node = cluster.process(name)
        state = cluster.state()
        nats = (url.removeprefix("nats://") for url in state.nats)
        self._servers = [_port(each) for each in (*state.etcd, *nats, *state.cassandra)]
        self._others = [_port(each) for each in state.grpc if each != self._node.grpc]
        self._proxies: dict[int, int] = {}
        self._forwarder: ServerProcess

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """The node serves; at the end it has drained and ended, and nothing is left of the cut.

        Raises:
            Unavailable: it does not start.
        """
        with contextlib.ExitStack() as undo:
            if self._namespace is not None:
                undo.enter_context(self._namespace)
            self._forwarder = self._start_forwarder()
            undo.callback(self._forwarder.kill)
            node = self._process()
            undo.callback(node.stop, _STOP_S)
            undo.callback(self.mend)
            node.start()
            node.wait_ready()
            yield self

    def cut(self) -> None:
        """Loses every packet from now on."""
        if self._namespace is not None:
            self._namespace.cut()
        else:
            os.kill(self._forwarder.pid, signal.SIGUSR1)

    def mend(self) -> None:
        """Loses none any more. Idempotent."""
        if self._namespace is not None:
            self._namespace.mend()
        else:
            os.kill(self._forwarder.pid, signal.SIGUSR2)

    # --- the parts --------------------------------------------------------------------------

    def _start_forwarder(self) -> ServerProcess:
        command = [sys.executable, "-m", "launcher.cluster.forwarder", json.dumps(self._plan())]
        forwarder = ServerProcess(
            "forwarder", command, self._folder, lambda: forwarder.last_lines(1) == "ready"
        )
        forwarder.log.unlink(missing_ok=True)
        forwarder.dies_with_us = True
        forwarder.start()
        forwarder.wait_ready()
        return forwarder

    def _plan(self) -> dict[str, object]:
        if self._namespace is not None:
            # Inside, everything is where the node's settings have it; so is the node, outside.
            own = (_port(self._node.grpc), _port(self._node.metrics))
            others = (*self._servers, *self._others)
            return {
                "namespace": self._namespace.name,
                "in": [[port, port] for port in others],
                "out": [[port, port] for port in own],
            }
        self._proxies = {port: free_port() for port in self._servers}
        pairs = [[proxy, port] for port, proxy in self._proxies.items()]
        return {"namespace": "", "in": pairs, "out": []}

    def _process(self) -> ServerProcess:
        command: list[str | Path] = [sys.executable, "-m", "shard_node", "--config"]
        if self._namespace is not None:
            command = self._namespace.command(*command, self._node.config)
        else:
            command.append(self._settings_over_proxies())
        host, _, port = self._node.metrics.rpartition(":")
        process = ServerProcess(
            "cut-node", command, self._folder, lambda: answers_http(host, int(port), "/readyz")
        )
        process.dies_with_us = True
        return process

    def _settings_over_proxies(self) -> Path:
        text = Path(self._node.config).read_text()
        for port, proxy in self._proxies.items():
            text = re.sub(rf":{port}\b", f":{proxy}", text)
        path = self._folder / "cut-node.toml"
        path.write_text(text)
        return path


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Unavailable(f"{' '.join(map(str, command))}: {done.stderr}")
