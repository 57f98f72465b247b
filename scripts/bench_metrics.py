"""What counting costs: the time that the counters take per command, beside the whole command path.

The path is measured without network and disk (store in memory, no gRPC), so the shares told are the
largest that can be.
"""

import argparse
import asyncio
import time
from functools import partial
from typing import Any

from flightmesh.clock import SystemClock
from flightmesh.eventsourcing.record import Record
from flightmesh.runtime.metrics import Histogram
from flightmesh.runtime.metrics_server import exposition
from flightmesh.runtime.process_metrics import ProcessMetrics
from gateway.metrics import RequestMetrics
from shard_node import metrics
from shard_node.counters import ShardNodeCounters
from tests.unit.shard_node.mesh import Mesh

ROUNDS = 200_000


def seconds_each(work: Any) -> float:
    """The best of five rounds."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(ROUNDS):
            work()
        best = min(best, time.perf_counter() - began)
    return best / ROUNDS


async def path_seconds(batch: int, commands: int) -> tuple[float, ProcessMetrics]:
    """Time of one command in batches of that size: 100 rotations, a leg each time."""
    mesh = Mesh()
    mesh.clock.now_s = time.time()
    node = await mesh.add_node()
    await mesh.assign(node)
    rotations = await mesh.create(node, 100)
    requests = [mesh.add_leg(rotations[n % 100], n // 100 * 2) for n in range(commands)]
    began = time.perf_counter()
    for first in range(0, commands, batch):
        results = await mesh.send(node, *requests[first : first + batch])
        assert all(isinstance(result, bytes) for result in results)
    seconds = (time.perf_counter() - began) / commands
    process = ProcessMetrics(mesh.clock)
    process.add("node", metrics.DEFINITIONS, partial(metrics.samples, node, mesh.clock))
    await mesh.stop()
    return seconds, process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=5_000)
    args = parser.parse_args()
    counters, clock = ShardNodeCounters(), SystemClock()
    record = Record("", b"", 0, "", "", "", 1, 1, (b"",))  # type: ignore[arg-type]
    per_command = seconds_each(lambda: counters.recorded(record, 0.004))
    per_entry = 3 * seconds_each(lambda: counters.records.observe(10))
    per_entry += 2 * seconds_each(clock.monotonic_s)
    requests, histogram = RequestMetrics(), Histogram()
    per_request = seconds_each(lambda: requests.observe("addLeg", 200, 0.004))
    print(f"per command {per_command * 1e6:.2f} µs, per entry {per_entry * 1e6:.2f} µs")
    print(f"per request of the gateway {per_request * 1e6:.2f} µs")
    print(f"per observation {seconds_each(lambda: histogram.observe(0.004)) * 1e6:.2f} µs")
    for batch in (1, 50):
        path, process = asyncio.run(path_seconds(batch, args.commands))
        counting = per_command + per_entry / batch
        share = counting / path
        print(f"batches of {batch}: {path * 1e6:.0f} µs per command, counting {share:.1%} of it")
    began = time.perf_counter()
    text = exposition(process.registry)
    print(f"a scrape of a shard node: {(time.perf_counter() - began) * 1e3:.1f} ms, {len(text)} B")


if __name__ == "__main__":
    main()
