"""Starting etcd on loopback: one member, or several that form a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from launcher.servers.install import Servers
from launcher.servers.process import LOOPBACK, ServerProcess, answers_http, free_port

_QUOTA_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EtcdMember:
    """Addresses of one member.

    Attributes:
        name: the member's name.
        directory: of this member alone.
        client_port: port that clients connect to.
        peer_port: port that the other members connect to.
        host: address to listen on.
    """

    name: str
    directory: Path
    client_port: int
    peer_port: int
    host: str = LOOPBACK

    @property
    def endpoint(self) -> str:
        """host:port for clients."""
        return f"{self.host}:{self.client_port}"


def members_in(directory: Path, count: int) -> list[EtcdMember]:
    """That many members with free ports and directories of their own."""
    return [
        EtcdMember(f"etcd-{n}", directory / f"etcd-{n}", free_port(), free_port())
        for n in range(1, count + 1)
    ]


@final
class Etcd:
    """An etcd cluster whose members are processes of this machine.

    Args:
        servers: where etcd is installed.
        members: 1 or 3 members.
        quota_bytes: size of the store above which etcd refuses writes.

    Attributes:
        members: as given.
        processes: one per member, in the same order; each can be stopped and started by itself.
    """

    def __init__(
        self, servers: Servers, members: Sequence[EtcdMember], quota_bytes: int = _QUOTA_BYTES
    ) -> None:
        self.members = tuple(members)
        self._servers = servers
        self._quota_bytes = quota_bytes
        self.processes = tuple(self._process(member) for member in self.members)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """host:port of every member."""
        return tuple(member.endpoint for member in self.members)

    def start(self) -> None:
        """Starts all members and waits until each serves with a leader."""
        for process in self.processes:
            process.start()
        for process in self.processes:
            process.wait_ready()

    def stop(self) -> None:
        """Stops all members."""
        for process in self.processes:
            process.stop()

    def _process(self, member: EtcdMember) -> ServerProcess:
        member.directory.mkdir(parents=True, exist_ok=True)
        client, peer = (
            f"http://{member.host}:{port}" for port in (member.client_port, member.peer_port)
        )
        cluster = ",".join(f"{m.name}=http://{m.host}:{m.peer_port}" for m in self.members)
        settings = {
            "name": member.name,
            "data-dir": member.directory / "data",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": cluster,
            "initial-cluster-state": "new",
            # History that nobody can ask for any more goes; watches that come later list again.
            "auto-compaction-mode": "periodic",
            "auto-compaction-retention": "1h",
            "quota-backend-bytes": self._quota_bytes,
            "log-level": "warn",
        }
        arguments: list[str | Path] = [self._servers.etcd]
        arguments += [f"--{key}={value}" for key, value in settings.items()]
        return ServerProcess(
            member.name, arguments, member.directory,
            lambda: answers_http(member.host, member.client_port, "/health"),
        )  # fmt: skip
