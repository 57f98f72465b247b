"""The mesh's own processes: their names, ports and settings files."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flightmesh.rpc.addresses import check_address
from flightmesh.sharding.shard_map import NodeRole
from launcher.cluster.config import MESH_NAME, ClusterConfig
from launcher.cluster.folder import ClusterFolder
from launcher.cluster.ports import PortBook
from launcher.cluster.servers import ServerAddresses

Value = str | int | float | Sequence[Any] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process of the mesh.

    Attributes:
        name: unique in the cluster.
        role: kind; its value names the package with the program.
        grpc: host:port of its gRPC services.
        metrics: host:port of /metrics, /healthz and /readyz.
        http: host:port of REST; gateways only.
    """

    name: str
    role: NodeRole
    grpc: str
    metrics: str
    http: str = ""

    @property
    def address(self) -> str:
        """What the registry has."""
        return self.http or self.grpc

    def command(self, config_file: Path) -> list[str | Path]:
        """What starts it."""
        return [sys.executable, "-m", self.role.value, "--config", config_file]


def plan_processes(config: ClusterConfig, ports: PortBook) -> list[ProcessPlan]:
    """All processes of the mesh, in the order in which they are started.

    Raises:
        ConfigurationError: a port that was asked for is taken, or none is free.
    """
    host = config.host
    if config.http_port:
        check_address(host, config.http_port, "FLIGHTMESH_HTTP_PORT")
    if config.grpc_port:
        check_address(host, config.grpc_port, "FLIGHTMESH_GRPC_PORT")
    counts = {
        "coordinator": (NodeRole.COORDINATOR, config.coordinators),
        "shard": (NodeRole.SHARD_NODE, config.shard_nodes),
        "read": (NodeRole.READ_NODE, config.read_nodes),
        "gateway": (NodeRole.GATEWAY, config.gateways),
    }
    plans: list[ProcessPlan] = []
    http_port = config.http_port
    for prefix, (role, count) in counts.items():
        for n in range(1, count + 1):
            name = f"{prefix}-{n}"
            public = role is NodeRole.SHARD_NODE and n == 1 and config.grpc_port
            grpc = public or ports.kept(f"{name}.grpc")
            metrics = ports.kept(f"{name}.metrics")
            http = ""
            if role is NodeRole.GATEWAY:
                if n > 1 or not http_port:
                    http_port = _next_http(config, ports, name, http_port)
                http = f"{host}:{http_port}"
            plans.append(ProcessPlan(name, role, f"{host}:{grpc}", f"{host}:{metrics}", http))
    return plans


def _next_http(config: ClusterConfig, ports: PortBook, name: str, before: int) -> int:
    # Beside the port that was asked for, so that people guess it; else like all others.
    return ports.after(before, config.host) if config.http_port else ports.kept(f"{name}.http")


def write_settings(
    plan: ProcessPlan,
    config: ClusterConfig,
    folder: ClusterFolder,
    servers: ServerAddresses,
    shard_count: int,
) -> Path:
    """Writes the settings file of a process; returns where."""
    values: dict[str, Value] = {
        "name": plan.name,
        "host": config.host,
        "grpc_port": _port(plan.grpc),
        "metrics_port": _port(plan.metrics),
        "cluster": MESH_NAME,
        "shard_count": shard_count,
        "etcd": servers.etcd,
        "nats": servers.nats,
        "cassandra": servers.cassandra,
        "log_level": config.log_level,
        "log_format": config.log_format,
    }
    if plan.http:
        values["http_port"] = _port(plan.http)
    if plan.role is NodeRole.READ_NODE:
        values["data_dir"] = str(folder.own(plan.name))
    if own := config.service_settings.get(plan.role):
        values["settings"] = own
    path = folder.config_file(plan.name)
    path.write_text(as_toml(values))
    return path


def as_toml(values: Mapping[str, Value], table: str = "") -> str:
    """A TOML table of texts, numbers, lists of them, and tables; its keys are plain words."""
    lines = [f"[{table}]"] if table else []
    tables = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            tables.append(as_toml(value, f"{table}.{key}" if table else key))
        else:
            lines.append(f"{key} = {_plain(value)}")
    return "\n".join([*lines, "", *tables])


def _plain(value: Any) -> str:
    # Infinity has another name in JSON. All else is as in JSON, but for DEL.
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
