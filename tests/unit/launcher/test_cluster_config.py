"""Settings of a cluster come from the environment and are checked at once."""

from pathlib import Path

import pytest

from flightmesh.errors import ConfigurationError
from launcher.cluster.config import ClusterConfig

EVERYTHING = {
    "FLIGHTMESH_DATA_DIR": "/somewhere/else",
    "FLIGHTMESH_HTTP_PORT": "9080",
    "FLIGHTMESH_GRPC_PORT": "9081",
    "FLIGHTMESH_COORDINATORS": "1",
    "FLIGHTMESH_SHARD_NODES": "5",
    "FLIGHTMESH_READ_NODES": "4",
    "FLIGHTMESH_GATEWAYS": "3",
    "FLIGHTMESH_SHARD_COUNT": "16",
    "FLIGHTMESH_LOG_LEVEL": "debug",
    "FLIGHTMESH_LOG_FORMAT": "JSON",
}


def test_without_settings_the_cluster_has_the_documented_size() -> None:
    config = ClusterConfig.from_env(env={})
    assert (config.coordinators, config.shard_nodes) == (2, 3)
    assert (config.read_nodes, config.gateways) == (2, 2)
    assert (config.http_port, config.grpc_port) == (8080, 8081)
    assert config.shard_count is None


def test_the_environment_decides_each_setting() -> None:
    config = ClusterConfig.from_env(env=EVERYTHING)
    assert config.data_dir == Path("/somewhere/else")
    assert (config.http_port, config.grpc_port) == (9080, 9081)
    assert (config.coordinators, config.shard_nodes) == (1, 5)
    assert (config.read_nodes, config.gateways) == (4, 3)
    assert (config.shard_count, config.log_level, config.log_format) == (16, "DEBUG", "json")


def test_a_folder_that_is_named_wins_over_the_environment() -> None:
    assert ClusterConfig.from_env(Path("/here"), EVERYTHING).data_dir == Path("/here")


def test_the_folder_is_absolute_because_servers_run_elsewhere() -> None:
    config = ClusterConfig.from_env(env={"FLIGHTMESH_DATA_DIR": "some/where"})
    assert config.data_dir.is_absolute()
    assert config.servers_dir.is_absolute()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FLIGHTMESH_READ_NODES", "0"),
        ("FLIGHTMESH_GATEWAYS", "many"),
        ("FLIGHTMESH_HTTP_PORT", "70000"),
        ("FLIGHTMESH_SHARD_COUNT", "63"),
    ],
)
def test_a_value_that_does_not_parse_is_named(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        ClusterConfig.from_env(env={name: text})


def test_one_port_for_two_things_is_refused() -> None:
    env = {"FLIGHTMESH_HTTP_PORT": "9000", "FLIGHTMESH_GRPC_PORT": "9000"}
    with pytest.raises(ConfigurationError, match="both 9000"):
        ClusterConfig.from_env(env=env)


def test_both_ports_may_be_left_to_the_launcher() -> None:
    env = {"FLIGHTMESH_HTTP_PORT": "0", "FLIGHTMESH_GRPC_PORT": "0"}
    assert ClusterConfig.from_env(env=env).http_port == 0
