"""Measures how long the mesh takes to get over faults, on the real stack; `make bench-failover`.

Usage: python scripts/bench_failover.py [--runs 20] [--only kill stop cut leader visible]
           [--data-dir DIR]

Starts a cluster in build/bench/failover-cluster (or uses the one that runs in DIR), breaks it again
and again, mends it each time by `flightmesh cluster start`, and writes build/bench/failover.json.

kill     kill -9 of a shard node until commands to its shards are acknowledged
stop     SIGSTOP of a shard node, likewise; SIGCONT afterwards
cut      a shard node cut off from the network (needs root: it runs in a network namespace)
leader   kill -9 of the leading coordinator until another one leads, with commands meanwhile
visible  a command until each read node shows it, at 300 commands a second

Everything runs on one machine: its load average stands beside each run.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from failover.load import Sender, SteadyLoad  # noqa: E402
from failover.report import Result, percentile, table, write  # noqa: E402
from failover.shares import shards_of, until_even  # noqa: E402
from failover.visible import measure_visible  # noqa: E402

from clients.aio import FlightmeshClient  # noqa: E402
from clients.config import ClientConfig  # noqa: E402
from launcher.cluster.driver import ClusterDriver, until  # noqa: E402
from launcher.cluster.network_cut import NETWORK_NAMESPACE, CuttableNode  # noqa: E402

OUTPUT = ROOT / "build" / "bench" / "failover.json"
KINDS = ("kill", "stop", "cut", "leader", "visible")
# Lease and two seconds.
LEADER_GOAL_S = 7.0


class Bench:
    """All measurements on one cluster.

    Args:
        cluster: the cluster, running.
        client: a client of it.
        runs: how often each fault is made.
        rate: commands a second beside it all.
    """

    def __init__(
        self, cluster: ClusterDriver, client: FlightmeshClient, runs: int, rate: float
    ) -> None:
        self.cluster = cluster
        self.client = client
        self.runs = runs
        self.rate = rate
        self.results: list[Result] = []
        self.shard_count = cluster.state().shard_count
        self.sender = Sender(client, "failover", self.shard_count)
        self.names = set(cluster.named("shard_node"))
        self.about: dict[str, Any] = {
            "cores": os.cpu_count(),
            "load_average_at_the_start": os.getloadavg(),
            "shards": self.shard_count,
            "shard_nodes": len(self.names),
            "commands_per_second_beside": rate,
        }

    async def prepare(self) -> None:
        schedule = f"failover-{uuid.uuid4().hex[:8]}"
        await self.client.commands.create_schedule(schedule)
        self.schedule = schedule
        self.sender = Sender(self.client, schedule, self.shard_count)
        await until_even(self.client, self.names)

    async def measure(self, kinds: list[str]) -> None:
        for kind in kinds:
            print(f"-- {kind}", flush=True)
            await getattr(self, f"measure_{kind}")()
            write(self.results, self.about, OUTPUT)

    # --- shard nodes ----------------------------------------------------------------------------

    async def measure_kill(self) -> None:
        async def mend(victim: str) -> None:
            await self.cluster.start(victim)

        await self._shard_node_faults(
            "kill -9 of a shard node",
            {"median": 1.0, "slowest": 3.0},
            lambda victim: self.cluster.send(victim, signal.SIGKILL),
            mend,
        )

    async def measure_stop(self) -> None:
        async def mend(victim: str) -> None:
            self.cluster.send(victim, signal.SIGCONT)

        await self._shard_node_faults(
            "SIGSTOP of a shard node",
            {"slowest": 5.0},
            lambda victim: self.cluster.send(victim, signal.SIGSTOP),
            mend,
        )

    async def measure_cut(self) -> None:
        victim = max(self.names)
        node = CuttableNode(self.cluster, victim, self.cluster.folder)
        if node.how != NETWORK_NAMESPACE:
            reason = "no network namespace can be made here"
            print(f"   left out: {reason}", flush=True)
            self.results.append(Result("network cut of a shard node", notes=[reason]))
            return

        async def mend(_: str) -> None:
            node.mend()

        await self.cluster.stop(victim)
        try:
            with node.running():
                await self._shard_node_faults(
                    f"network cut of a shard node ({node.how})",
                    {"slowest": 5.0},
                    lambda _: node.cut(),
                    mend,
                    victims=[victim],
                )
        finally:
            await self.cluster.start(victim)

    async def _shard_node_faults(
        self,
        name: str,
        goal: dict[str, float],
        fault: Callable[[str], None],
        mend: Callable[[str], Awaitable[None]],
        victims: list[str] | None = None,
    ) -> None:
        first = Result(f"{name}: first acknowledged", goal=goal)
        last = Result(f"{name}: all its shards", goal=goal)
        load = SteadyLoad(self.sender, self.shard_count, self.rate)
        load.start()
        turns = victims or sorted(self.names)
        for run in range(self.runs):
            await until_even(self.client, self.names)
            # At another moment of the second each time: signs of life come at fixed intervals.
            await asyncio.sleep(1.0 + 0.137 * run % 1.0)
            victim = turns[run % len(turns)]
            shards = await shards_of(self.client, victim)
            began_s = time.monotonic()
            fault(victim)
            acks = await self.sender.first_acks(shards, began_s)
            first.values.append(acks[0])
            last.values.append(acks[-1])
            note = {"victim": victim, "shards": len(shards), "load": round(os.getloadavg()[0], 1)}
            first.runs.append(note)
            print(
                f"   {run + 1:2}/{self.runs} {victim}, {len(shards)} shards:"
                f" first {acks[0]:.3f} s, all {acks[-1]:.3f} s; load {note['load']}",
                flush=True,
            )
            await mend(victim)
        await until_even(self.client, self.names)
        await load.stop()
        first.notes.append(_beside(load))
        self.results += [first, last]

    # --- the leader -----------------------------------------------------------------------------

    async def measure_leader(self) -> None:
        result = Result("kill -9 of the leader: another one leads", goal={"slowest": LEADER_GOAL_S})
        load = SteadyLoad(self.sender, self.shard_count, self.rate)
        load.start()
        for run in range(self.runs):
            await asyncio.sleep(1.0 + 0.137 * run % 1.0)
            former = await self._leader()
            began_s = time.monotonic()
            self.cluster.send(former, signal.SIGKILL)
            await until(partial(self._other_leads, former), "another leads", 60.0, every_s=0.05)
            result.values.append(time.monotonic() - began_s)
            result.runs.append({"former": former, "load": round(os.getloadavg()[0], 1)})
            print(
                f"   {run + 1:2}/{self.runs} {former}: {result.values[-1]:.3f} s;"
                f" load {result.runs[-1]['load']}",
                flush=True,
            )
            await self.cluster.start(former)
        await load.stop()
        result.notes.append(_beside(load))
        self.results.append(result)

    async def _leader(self) -> str:
        leaders = [node.name for node in await self.client.mesh.nodes() if node.leader]
        return leaders[0] if leaders else ""

    async def _other_leads(self, former: str) -> bool:
        return await self._leader() not in ("", former)

    # --- reading --------------------------------------------------------------------------------

    async def measure_visible(self) -> None:
        self.results += await measure_visible(self.cluster, self.sender, self.schedule)


def _beside(load: SteadyLoad) -> str:
    ordered = sorted(load.latencies)
    slowest = f", slowest {ordered[-1]:.2f} s, median {percentile(ordered, 0.5) * 1000:.0f} ms"
    failed = f"{len(load.failures)} failed" + (f" ({load.failures[0]})" if load.failures else "")
    return f"commands beside it: {len(ordered)} acknowledged, {failed}{slowest if ordered else ''}"


async def run(cluster: ClusterDriver, options: argparse.Namespace) -> int:
    # The gateways are never killed here.
    gateways = tuple(each.grpc for each in cluster.processes("gateway"))
    async with FlightmeshClient(ClientConfig(gateways, timeout_s=30.0, patience_s=30.0)) as client:
        bench = Bench(cluster, client, options.runs, options.rate)
        await bench.prepare()
        await bench.measure(options.only)
    print(table(bench.results))
    print(f"written to {OUTPUT}")
    return 0 if all(result.reached() for result in bench.results if result.goal) else 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rate", type=float, default=50.0, help="commands a second beside it")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument(
        "--data-dir", type=Path, default=ROOT / "build" / "bench" / "failover-cluster"
    )
    options = parser.parse_args()
    with ClusterDriver(options.data_dir) as cluster:
        cluster.ensure_running()
        return asyncio.run(run(cluster, options))


if __name__ == "__main__":
    sys.exit(main())
