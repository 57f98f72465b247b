"""Every process of a cluster tells its own metrics at the address that it registers."""

import urllib.request
from collections.abc import Sequence
from typing import Any

import coordinator.metrics
import flightmesh.event_bus.metrics
import flightmesh.routing.metrics
import gateway.metrics
import read_node.metrics
import shard_node.metrics
from flightmesh.testing.exposition import read_exposition
from launcher.cluster.driver import ClusterDriver
from launcher.cluster.state import ProcessState

EVERYWHERE = flightmesh.routing.metrics.DEFINITIONS
BUS = flightmesh.event_bus.metrics.DEFINITIONS
OF_ROLE: dict[str, tuple[Any, ...]] = {
    "coordinator": (*coordinator.metrics.DEFINITIONS, *EVERYWHERE),
    "shard_node": (*shard_node.metrics.DEFINITIONS, *BUS, *EVERYWHERE),
    "read_node": (*read_node.metrics.DEFINITIONS, *BUS, *EVERYWHERE),
    "gateway": (*gateway.metrics.DEFINITIONS, *EVERYWHERE),
}


def text_of(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
        text: str = answer.read().decode()
        return text


def total(told: dict[str, dict[str, float]], sample: str) -> float:
    """The sum of a sample over all processes that tell it."""
    return sum(values.get(sample, 0.0) for values in told.values())


def check(processes: Sequence[ProcessState], shard_count: int) -> None:
    told: dict[str, dict[str, float]] = {}
    for each in processes:
        if each.role not in OF_ROLE:
            continue
        text = text_of(each.metrics)
        families = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE ")}
        for definition in OF_ROLE[each.role]:
            assert definition.name in {name.removesuffix("_total") for name in families}
        assert {"process_cpu_seconds_total", "flightmesh_event_loop_lag_seconds"} <= families
        told[each.name] = read_exposition(text, each.name)
    assert total(told, "flightmesh_coordinator_leader") == 1
    assert total(told, 'flightmesh_shard_node_shards{state="active"}') == shard_count
    assert total(told, 'flightmesh_coordinator_shards{state="active"}') == shard_count
    legs = {
        values["flightmesh_read_node_legs"]
        for values in told.values()
        if "flightmesh_read_node_legs" in values
    }
    assert len(legs) == 1
    connected = [
        values["flightmesh_bus_connected"]
        for values in told.values()
        if "flightmesh_bus_connected" in values
    ]
    assert connected == [1.0] * len(connected)
    assert len(connected) == sum(each.role in ("shard_node", "read_node") for each in processes)


def test_each_process_tells_the_metrics_of_its_role(cluster: ClusterDriver) -> None:
    check(cluster.state().processes, 64)
