from functools import partial

from flightmesh.clock.virtual import ManualClock
from flightmesh.event_bus import LedgerHeartbeat, metrics
from flightmesh.event_bus.jetstream_settings import JetStreamStatistics
from flightmesh.event_bus.memory import InMemoryEventBus
from flightmesh.runtime.process_metrics import ProcessMetrics
from flightmesh.testing.exposition import told

PREFIX = "flightmesh_bus_"


def test_each_count_of_the_bus_over_jetstream_has_its_sample() -> None:
    statistics = JetStreamStatistics(
        published=1, dropped=2, stored=3, refused=4, unacknowledged=5, received=6, malformed=8,
        connections=9,
    )  # fmt: skip
    process = ProcessMetrics(ManualClock())
    samples = partial(metrics.samples, statistics, 7, connected=True)
    process.add("shard-1", metrics.DEFINITIONS, samples)
    values = told(process.registry, "shard-1")
    assert {key.removeprefix(PREFIX): value for key, value in values.items()} == {
        "connected": 1,
        "published_total": 1,
        "dropped_total": 2,
        "stored_total": 3,
        'not_stored_total{reason="refused"}': 4,
        'not_stored_total{reason="unacknowledged"}': 5,
        "received_total": 6,
        "lost_total": 7,
        "malformed_total": 8,
        "connections_total": 9,
    }


async def test_what_a_slow_reader_loses_of_the_bus_in_memory_is_told() -> None:
    bus = InMemoryEventBus(bound=1)
    subscription = bus.subscribe()
    for head in range(3):
        await bus.publish(LedgerHeartbeat(1, head))
    process = ProcessMetrics(ManualClock())
    process.add("mesh", metrics.DEFINITIONS, partial(metrics.samples_in_memory, bus))
    values = told(process.registry, "mesh")
    assert (values[f"{PREFIX}published_total"], values[f"{PREFIX}lost_total"]) == (3, 2)
    await subscription.aclose()
