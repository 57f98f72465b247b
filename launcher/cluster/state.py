"""cluster.json: the processes of a cluster, where they listen and how they are."""

import os
from pathlib import Path
from typing import Final

import msgspec

from flightmesh.errors import ConfigurationError
from launcher.whole_files import write_atomically

# Fields of /proc/PID/stat after the name, which may hold spaces and brackets.
_STATE: Final = 0
_STARTED: Final = 19


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One process.

    Attributes:
        name: unique in the cluster.
        role: kind, as the registry names it.
        pid: process id, of the last process if it has ended; 0 if it was never started.
        started: when it was started, in ticks since the machine's start: tells it from another
            process that has got its id.
        state: new, starting, running or ended.
        exit_code: status it ended with, or minus the signal; None while it runs.
        address: what the registry has: gRPC; HTTP of a gateway; the clients' port of a server.
        grpc: host:port of its gRPC services; empty for servers.
        http: host:port of REST; gateways only.
        metrics: host:port of /metrics, /healthz and /readyz; empty for servers.
        log: its log file.
        config: its settings file; empty for servers.
    """

    name: str
    role: str
    pid: int
    started: int
    state: str
    exit_code: int | None
    address: str
    grpc: str = ""
    http: str = ""
    metrics: str = ""
    log: str
    config: str = ""


class ClusterState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole cluster.

    Attributes:
        state: starting, ready, stopping or stopped.
        launcher_pid: process id of the launcher.
        launcher_started: see ProcessState.started.
        data_dir: its folder.
        cluster: name of the mesh: keyspace, namespace in etcd, prefix of the subjects.
        shard_count: number of shards; 0 while it is not known yet.
        http: host:port of REST, of every gateway.
        grpc: host:port of every process that answers the public gRPC services; the one at the
            port that was asked for comes first.
        etcd: host:port of every member.
        nats: URL of every server.
        cassandra: host:port of every node.
        processes: in the order in which they are started.
    """

    state: str
    launcher_pid: int
    launcher_started: int
    data_dir: str
    cluster: str
    shard_count: int
    http: tuple[str, ...]
    grpc: tuple[str, ...]
    etcd: tuple[str, ...]
    nats: tuple[str, ...]
    cassandra: tuple[str, ...]
    processes: tuple[ProcessState, ...]


def write_state(path: Path, state: ClusterState) -> None:
    """Replaces cluster.json, so that readers see the old or the new one."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")


def read_state(path: Path) -> ClusterState | None:
    """What cluster.json says; None if there is none.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=ClusterState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"{path}: {error}") from None


def started_at(pid: int) -> int:
    """When a process was started, in ticks since the machine's start; 0 if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    values = text.rpartition(")")[2].split()
    # What nobody has waited for yet is there only in name.
    return 0 if values[_STATE] == "Z" else int(values[_STARTED])


def is_alive(pid: int, started: int) -> bool:
    """Whether a process that was seen before is there still, and not another one with its id."""
    return pid > 0 and pid != os.getpid() and started > 0 and started_at(pid) == started
