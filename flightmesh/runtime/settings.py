"""Settings from the environment: the only place that reads it.

Every variable of Flightmesh is listed here; a value that does not parse stops the start, and a
variable nobody knows (a slip of the pen) is named in a warning.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from flightmesh.errors import ConfigurationError

T = TypeVar("T")

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS: Final = ("text", "json")

KNOWN: Final[Mapping[str, str]] = {
    "FLIGHTMESH_DATA_DIR": "folder that holds all data",
    "FLIGHTMESH_HTTP_PORT": "port of REST and the web page",
    "FLIGHTMESH_GRPC_PORT": "port of the public gRPC services",
    "FLIGHTMESH_HOST": "address to listen on; loopback unless set",
    "FLIGHTMESH_HOST_NAMES": "names that REST and the page may be asked by, with commas; * is any",
    "FLIGHTMESH_SHARD_NODES": "number of shard nodes",
    "FLIGHTMESH_READ_NODES": "number of read nodes",
    "FLIGHTMESH_COORDINATORS": "number of coordinators",
    "FLIGHTMESH_GATEWAYS": "number of gateways",
    "FLIGHTMESH_SHARD_COUNT": "number of shards of a new store, a power of two",
    "FLIGHTMESH_SAMPLE": "load the sample schedule on first start: yes or no",
    "FLIGHTMESH_LOG_LEVEL": "DEBUG, INFO, WARNING or ERROR",
    "FLIGHTMESH_LOG_FORMAT": "text or json",
    "FLIGHTMESH_CONFIG": "file with the settings of one process of the mesh",
    "FLIGHTMESH_CLUSTER_SETTINGS": "file with the services' settings in a whole cluster",
    "FLIGHTMESH_NAME": "name of the process, unique among those of its kind",
    "FLIGHTMESH_METRICS_PORT": "port of /metrics, /healthz and /readyz",
    "FLIGHTMESH_CLUSTER": "name of the mesh: keyspace, prefix of keys and subjects",
    "FLIGHTMESH_ETCD": "host:port of the etcd members, with commas",
    "FLIGHTMESH_NATS": "URLs of the NATS servers, with commas",
    "FLIGHTMESH_CASSANDRA": "host:port of Cassandra nodes, with commas",
    "FLIGHTMESH_DRAIN_LIMIT": "seconds that each part may take to stop",
    "FLIGHTMESH_SERVER": "gRPC addresses the command line talks to",
    "FLIGHTMESH_TEST_DATA": "folder with real schedules for the tests",
}


def environment() -> Mapping[str, str]:
    """The process's environment."""
    return os.environ


def read(
    name: str, default: T, parse: Callable[[str], T], env: Mapping[str, str] | None = None
) -> T:
    """The value of a known variable, or the default where it is unset or empty.

    Raises:
        ConfigurationError: the text does not parse.
    """
    assert name in KNOWN, name
    text = (environment() if env is None else env).get(name, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigurationError(f"{name}={text!r} {error} ({KNOWN[name]})") from None


def unknown_variables(env: Mapping[str, str] | None = None) -> list[str]:
    """Sentences about variables that look like ours but are not known."""
    names = sorted(environment() if env is None else env)
    sentences = []
    for name in names:
        if name.startswith("FLIGHTMESH_") and name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            sentences.append(f"{name} is not a setting of Flightmesh{hint}")
    return sentences


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("is no whole number") from None


def port(text: str) -> int:
    """A TCP port; 0 asks for a free one."""
    number = _whole_number(text)
    if not 0 <= number <= 65_535:
        raise ValueError("is no port (0 to 65535)")
    return number


def count(text: str) -> int:
    """A number from 1 to 1,024."""
    number = _whole_number(text)
    if not 1 <= number <= 1024:
        raise ValueError("is not between 1 and 1024")
    return number


def power_of_two(text: str) -> int:
    """A power of two up to 65,536."""
    number = _whole_number(text)
    if not 1 <= number <= 65_536 or number & (number - 1):
        raise ValueError("is no power of two up to 65536")
    return number


def yes_or_no(text: str) -> bool:
    """yes or no, in the usual spellings."""
    if text.lower() in {"yes", "true", "1", "on"}:
        return True
    if text.lower() in {"no", "false", "0", "off"}:
        return False
    raise ValueError("is neither yes nor no")


def comma_separated(text: str) -> tuple[str, ...]:
    """The items of a list with commas; empty ones are left out."""
    return tuple(part for part in (each.strip() for each in text.split(",")) if part)


def log_level(text: str) -> str:
    """A log level, in any case."""
    if text.upper() not in LOG_LEVELS:
        raise ValueError("is no log level")
    return text.upper()


def log_format(text: str) -> str:
    """A form of the log's lines, in any case."""
    if text.lower() not in LOG_FORMATS:
        raise ValueError("is no log format")
    return text.lower()
