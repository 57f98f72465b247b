"""Settings of the embedded process."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from flightmesh.errors import ConfigurationError
from flightmesh.runtime import settings


@dataclass(frozen=True, slots=True)
class EmbeddedConfig:
    """Settings of the embedded process, checked once at start.

    Attributes:
        data_dir: folder that holds all data; made if missing.
        host: address to listen on.
        http_port: port of REST and the web page; 0 takes a free one.
        host_names: names that REST and the page may be asked by; see `GatewayConfig`.
        grpc_port: port of the public gRPC services; 0 takes a free one.
        shard_nodes: number of shard nodes in the process.
        shard_count: number of shards of a new store; None takes 64, or what the store has.
        sample: load the sample schedule if the store is empty.
        drain_limit_s: longest time that each part may take to stop.
    """

    data_dir: Path = Path("data")
    host: str = "127.0.0.1"
    http_port: int = 8080
    host_names: tuple[str, ...] = ()
    grpc_port: int = 8081
    shard_nodes: int = 2
    shard_count: int | None = None
    sample: bool = True
    drain_limit_s: float = 10.0

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """The settings that the environment gives.

        Raises:
            ConfigurationError: a value does not parse, or both ports are the same.
        """
        default = cls()
        config = cls(
            data_dir=settings.read("FLIGHTMESH_DATA_DIR", default.data_dir, Path, env),
            host=settings.read("FLIGHTMESH_HOST", default.host, str, env),
            http_port=settings.read("FLIGHTMESH_HTTP_PORT", default.http_port, settings.port, env),
            host_names=settings.read(
                "FLIGHTMESH_HOST_NAMES", default.host_names, settings.comma_separated, env
            ),
            grpc_port=settings.read("FLIGHTMESH_GRPC_PORT", default.grpc_port, settings.port, env),
            shard_nodes=settings.read(
                "FLIGHTMESH_SHARD_NODES", default.shard_nodes, settings.count, env
            ),
            shard_count=settings.read("FLIGHTMESH_SHARD_COUNT", None, settings.power_of_two, env),
            sample=settings.read("FLIGHTMESH_SAMPLE", default.sample, settings.yes_or_no, env),
        )
        if config.http_port and config.http_port == config.grpc_port:
            raise ConfigurationError(
                f"FLIGHTMESH_HTTP_PORT and FLIGHTMESH_GRPC_PORT are both {config.http_port};"
                " each needs a port of its own"
            )
        return config
