"""What the services of a cluster are to have that differs from their defaults: a TOML file.

A table for each kind of process, `[shard_node]` and so on, with what stands under `[settings]` in
the files of its processes. All is checked here, before anything is started.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from coordinator.config import CoordinatorConfig
from flightmesh.errors import ConfigurationError
from flightmesh.process.config import read_toml, tuned_settings
from flightmesh.sharding.shard_map import NodeRole
from gateway.config import GatewayConfig
from read_node.config import ReadNodeConfig
from shard_node.config import ShardNodeConfig

_WHO: Final = {"name": "any", "address": ""}
# The dataclass of each table, and what its processes get from elsewhere.
_TABLES: Final[Mapping[NodeRole, tuple[Any, Mapping[str, str]]]] = {
    NodeRole.COORDINATOR: (CoordinatorConfig, _WHO),
    NodeRole.SHARD_NODE: (ShardNodeConfig, _WHO),
    NodeRole.READ_NODE: (ReadNodeConfig, _WHO),
    NodeRole.GATEWAY: (GatewayConfig, {}),
}


def read_service_settings(path: Path | None) -> Mapping[NodeRole, Mapping[str, Any]]:
    """The settings of the services by kind of process.

    Args:
        path: the file; None gives no settings.

    Raises:
        ConfigurationError: the file cannot be read, a table or key is unknown, or a value is wrong;
            names which.
    """
    tables = {} if path is None else read_toml(path)
    roles = {role.value: role for role in _TABLES}
    settings: dict[NodeRole, Mapping[str, Any]] = {}
    for name, table in tables.items():
        if name not in roles or not isinstance(table, dict):
            known = ", ".join(f"[{each}]" for each in roles)
            raise ConfigurationError(f"{path}: {name} is no table of it; there are: {known}")
        kind, given = _TABLES[roles[name]]
        tuned_settings(f"{path}: [{name}]", table, kind, **given)
        settings[roles[name]] = table
    return settings
