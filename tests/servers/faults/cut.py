"""A shard node whose network can be cut: every packet to and from it is lost, nothing is closed.

As root the node runs in a network namespace of its own, and the kernel drops the packets (a queue
of one byte). Elsewhere it reaches its servers over TCP proxies that stop carrying bytes; what comes
to the node is not cut there. `how` says which.
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

from launcher.servers.process import ServerProcess, answers_http, free_port
from tests.servers.faults.stack import Stack

_FORWARDER = Path(__file__).with_name("forwarder.py")
NETWORK_NAMESPACE = "network namespace"
TCP_PROXY = "TCP proxy (only what the node sends out)"


class CuttableNode:
    """A shard node of a cluster in the place of the launcher's own process of that name.

    Attributes:
        how: how its network is cut.
    """

    def __init__(self, stack: Stack, name: str, folder: Path) -> None:
        self.how = NETWORK_NAMESPACE if _has_namespaces() else TCP_PROXY
        self._stack = stack
        self._folder = folder
        self._node = stack.process(name)
        self._namespace = f"flightmesh-{os.getpid()}"
        self._forwarder: subprocess.Popen[str] | None = None
        self._moved: dict[int, int] = {}

    @contextlib.contextmanager
    def running(self) -> Iterator["CuttableNode"]:
        """The node serves; at the end it has drained and ended, and nothing is left of the cut."""
        with contextlib.ExitStack() as undo:
            if self.how == NETWORK_NAMESPACE:
                self._make_namespace()
                undo.callback(_run, "ip", "netns", "delete", self._namespace)
            self._forwarder = self._start_forwarder()
            undo.callback(self._end_forwarder)
            process = self._process()
            undo.callback(process.stop, 60.0)
            undo.callback(self.mend)
            process.start()
            process.wait_ready()
            yield self

    def cut(self) -> None:
        """Loses every packet from now on."""
        if self.how == NETWORK_NAMESPACE:
            self._inside("tc", "qdisc", "replace", "dev", "lo", "root", "bfifo", "limit", "1")
        else:
            self._signal(signal.SIGUSR1)

    def mend(self) -> None:
        """Loses none any more. May be repeated."""
        if self.how == NETWORK_NAMESPACE:
            self._inside("tc", "qdisc", "replace", "dev", "lo", "root", "pfifo", "limit", "10000")
        else:
            self._signal(signal.SIGUSR2)

    # --- the parts --------------------------------------------------------------------------

    def _make_namespace(self) -> None:
        _run("ip", "netns", "add", self._namespace)
        self._inside("ip", "link", "set", "lo", "up")

    def _inside(self, *command: str) -> None:
        _run("ip", "netns", "exec", self._namespace, *command)

    def _start_forwarder(self) -> subprocess.Popen[str]:
        plan = self._plan()
        process = subprocess.Popen(
            [sys.executable, _FORWARDER, plan], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "the forwarder does not start"
        return process

    def _plan(self) -> str:
        if self.how == NETWORK_NAMESPACE:
            # Inside, everything is where the node's settings have it; so is the node, outside.
            others = [each for each in self._addresses() if each != self._node.grpc]
            return json.dumps({
                "namespace": self._namespace,
                "in": [[_port(each), _port(each)] for each in others],
                "out": [[_port(each)] * 2 for each in (self._node.grpc, self._node.metrics)],
            })  # fmt: skip
        self._moved = {_port(each): free_port() for each in self._servers()}
        pairs = [[proxy, port] for port, proxy in self._moved.items()]
        return json.dumps({"namespace": "", "in": pairs, "out": []})

    def _servers(self) -> list[str]:
        state = self._stack.state()
        return [*state.etcd, *(url.removeprefix("nats://") for url in state.nats), *state.cassandra]

    def _addresses(self) -> list[str]:
        return [*self._servers(), *self._stack.state().grpc]

    def _process(self) -> ServerProcess:
        command: list[str | Path] = [sys.executable, "-m", "shard_node", "--config"]
        if self.how == NETWORK_NAMESPACE:
            command = ["ip", "netns", "exec", self._namespace, *command, self._node.config]
        else:
            command.append(self._settings_over_proxies())
        host, _, port = self._node.metrics.rpartition(":")
        return ServerProcess(
            "cut-node", command, self._folder, lambda: answers_http(host, int(port), "/readyz")
        )

    def _settings_over_proxies(self) -> Path:
        text = Path(self._node.config).read_text()
        for port, proxy in self._moved.items():
            text = re.sub(rf":{port}\b", f":{proxy}", text)
        path = self._folder / "cut-node.toml"
        path.write_text(text)
        return path

    def _signal(self, what: signal.Signals) -> None:
        assert self._forwarder is not None
        self._forwarder.send_signal(what)

    def _end_forwarder(self) -> None:
        assert self._forwarder is not None
        self._forwarder.kill()
        self._forwarder.wait()


def _has_namespaces() -> bool:
    return os.geteuid() == 0 and all(map(shutil.which, ("ip", "tc")))


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
