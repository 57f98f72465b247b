"""Settings of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from flightmesh.errors import ConfigurationError
from flightmesh.runtime import settings
from flightmesh.sharding.shard_map import NodeRole
from launcher.servers.install import DEFAULT_FOLDER

DEFAULT_DATA_DIR: Final = Path("data") / "cluster"
# Where `make servers` installs them: in the checkout that this program runs from.
INSTALLED: Final = Path(__file__).resolve().parents[2] / DEFAULT_FOLDER
# Keyspace of the store, namespace in etcd, prefix of the subjects.
MESH_NAME: Final = "flightmesh"


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """Settings of a cluster, checked once at start.

    Attributes:
        data_dir: folder that holds everything of the cluster; made if missing.
        servers_dir: where the servers are installed.
        host: address that the mesh's processes listen on; the servers stay on loopback.
        http_port: port of the first gateway's REST; 0 takes a free one.
        grpc_port: port of the first shard node's public gRPC services; 0 takes a free one.
        coordinators: number of coordinators.
        shard_nodes: number of shard nodes.
        read_nodes: number of read nodes.
        gateways: number of gateways.
        shard_count: number of shards of a new store; None takes 64, or what the store has.
        log_level: of the processes.
        log_format: of the processes: text or json.
        service_settings: what the services' own settings are to have that differs from their
            defaults, checked, by kind of process.
    """

    data_dir: Path = DEFAULT_DATA_DIR
    servers_dir: Path = INSTALLED
    host: str = "127.0.0.1"
    http_port: int = 8080
    grpc_port: int = 8081
    coordinators: int = 2
    shard_nodes: int = 3
    read_nodes: int = 2
    gateways: int = 2
    shard_count: int | None = None
    log_level: str = "INFO"
    log_format: str = "text"
    service_settings: Mapping[NodeRole, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_env(cls, data_dir: Path | None = None, env: Mapping[str, str] | None = None) -> Self:
        """The settings that the environment gives.

        Args:
            data_dir: wins over the environment.
            env: the environment; the process's own if not given.

        Raises:
            ConfigurationError: a value does not parse, or both ports are the same.
        """
        default = cls()

        def number(name: str, otherwise: int) -> int:
            return settings.read(f"FLIGHTMESH_{name}", otherwise, settings.count, env)

        def port(name: str, otherwise: int) -> int:
            return settings.read(f"FLIGHTMESH_{name}", otherwise, settings.port, env)

        config = cls(
            data_dir=(data_dir or data_dir_from_env(env)).resolve(),
            host=settings.read("FLIGHTMESH_HOST", default.host, str, env),
            http_port=port("HTTP_PORT", default.http_port),
            grpc_port=port("GRPC_PORT", default.grpc_port),
            coordinators=number("COORDINATORS", default.coordinators),
            shard_nodes=number("SHARD_NODES", default.shard_nodes),
            read_nodes=number("READ_NODES", default.read_nodes),
            gateways=number("GATEWAYS", default.gateways),
            shard_count=settings.read("FLIGHTMESH_SHARD_COUNT", None, settings.power_of_two, env),
            log_level=settings.read(
                "FLIGHTMESH_LOG_LEVEL", default.log_level, settings.log_level, env
            ),
            log_format=settings.read(
                "FLIGHTMESH_LOG_FORMAT", default.log_format, settings.log_format, env
            ),
        )
        if config.http_port and config.http_port == config.grpc_port:
            raise ConfigurationError(
                f"FLIGHTMESH_HTTP_PORT and FLIGHTMESH_GRPC_PORT are both {config.http_port};"
                " each needs a port of its own"
            )
        return config


def data_dir_from_env(env: Mapping[str, str] | None = None) -> Path:
    """The folder of the cluster that the environment names."""
    return settings.read("FLIGHTMESH_DATA_DIR", DEFAULT_DATA_DIR, Path, env)
