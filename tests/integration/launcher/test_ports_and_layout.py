"""Who listens where, and the settings files that say so."""

import socket
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flightmesh.errors import ConfigurationError
from flightmesh.process.config import load
from flightmesh.sharding.shard_map import NodeRole
from launcher.cluster.config import ClusterConfig
from launcher.cluster.folder import ClusterFolder
from launcher.cluster.layout import plan_processes, write_settings
from launcher.cluster.ports import PortBook, is_free
from launcher.cluster.servers import ServerAddresses
from launcher.servers.process import free_port

SERVERS = ServerAddresses(("127.0.0.1:1", "127.0.0.1:2"), ("nats://127.0.0.1:3",), ("127.0.0.1:4",))
ANY_PORTS = ClusterConfig(http_port=0, grpc_port=0)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_ports_are_the_same_at_the_next_start(tmp_path: Path) -> None:
    purposes = [f"p-{n}" for n in range(20)]
    book = PortBook(tmp_path / "ports.json")
    first = [book.kept(purpose) for purpose in purposes]
    book.save()
    again = PortBook(tmp_path / "ports.json")
    assert [again.kept(purpose) for purpose in reversed(purposes)] == first[::-1]
    assert len(set(first)) == len(first)


def test_ports_stay_below_those_of_outgoing_connections(tmp_path: Path) -> None:
    book = PortBook(tmp_path / "ports.json")
    assert all(20_000 <= book.kept(f"p-{n}") < 32_000 for n in range(50))


def test_a_port_that_somebody_else_took_is_replaced_or_named(tmp_path: Path, taken: int) -> None:
    path = tmp_path / "ports.json"
    path.write_text(f'{{"etcd-1.peer":{taken},"shard-1.grpc":{taken}}}')
    assert PortBook(path).kept("shard-1.grpc") != taken
    with pytest.raises(ConfigurationError, match=rf"{taken}.*etcd-1\.peer"):
        PortBook(path).fixed("etcd-1.peer")


def test_a_port_that_was_asked_for_is_given_to_nobody_else(tmp_path: Path) -> None:
    first = PortBook(tmp_path / "ports.json").kept("a")
    assert PortBook(tmp_path / "ports.json", frozenset({first})).kept("a") != first


def test_a_file_of_ports_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("[]")
    with pytest.raises(ConfigurationError, match=r"ports\.json"):
        PortBook(tmp_path / "ports.json")


def test_the_mesh_has_the_processes_that_were_asked_for(tmp_path: Path) -> None:
    config = replace(ANY_PORTS, coordinators=1, shard_nodes=2, read_nodes=3, gateways=2)
    plans = plan_processes(config, PortBook(tmp_path / "ports.json"))
    assert [plan.name for plan in plans] == [
        "coordinator-1", "shard-1", "shard-2", "read-1", "read-2", "read-3",
        "gateway-1", "gateway-2",
    ]  # fmt: skip
    addresses = [each for p in plans for each in (p.grpc, p.metrics, p.http) if each]
    assert len(set(addresses)) == len(addresses) == 2 * 8 + 2
    assert {plan.role for plan in plans if plan.http} == {NodeRole.GATEWAY}


def test_shard_1_and_gateway_1_have_the_ports_that_were_asked_for(tmp_path: Path) -> None:
    http, grpc = free_port(), free_port()
    config = replace(ANY_PORTS, http_port=http, grpc_port=grpc)
    plans = {p.name: p for p in plan_processes(config, PortBook(tmp_path / "ports.json"))}
    assert plans["shard-1"].grpc == f"127.0.0.1:{grpc}"
    assert plans["gateway-1"].http == f"127.0.0.1:{http}"
    second = int(plans["gateway-2"].http.rpartition(":")[2])
    assert second > http
    assert second != grpc
    assert is_free(second)


def test_the_next_gateway_passes_by_the_grpc_port(tmp_path: Path) -> None:
    http = next(n for n in range(15_000, 19_000) if is_free(n) and is_free(n + 1))
    config = replace(ANY_PORTS, http_port=http, grpc_port=http + 1)
    book = PortBook(tmp_path / "ports.json", frozenset({http, http + 1}))
    plans = {p.name: p for p in plan_processes(config, book)}
    assert int(plans["gateway-2"].http.rpartition(":")[2]) > http + 1


@pytest.mark.parametrize("which", ["http_port", "grpc_port"])
def test_a_port_that_is_taken_is_named_with_its_variable(
    tmp_path: Path, taken: int, which: str
) -> None:
    config = ClusterConfig(**{"http_port": 0, "grpc_port": 0, which: taken})
    with pytest.raises(ConfigurationError, match=f"{taken}.*FLIGHTMESH_{which.upper()}"):
        plan_processes(config, PortBook(tmp_path / "ports.json"))


def test_processes_understand_their_settings_files(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path)
    folder.own("config")
    config = replace(ANY_PORTS, log_format="json")
    plans = plan_processes(config, PortBook(folder.port_file))
    for plan in plans:
        path = write_settings(plan, config, folder, SERVERS, 32)
        read = load(path, env={})
        assert (read.name, f"{read.host}:{read.grpc_port}") == (plan.name, plan.grpc)
        assert f"{read.host}:{read.metrics_port}" == plan.metrics
        assert (read.etcd, read.nats, read.cassandra) == (
            SERVERS.etcd, SERVERS.nats, SERVERS.cassandra,
        )  # fmt: skip
        assert (read.shard_count, read.log_format) == (32, "json")
        keeps = "data_dir" in tomllib.loads(path.read_text())
        assert keeps is (plan.role is NodeRole.READ_NODE)
        assert plan.command(path)[1:] == ["-m", plan.role.value, "--config", path]
        assert not read.settings


def test_services_get_their_own_settings_from_those_of_the_cluster(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path)
    folder.own("config")
    own = {
        NodeRole.SHARD_NODE: {"flush_s": 0.5, "passivate_after_s": float("inf")},
        NodeRole.COORDINATOR: {"lease_ttl_s": 7, "limits": {"absolute": 3, "relative": 1e-7}},
    }
    config = replace(ANY_PORTS, service_settings=own)
    for plan in plan_processes(config, PortBook(folder.port_file)):
        read = load(write_settings(plan, config, folder, SERVERS, 32), env={})
        assert read.settings == own.get(plan.role, {})
        assert read.shard_count == 32
