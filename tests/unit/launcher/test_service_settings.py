"""The services' settings in a cluster: read from one file, all of them checked before a start."""

from pathlib import Path

import pytest

from flightmesh.errors import ConfigurationError
from flightmesh.sharding.shard_map import NodeRole
from launcher.cluster.service_settings import read_service_settings


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_without_a_file_nothing_differs() -> None:
    assert read_service_settings(None) == {}


def test_each_kind_of_process_has_its_table(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        """
        [coordinator]
        lease_ttl_s = 7
        limits.absolute = 3
        [shard_node]
        flush_s = 0.5
        passivate_after_s = inf
        [read_node]
        follower = {}
        [gateway]
        max_concurrent_requests = 100
        """,
    )
    assert read_service_settings(path) == {
        NodeRole.COORDINATOR: {"lease_ttl_s": 7, "limits": {"absolute": 3}},
        NodeRole.SHARD_NODE: {"flush_s": 0.5, "passivate_after_s": float("inf")},
        NodeRole.READ_NODE: {"follower": {}},
        NodeRole.GATEWAY: {"max_concurrent_requests": 100},
    }


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[shard_nodes]\nflush_s = 1", r"shard_nodes is no table .* \[shard_node\]"),
        ("[etcd]", "etcd is no table"),
        ("gateway = 3", "gateway is no table"),
        ("[shard_node]\nflush = 1", r"\[shard_node\]: flush is not known; there are: .*flush_s"),
        ("[shard_node]\nname = 'a'", r"\[shard_node\]: name is not known"),
        ("[coordinator.limits]\nmost = 1", r"\[coordinator\]\.limits: most is not known"),
        ("[shard_node]\nflush_s = 'soon'", r"\[shard_node\]: Expected .*flush_s"),
        ("[shard_node]\nflush_s = 0", r"\[shard_node\]: flush_s must be positive"),
        ("[gateway]\nport = 1", r"\[gateway\]: port is not known"),
        ("[gateway", "settings.toml"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as refused:
        read_service_settings(file(tmp_path, text))
    assert str(tmp_path / "settings.toml") in refused.value.message
    assert "\n" not in refused.value.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml: No such file"):
        read_service_settings(tmp_path / "none.toml")
