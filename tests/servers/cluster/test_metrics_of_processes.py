"""Every process of a cluster tells its own metrics at the address that it registers."""

import asyncio
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
from launcher.cluster.driver import ClusterDriver, until
from launcher.cluster.state import ProcessState

EVERYWHERE = flightmesh.routing.metrics.DEFINITIONS
BUS = flightmesh.event_bus.metrics.DEFINITIONS
OF_ROLE: dict[str, tuple[Any, ...]] = {
    "coordinator": (*coordinator.metrics.DEFINITIONS, *EVERYWHERE),
    "shard_node": (*shard_node.metrics.DEFINITIONS, *BUS, *EVERYWHERE),
    "read_node": (*read_node.metrics.DEFINITIONS, *BUS, *EVERYWHERE),
    "gateway": (*gateway.metrics.DEFINITIONS, *EVERYWHERE),
}
LIMIT_S = 120.0


def text_of(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
        text: str = answer.read().decode()
        return text


class Look:
    """What all processes told at about one time."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.told: dict[str, dict[str, float]] = {}

    async def take(self, processes: Sequence[ProcessState]) -> None:
        for each in processes:
            text = await asyncio.to_thread(text_of, each.metrics)
            self.texts[each.name], self.told[each.name] = text, read_exposition(text, each.name)

    def each(self, sample: str) -> list[float]:
        """The values of a sample in the processes that tell it."""
        return [values[sample] for values in self.told.values() if sample in values]


async def at_rest(processes: Sequence[ProcessState], shard_count: int) -> Look:
    """A look at a time when no shard is on its way, as some are after a node has come back."""
    look = Look()

    async def rests() -> bool:
        await look.take(processes)
        counts = ("flightmesh_shard_node_shards", "flightmesh_coordinator_shards")
        active = [sum(look.each(count + '{state="active"}')) for count in counts]
        return active == [shard_count] * 2

    await until(rests, "all shards are active, by their owners and by the leader", LIMIT_S)
    return look


async def test_each_process_tells_the_metrics_of_its_role(cluster: ClusterDriver) -> None:
    processes = [each for each in cluster.state().processes if each.role in OF_ROLE]
    look = await at_rest(processes, cluster.state().shard_count)
    for each in processes:
        lines = look.texts[each.name].splitlines()
        families = {line.split(" ")[2] for line in lines if line.startswith("# TYPE ")}
        for definition in OF_ROLE[each.role]:
            assert definition.name in {name.removesuffix("_total") for name in families}
        assert {"process_cpu_seconds_total", "flightmesh_event_loop_lag_seconds"} <= families
    assert sum(look.each("flightmesh_coordinator_leader")) == 1
    assert len(set(look.each("flightmesh_read_node_legs"))) == 1
    on_the_bus = sum(each.role in ("shard_node", "read_node") for each in processes)
    assert look.each("flightmesh_bus_connected") == [1.0] * on_the_bus
