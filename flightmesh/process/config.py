"""Settings of one process: a TOML file, over which the environment wins.

A key or variable that nobody knows stops the start: a slip of the pen must not leave a default in
force unseen.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints

import msgspec

from flightmesh.errors import ConfigurationError
from flightmesh.journal import FORMAT_VERSION, Constants
from flightmesh.runtime import settings

T = TypeVar("T")

# Fields of the services' own settings that come from elsewhere.
_NOT_TUNABLE: Final = frozenset(
    {"name", "address", "pid", "extra", "shard_count", "host", "port", "data_dir", "store"}
)


class ProcessConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of one process, checked once at start.

    Attributes:
        name: unique among the processes of its kind.
        host: address to listen on.
        grpc_port: port of its gRPC services; 0 takes a free one.
        http_port: port of REST and the page; gateways only; 0 takes a free one.
        metrics_port: port of /metrics, /healthz and /readyz; 0 takes a free one.
        data_dir: folder for what the process keeps for itself; None keeps nothing.
        cluster: names the mesh: keyspace, prefix of the registry's keys and of the subjects.
        shard_count: number of shards; the store must agree.
        etcd: host:port of all members.
        nats: URLs of the servers.
        cassandra: host:port of the nodes to connect to first; one port for all of them.
        log_level: DEBUG, INFO, WARNING or ERROR.
        log_format: text or json.
        drain_limit_s: longest time that each part may take to stop.
        settings: fields of the service's own settings that are to differ from their defaults.
    """

    name: str
    host: str = "127.0.0.1"
    grpc_port: int = 0
    http_port: int = 0
    metrics_port: int = 0
    data_dir: str | None = None
    cluster: str = "flightmesh"
    shard_count: int = 64
    etcd: tuple[str, ...] = ("127.0.0.1:2379",)
    nats: tuple[str, ...] = ("nats://127.0.0.1:4222",)
    cassandra: tuple[str, ...] = ("127.0.0.1:9042",)
    log_level: str = "INFO"
    log_format: str = "text"
    drain_limit_s: float = 20.0
    settings: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigurationError("a process needs a name (key name, or FLIGHTMESH_NAME)")
        for key in ("etcd", "nats", "cassandra"):
            if not getattr(self, key):
                raise ConfigurationError(f"{key} names no server")
        if len({_port_of(address) for address in self.cassandra}) > 1:
            raise ConfigurationError("cassandra: all nodes must have the same port")
        if self.drain_limit_s <= 0:
            raise ConfigurationError("drain_limit_s must be above 0")

    @property
    def constants(self) -> Constants:
        """Those of the store: what is opened was made with them."""
        return Constants(self.shard_count, FORMAT_VERSION)

    @property
    def cassandra_hosts(self) -> tuple[str, ...]:
        """The hosts of the Cassandra nodes."""
        return tuple(address.rpartition(":")[0].strip("[]") for address in self.cassandra)

    @property
    def cassandra_port(self) -> int:
        """The port of all Cassandra nodes."""
        return _port_of(self.cassandra[0])

    def tuned(self, kind: Callable[..., T], **given: Any) -> T:
        """A service's own settings: what is given here, `settings`, and defaults.

        Args:
            kind: the dataclass of the settings.
            given: fields that do not come from the file.

        Raises:
            ConfigurationError: a key is unknown, or a value is of the wrong kind or out of range.
        """
        return tuned_settings("settings", self.settings, kind, **given)


def tuned_settings(
    where: str, settings: Mapping[str, Any], kind: Callable[..., T], **given: Any
) -> T:
    """A service's own settings: what is given, what is tuned, and defaults.

    Args:
        where: names the tuned ones in errors.
        settings: the tuned ones.
        kind: the dataclass of the settings.
        given: fields that are not to be tuned.

    Raises:
        ConfigurationError: a key is unknown, or a value is of the wrong kind or out of range.
    """
    _check_keys(where, settings, kind, _NOT_TUNABLE)
    try:
        return msgspec.convert({**settings, **given}, kind)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error.message}") from None


def _check_keys(where: str, values: Mapping[str, Any], kind: Any, hidden: Collection[str]) -> None:
    """Refuses keys that are no fields of a dataclass, or of one inside it."""
    fields = {field: hint for field, hint in get_type_hints(kind).items() if field not in hidden}
    for key, value in values.items():
        if key not in fields:
            known = ", ".join(sorted(fields))
            raise ConfigurationError(f"{where}: {key} is not known; there are: {known}")
        if isinstance(value, dict) and dataclasses.is_dataclass(fields[key]):
            _check_keys(f"{where}.{key}", value, fields[key], ())


def _port_of(address: str) -> int:
    host, _, port = address.rpartition(":")
    if not host:
        raise ConfigurationError(f"cassandra: {address!r} is not host:port")
    try:
        return settings.port(port)
    except ValueError as error:
        raise ConfigurationError(f"cassandra: {address!r} {error}") from None


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("is no number of seconds") from None


_VARIABLES: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "name": ("FLIGHTMESH_NAME", str),
    "host": ("FLIGHTMESH_HOST", str),
    "grpc_port": ("FLIGHTMESH_GRPC_PORT", settings.port),
    "http_port": ("FLIGHTMESH_HTTP_PORT", settings.port),
    "metrics_port": ("FLIGHTMESH_METRICS_PORT", settings.port),
    "data_dir": ("FLIGHTMESH_DATA_DIR", str),
    "cluster": ("FLIGHTMESH_CLUSTER", str),
    "shard_count": ("FLIGHTMESH_SHARD_COUNT", settings.power_of_two),
    "etcd": ("FLIGHTMESH_ETCD", settings.comma_separated),
    "nats": ("FLIGHTMESH_NATS", settings.comma_separated),
    "cassandra": ("FLIGHTMESH_CASSANDRA", settings.comma_separated),
    "log_level": ("FLIGHTMESH_LOG_LEVEL", settings.log_level),
    "log_format": ("FLIGHTMESH_LOG_FORMAT", settings.log_format),
    "drain_limit_s": ("FLIGHTMESH_DRAIN_LIMIT", _seconds),
}
_PORTS: Final = ("grpc_port", "http_port", "metrics_port")


def load(path: Path | None, env: Mapping[str, str] | None = None) -> ProcessConfig:
    """The settings of a process.

    Args:
        path: the file; None takes everything from the environment.
        env: the environment; the process's own if not given.

    Raises:
        ConfigurationError: the file cannot be read, a key or variable is unknown, or a value is
            wrong; names which.
    """
    values = {} if path is None else read_toml(path)
    for key, (variable, parse) in _VARIABLES.items():
        given = settings.read(variable, None, parse, env)
        if given is not None:
            values[key] = given
    if unknown := settings.unknown_variables(env):
        raise ConfigurationError("; ".join(unknown))
    where = "the environment" if path is None else str(path)
    try:
        config = msgspec.convert(values, ProcessConfig)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    _check(config, where)
    return config


def read_toml(path: Path) -> dict[str, Any]:
    """The contents of a file.

    Raises:
        ConfigurationError: it cannot be read, or is no TOML.
    """
    try:
        values: dict[str, Any] = msgspec.toml.decode(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    return values


def _check(config: ProcessConfig, where: str) -> None:
    """What the environment's parsers check, also for values of the file."""
    checks: Sequence[tuple[str, Callable[[str], Any]]] = (
        *((key, settings.port) for key in _PORTS),
        ("shard_count", settings.power_of_two),
        ("log_level", settings.log_level),
        ("log_format", settings.log_format),
    )
    for key, parse in checks:
        value = getattr(config, key)
        try:
            parse(str(value))
        except ValueError as error:
            raise ConfigurationError(f"{where}: {key} = {value!r} {error}") from None
