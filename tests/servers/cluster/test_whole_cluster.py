"""A whole cluster on real servers, as its users have it."""

import asyncio
import json
import os
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import msgspec
import pytest_asyncio

from clients.aio import FlightmeshClient
from clients.config import ClientConfig
from launcher.cluster.driver import ClusterDriver
from launcher.cluster.state import ClusterState

DATED_LEGS = 3_070
SIZES = {
    "cassandra": 1, "etcd": 3, "nats": 1,
    "coordinator": 2, "shard_node": 3, "read_node": 2, "gateway": 2,
}  # fmt: skip


def answer(address: str, path: str) -> Any:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as response:
        return json.loads(response.read())


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


@pytest_asyncio.fixture
async def client(cluster: ClusterDriver) -> AsyncIterator[FlightmeshClient]:
    """A client that knows every process."""
    config = ClientConfig(cluster.state().grpc, timeout_s=60.0, patience_s=30.0)
    async with FlightmeshClient(config) as client:
        yield client


async def until(client: FlightmeshClient, condition: Callable[[dict[str, int]], bool]) -> None:
    """Waits for what the launcher tells the registry in its own time."""
    async with asyncio.timeout(60):
        while not condition(await pids(client)):  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.1)


async def pids(client: FlightmeshClient) -> dict[str, int]:
    """What the mesh lists: process ids by name."""
    return {node.name: node.pid for node in await client.mesh.nodes()}


def test_cluster_json_names_every_process_with_addresses_and_log(cluster: ClusterDriver) -> None:
    state = cluster.state()
    assert state.state == "ready"
    assert Counter(each.role for each in state.processes) == SIZES
    for each in state.processes:
        assert each.state == "running"
        assert Path(each.log).exists()
        assert each.address
        assert os.sched_getscheduler(each.pid) == os.SCHED_BATCH
        line = command_line(each.pid)
        if each.role in {"cassandra", "etcd", "nats"}:
            assert str(cluster.folder) in line or each.name in line
        else:
            assert f"-m {each.role} --config {each.config}" in line
            assert each.grpc
            with urllib.request.urlopen(f"http://{each.metrics}/readyz", timeout=20) as ready:
                assert ready.status == 200


def test_the_launcher_prints_addresses_and_ready(cluster: ClusterDriver) -> None:
    lines = cluster.said().splitlines()
    assert "ready" in lines
    assert f"gRPC   {', '.join(cluster.state().grpc)}" in lines


def test_nodes_lists_every_process_with_the_servers(cluster: ClusterDriver) -> None:
    listed = {node["name"]: node for node in cluster.told("nodes")["nodes"]}
    for each in cluster.state().processes:
        node = listed[each.name]
        assert (node["pid"], node["address"]) == (each.pid, each.address)
        assert node["role"] == f"NODE_ROLE_{each.role.upper()}"
        # Servers' registrations are their launcher's.
        assert node["version"] == (version_of("flightmesh") if each.grpc else "")
    assert len(listed) == sum(SIZES.values())
    assert sum(node["leader"] for node in listed.values()) == 1
    assert sum(node["shards_owned"] for node in listed.values()) == 64


def test_status_tells_what_cluster_json_says(cluster: ClusterDriver) -> None:
    told = msgspec.convert(cluster.told("cluster", "status"), ClusterState)
    assert told == cluster.state()
    table = cluster.cli("cluster", "status").stdout
    assert all(each.name in table for each in cluster.state().processes)


async def schedules_at(address: str) -> list[str]:
    async with FlightmeshClient(ClientConfig((address,))) as client:
        return [each.schedule for each in await client.queries.schedules()]


async def test_a_real_file_is_imported_and_every_gateway_and_process_answers(
    cluster: ClusterDriver, test_data: Path
) -> None:
    file = test_data / "ssim" / "XX_S05.ssim"
    report = cluster.told("import", "ssim", file, "--schedule", "cluster-xx")
    assert int(report["added"]) == DATED_LEGS
    legs = cluster.cli("legs", "--schedule", "cluster-xx", "--json").stdout.splitlines()
    assert len(legs) == DATED_LEGS
    for address in cluster.state().http:
        assert "cluster-xx" in json.dumps(answer(address, "/v1/schedules"))
    for address in cluster.state().grpc:
        assert "cluster-xx" in await schedules_at(address)


async def test_a_killed_shard_node_is_replaced_by_others_and_comes_back_on_request(
    cluster: ClusterDriver, client: FlightmeshClient
) -> None:
    before = cluster.process("shard-2").pid
    cluster.kill("shard-2")
    await cluster.until_ended("shard-2")
    assert cluster.process("shard-2").exit_code == -9
    for n in range(32):
        await client.commands.create_schedule(f"while-shard-2-is-dead-{n}")
    # Nobody has started it again, and everybody can see that.
    assert cluster.process("shard-2").state == "ended"
    await until(client, lambda listed: "shard-2" not in listed)
    cluster.cli("cluster", "start", "shard-2")
    after = cluster.process("shard-2")
    assert after.state == "running"
    assert after.pid != before
    await until(client, lambda listed: listed.get("shard-2") == after.pid)
    assert "shard-2" in cluster.said()


async def test_a_killed_server_is_taken_from_the_list_until_it_runs_again(
    cluster: ClusterDriver, client: FlightmeshClient
) -> None:
    address = cluster.process("nats").address
    cluster.kill("nats")
    await client.commands.create_schedule("while-nats-is-dead")
    await until(client, lambda listed: "nats" not in listed)
    await cluster.start("nats")
    await until(client, lambda listed: listed.get("nats") == cluster.process("nats").pid)
    assert cluster.process("nats").address == address


async def test_processes_are_stopped_in_order_on_request(
    cluster: ClusterDriver, client: FlightmeshClient
) -> None:
    cluster.cli("cluster", "stop", "read-1", "gateway-1")
    for name in ("read-1", "gateway-1"):
        assert (cluster.process(name).state, cluster.process(name).exit_code) == ("ended", 0)
    await until(client, lambda listed: not {"read-1", "gateway-1"} & set(listed))
    assert "schedules" in answer(cluster.process("gateway-2").http, "/v1/schedules")
    await cluster.start("read-1", "gateway-1")
    await until(client, lambda listed: {"read-1", "gateway-1"} <= set(listed))


def test_what_cannot_be_started_or_stopped_is_said_in_a_line(cluster: ClusterDriver) -> None:
    unknown = cluster.cli("cluster", "start", "shard-9", check=False)
    assert unknown.returncode == 1
    assert "shard-9: no such process; there are: cassandra, etcd-1" in unknown.stderr
    running = cluster.cli("cluster", "start", "shard-1", check=False)
    assert f"shard-1 runs already (process {cluster.process('shard-1').pid})" in running.stderr
    nowhere = cluster.cli(
        "cluster", "stop", "shard-1", "--data-dir", cluster.folder / "log", check=False
    )
    assert nowhere.returncode == 1
    assert "no cluster runs in" in nowhere.stderr


def test_a_second_launcher_leaves_the_folder_alone(cluster: ClusterDriver) -> None:
    state = cluster.state()
    done = cluster.cli("cluster", "run", check=False)
    assert done.returncode == 1
    assert "runs in" in done.stderr
    assert f"process {state.launcher_pid}" in done.stderr
    assert cluster.state() == state


def test_settings_of_the_launcher_do_not_reach_the_processes(cluster: ClusterDriver) -> None:
    for each in cluster.state().processes:
        environment = Path(f"/proc/{each.pid}/environ").read_bytes()
        assert b"FLIGHTMESH_DATA_DIR" not in environment
    assert "FLIGHTMESH_DATA_DIR" in cluster.environment
    assert os.getpid() not in {each.pid for each in cluster.state().processes}
