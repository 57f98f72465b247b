"""What a mesh that runs tells Prometheus."""

import json
from collections.abc import Iterable

import httpx
import pytest

import coordinator.metrics
import flightmesh.event_bus.metrics
import flightmesh.routing.metrics
import gateway.metrics
import read_node.metrics
import shard_node.metrics
from flightmesh.runtime.metrics import Definition, Kind
from flightmesh.testing.exposition import read_exposition
from tests.e2e.conftest import StartMesh
from tests.e2e.mesh_process import MeshProcess

SERVICES: dict[str, tuple[Definition, ...]] = {
    "gateway-1": gateway.metrics.DEFINITIONS,
    "shard-1": shard_node.metrics.DEFINITIONS,
    "shard-2": shard_node.metrics.DEFINITIONS,
    "read-1": read_node.metrics.DEFINITIONS,
    "coordinator-1": coordinator.metrics.DEFINITIONS,
    "mesh": (*flightmesh.routing.metrics.DEFINITIONS, *flightmesh.event_bus.metrics.DEFINITIONS),
}
# Not in this mesh: its bus is in memory, its read node saves nothing, nobody asks it directly.
ABSENT = {
    "flightmesh_bus_connections_total",
    "flightmesh_bus_dropped_total",
    "flightmesh_bus_malformed_total",
    "flightmesh_bus_not_stored_total",
    "flightmesh_bus_received_total",
    "flightmesh_bus_stored_total",
    "flightmesh_read_node_queries_failed_total",
    "flightmesh_read_node_snapshot_loaded_events",
    "flightmesh_read_node_snapshot_rest_seconds",
    "flightmesh_read_node_snapshots_total",
}


def exposed(definitions: Iterable[Definition]) -> set[str]:
    suffix = {Kind.COUNTER: "_total", Kind.HISTOGRAM: "_count", Kind.GAUGE: ""}
    return {each.name + suffix[each.kind] for each in definitions}


def metrics_of(mesh: MeshProcess) -> dict[str, dict[str, float]]:
    """Service → sample → value."""
    answer = httpx.get(f"{mesh.http}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {name: read_exposition(answer.text, name) for name in SERVICES}


def test_every_metric_is_told_by_a_mesh_and_says_what_the_mesh_holds(
    start_mesh: StartMesh,
) -> None:
    mesh = start_mesh(sample=True)
    legs = len(mesh.legs("sample"))
    assert httpx.get(f"{mesh.http}/v1/schedules/sample").status_code == 200
    told = metrics_of(mesh)
    for service, definitions in SERVICES.items():
        names = {sample.partition("{")[0] for sample in told[service]}
        assert exposed(definitions) - names <= ABSENT, service
    shards = [told["shard-1"], told["shard-2"]]
    assert sum(each['flightmesh_shard_node_shards{state="active"}'] for each in shards) == 64
    accepted = 'flightmesh_shard_node_commands_total{outcome="accepted"}'
    records = sum(each["flightmesh_shard_node_entry_records_sum"] for each in shards)
    assert sum(each[accepted] for each in shards) == records > 100
    entries = sum(each["flightmesh_shard_node_entries_total"] for each in shards)
    reader = told["read-1"]
    assert reader["flightmesh_read_node_entries_total"] == entries
    assert reader["flightmesh_read_node_legs"] == legs
    assert reader["flightmesh_read_node_entries_behind"] == 0
    assert told["coordinator-1"]["flightmesh_coordinator_leader"] == 1
    assert mesh.stop() == 0, mesh.log()


def test_counters_never_go_back(shared_mesh: MeshProcess) -> None:
    before = metrics_of(shared_mesh)
    created = httpx.post(f"{shared_mesh.http}/v1/schedules/measured", json={})
    assert created.status_code == 200, created.text
    after = metrics_of(shared_mesh)
    for service, samples in before.items():
        for name, value in samples.items():
            if name.partition("{")[0].endswith(("_total", "_count", "_bucket")):
                assert after[service][name] >= value, name
    grown = [
        after[shard]['flightmesh_shard_node_commands_total{outcome="accepted"}']
        - before[shard]['flightmesh_shard_node_commands_total{outcome="accepted"}']
        for shard in ("shard-1", "shard-2")
    ]
    assert sum(grown) == 1


def test_logs_of_a_mesh_are_lines_of_json_that_name_what_they_are_about(
    start_mesh: StartMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIGHTMESH_LOG_FORMAT", "json")
    monkeypatch.setenv("FLIGHTMESH_LOG_LEVEL", "INFO")
    mesh = start_mesh()
    assert mesh.stop() == 0, mesh.log()
    text = (mesh.data_dir.parent / f"{mesh.data_dir.name}.log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    born = {line["node"]: line["session"] for line in lines if line["message"] == "session begins"}
    assert born.keys() == {"shard-1", "shard-2"}
    claimed = {
        (line["session"], shard)
        for line in lines
        if line["message"] == "shards claimed"
        for shard, _ in line["shards"]
    }
    assert {session for session, _ in claimed} == set(born.values())
    assert {shard for _, shard in claimed} == set(range(64))
    assert [line["node"] for line in lines if line["message"] == "leader elected"] == [
        "coordinator-1"
    ]
