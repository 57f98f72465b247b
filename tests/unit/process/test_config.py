"""Settings of a process: the file, the environment over it, and what is refused."""

from pathlib import Path

import pytest

from coordinator.config import CoordinatorConfig
from flightmesh.errors import ConfigurationError
from flightmesh.process.config import load
from flightmesh.sharding.allocation import Limits
from shard_node.config import ShardNodeConfig


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "shard-1.toml"
    path.write_text(text)
    return path


def test_a_file_gives_all_settings(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        """
        name = "shard-1"
        grpc_port = 4711
        etcd = ["127.0.0.1:1", "127.0.0.1:2"]
        cassandra = ["127.0.0.1:9", "[::1]:9"]
        [settings]
        flush_s = 2
        """,
    )
    config = load(path, {})
    assert (config.name, config.grpc_port) == ("shard-1", 4711)
    assert config.etcd == ("127.0.0.1:1", "127.0.0.1:2")
    assert (config.cassandra_hosts, config.cassandra_port) == (("127.0.0.1", "::1"), 9)
    tuned = config.tuned(ShardNodeConfig, name=config.name, address="127.0.0.1:4711")
    assert (tuned.flush_s, tuned.name) == (2.0, "shard-1")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, 'name = "shard-1"\ngrpc_port = 4711\nnats = ["nats://a"]')
    env = {"FLIGHTMESH_GRPC_PORT": "4712", "FLIGHTMESH_NATS": "nats://b, nats://c"}
    config = load(path, env)
    assert config.grpc_port == 4712
    assert config.nats == ("nats://b", "nats://c")


def test_the_environment_alone_is_enough() -> None:
    assert load(None, {"FLIGHTMESH_NAME": "read-1"}).name == "read-1"


def test_nested_settings_are_read(tmp_path: Path) -> None:
    text = 'name = "c"\n[settings.limits]\nabsolute = 3\nrelative = 0.5'
    config = load(_file(tmp_path, text), {}).tuned(CoordinatorConfig, name="c", address="")
    assert config.limits == Limits(3, 0.5)


@pytest.mark.parametrize(
    ("text", "env", "named"),
    [
        ('name = "a"\ngrpc_prot = 1', {}, "grpc_prot"),
        ('name = "a"\ngrpc_port = "x"', {}, "grpc_port"),
        ('name = "a"\ngrpc_port = 70000', {}, "grpc_port"),
        ('name = "a"\nshard_count = 3', {}, "shard_count"),
        ('name = "a"\nlog_level = "LOUD"', {}, "log_level"),
        ('name = "a"\netcd = []', {}, "etcd"),
        ('name = "a"\ncassandra = ["h:1", "i:2"]', {}, "same port"),
        ('name = "a"\ncassandra = ["h"]', {}, "host:port"),
        ('name = "a"\ndrain_limit_s = 0', {}, "drain_limit_s"),
        ("name = ", {}, "shard-1.toml"),
        ("", {}, "name"),
        ('name = "a"', {"FLIGHTMESH_GRPC_PORT": "x"}, "FLIGHTMESH_GRPC_PORT"),
        ('name = "a"', {"FLIGHTMESH_GRCP_PORT": "1"}, "did you mean FLIGHTMESH_GRPC_PORT"),
        ('name = "a"', {"FLIGHTMESH_DRAIN_LIMIT": "soon"}, "FLIGHTMESH_DRAIN_LIMIT"),
    ],
)
def test_what_is_wrong_is_refused_by_name(
    tmp_path: Path, text: str, env: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load(_file(tmp_path, text), env)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("flush = 1", "flush is not known; there are: .*flush_s"),
        ('flush_s = "long"', "flush_s"),
        ("flush_s = 0", "flush_s must be positive"),
        ('name = "other"', "name is not known"),
        ("pid = 1", "pid is not known"),
    ],
)
def test_a_wrong_setting_of_the_service_is_refused_by_name(
    tmp_path: Path, text: str, named: str
) -> None:
    config = load(_file(tmp_path, f'name = "shard-1"\n[settings]\n{text}'), {})
    with pytest.raises(ConfigurationError, match=named):
        config.tuned(ShardNodeConfig, name="shard-1", address="")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        load(tmp_path / "none.toml", {})


def test_a_wrong_key_of_nested_settings_is_refused_by_name(tmp_path: Path) -> None:
    config = load(_file(tmp_path, 'name = "c"\n[settings.limits]\nabsolut = 3'), {})
    with pytest.raises(ConfigurationError, match=r"settings\.limits: absolut .*absolute"):
        config.tuned(CoordinatorConfig, name="c", address="")
