"""`make bench`: measures the mesh of separate processes on its real servers.

Usage: python scripts/bench.py [--seconds 10] [--only TEXT ...] [--data-dir DIR]

Starts `flightmesh cluster run` with one shard node (FLIGHTMESH_SHARD_NODES and the others change
that), or takes the cluster in --data-dir, which keeps what is written to it. One load at a time, on
the same machine: ghz with unary calls, and the closed loops of clients.load with the thesis's
scenario. Every command is answered only when it is durable and fenced. Right before each load, two
seconds of calls that do nothing (health checks of the shard node, 200 callers) tell what the
machine gives just then: shared ones swing by half and more, and a rate is comparable only as a
multiple of that. The report, with the processor time of each process, goes to
build/bench/report.json.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor
from process_usage import cpu_s, memory_mb, spent_between

from clients.load.replies import CHECKS
from flightmesh.api.read.v1 import query_service_pb2
from flightmesh.api.shard.v1 import command_service_pb2
from launcher.cluster.driver import ClusterDriver

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("FLIGHTMESH_TEST_DATA", ROOT.parent / "shared" / "data"))
FLIGHTS = DATA / "rotations" / "flights_2008_5_1.csv"
SIZES = {"FLIGHTMESH_SHARD_NODES": "1", "FLIGHTMESH_READ_NODES": "1", "FLIGHTMESH_GATEWAYS": "1"}
WARM_UP_S = 15.0
REFERENCE_S = 2.0
REFERENCE_CALLERS = 200
COMMANDS = "flightmesh.api.shard.v1.CommandService.Execute"
QUERIES = "flightmesh.api.read.v1.QueryService.ListFindings"


@dataclass(frozen=True)
class Load:
    """One measurement.

    Attributes:
        name: for people.
        callers: requests under way at once.
        measure: runs it.
        to_reach: operations/s; 0 if nothing was set.
    """

    name: str
    callers: int
    measure: Callable[[ClusterDriver, int, float, str], dict[str, Any]]
    to_reach: int = 0


def by_ghz(method: str, role: str) -> Callable[[ClusterDriver, int, float, str], Any]:
    """Unary calls straight to a process of that role, on 8 connections."""

    def measure(
        cluster: ClusterDriver, callers: int, seconds: float, schedule: str
    ) -> dict[str, Any]:
        body: Any = {"schedule": "load", "create_rotation": {"name": "ghz {{.RequestNumber}}"}}
        if method == QUERIES:
            # Taken in turn.
            body = [
                {"schedule": schedule, "kind": query_service_pb2.FindingKind.Name(kind),
                 "page_size": 10}
                for kind in CHECKS
            ]  # fmt: skip
        done = cluster.run(
            ROOT / "build" / "servers" / "bin" / "ghz", "--insecure",
            "--protoset", protoset(cluster.folder), "--call", method,
            "-d", json.dumps(body), "-c", str(callers), "--connections", "8",
            "-z", f"{seconds}s", "--duration-stop", "wait", "-O", "json",
            cluster.processes(role)[0].grpc,
        )  # fmt: skip
        report = json.loads(done.stdout)
        latencies = {
            entry["percentage"]: entry["latency"] / 1e6 for entry in report["latencyDistribution"]
        }
        answered = report["statusCodeDistribution"].get("OK", 0)
        return {
            "operations": answered,
            "failures": report["count"] - answered,
            "operations_per_s": round(answered / (report["total"] / 1e9)),
            "p50_ms": round(latencies[50], 2),
            "p99_ms": round(latencies[99], 2),
        }

    return measure


def by_client(
    kind: str, *options: str, warm_up_s: float = 2.0
) -> Callable[[ClusterDriver, int, float, str], dict[str, Any]]:
    """A closed loop of clients.load; its replies are checked."""

    def measure(
        cluster: ClusterDriver, callers: int, seconds: float, schedule: str
    ) -> dict[str, Any]:
        state = cluster.state()
        named = schedule if kind.endswith("queries") else "load"
        done = cluster.run(
            sys.executable, "-m", "clients.load", kind, "--callers", str(callers),
            "--server", state.grpc[0], "--http", ",".join(state.http),
            "--seconds", str(seconds), "--warm-up", str(warm_up_s), "--schedule", named, *options,
        )  # fmt: skip
        measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return measured

    return measure


LOADS: Sequence[Load] = (
    Load("REST commands, 50 connections", 50, by_client("rest-commands")),
    Load("REST commands, 200 connections", 200, by_client("rest-commands"), 4_000),
    Load("unary commands, 50 callers", 50, by_client("unary-commands")),
    Load("unary commands, 200 callers", 200, by_client("unary-commands"), 2_000),
    Load("unary commands, 50 callers, ghz", 50, by_ghz(COMMANDS, "shard_node")),
    Load("unary commands, 200 callers, ghz", 200, by_ghz(COMMANDS, "shard_node"), 2_000),
    Load("stream commands, 4 x 100", 4, by_client("stream-commands", "--batch", "100"), 15_000),
    Load("REST findings, 50 connections", 50, by_client("rest-queries"), 12_000),
    Load("REST findings, 200 connections", 200, by_client("rest-queries"), 12_000),
    Load("unary findings, 50 callers, ghz", 50, by_ghz(QUERIES, "read_node"), 3_500),
    Load("unary findings, 200 callers, ghz", 200, by_ghz(QUERIES, "read_node")),
)


def protoset(folder: Path) -> Path:
    """A file with the services' descriptors: ghz does not read the optional fields of proto3."""
    found: dict[str, FileDescriptor] = {}
    waiting = [command_service_pb2.DESCRIPTOR, query_service_pb2.DESCRIPTOR]
    while waiting:
        file = waiting.pop()
        found[file.name] = file
        waiting += [each for each in file.dependencies if each.name not in found]
    described = descriptor_pb2.FileDescriptorSet()
    for file in found.values():
        file.CopyToProto(described.file.add())
    path = folder / "ghz.protoset"
    path.write_bytes(described.SerializeToString())
    return path


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def prepare(cluster: ClusterDriver) -> str:
    """Schedules to write to and to ask about; returns the name of the latter."""
    # It exists where the cluster was measured before; if it cannot be made, the loads fail.
    cluster.cli("schedules", "create", "load", "--title", "Load test", check=False)
    say("warming up: Java compiles what is hot")
    by_client("rest-commands")(cluster, 50, WARM_UP_S, "load")
    if not FLIGHTS.exists():
        say(
            f"{FLIGHTS.name} is not there (FLIGHTMESH_TEST_DATA): queries are about the load's legs"
        )
        return "load"
    say(f"importing {FLIGHTS.name}")
    cluster.cli("import", "flights", FLIGHTS, "--schedule", "flights", "--json")
    return "flights"


def measured(cluster: ClusterDriver, load: Load, seconds: float, schedule: str) -> dict[str, Any]:
    """One load with the processor time that it took, and what the machine gave before it."""
    empty = by_client("empty-calls", warm_up_s=0.5)
    reference = empty(cluster, REFERENCE_CALLERS, REFERENCE_S, "load")["operations_per_s"]
    before, began = cpu_s(cluster.state()), time.perf_counter()
    found = load.measure(cluster, load.callers, seconds, schedule)
    took = time.perf_counter() - began
    spent = spent_between(before, cpu_s(cluster.state()))
    return {
        **found,
        "name": load.name,
        "callers": load.callers,
        "to_reach": load.to_reach,
        "empty_calls_per_s": reference,
        "of_empty_calls": round(found["operations_per_s"] / reference, 3),
        "load_average": round(os.getloadavg()[0], 2),
        "cpu_s": spent,
        "cores": round(sum(spent.values()) / took, 2),
        "memory_mb": memory_mb(cluster.state()),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """What people read: figures, and the processor time of the four processes that used most."""
    lines = [
        f"{'what':33} {'per s':>7} {'reach':>7} {'p50 ms':>8} {'p99 ms':>8} {'failed':>6}"
        f" {'empty/s':>8} {'ratio':>6} {'load':>5}  CPU s of each process"
    ]
    for row in rows:
        most = sorted(row["cpu_s"].items(), key=lambda item: -item[1])[:4]
        lines.append(
            f"{row['name']:33} {row['operations_per_s']:7,.0f} {row['to_reach'] or '':>7}"
            f" {row['p50_ms']:8.2f} {row['p99_ms']:8.2f} {row['failures']:6}"
            f" {row['empty_calls_per_s']:8,.0f} {row['of_empty_calls']:6.2f}"
            f" {row['load_average']:5.1f}  "
            + ", ".join(f"{name} {seconds:.1f}" for name, seconds in most)
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each load")
    parser.add_argument("--only", nargs="*", help="loads whose names contain one of these texts")
    parser.add_argument("--data-dir", type=Path, help="take the cluster that runs in this folder")
    options = parser.parse_args()
    wanted = [
        load
        for load in LOADS
        if not options.only or any(text in load.name for text in options.only)
    ]
    variables = {name: os.environ.get(name, size) for name, size in SIZES.items()}
    variables["FLIGHTMESH_LOG_LEVEL"] = "WARNING"
    rows: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory(prefix="flightmesh-bench-") as own,
        ClusterDriver(options.data_dir or Path(own) / "cluster", variables) as cluster,
    ):
        say(f"the cluster in {cluster.folder}")
        cluster.ensure_running()
        schedule = prepare(cluster)
        for number, load in enumerate(wanted, 1):
            say(f"[{number}/{len(wanted)}] {load.name}, {options.seconds:g} s")
            rows.append(measured(cluster, load, options.seconds, schedule))
            say(f"    {rows[-1]['operations_per_s']:,.0f} per s")
        report = {
            "processes": Counter(each.role for each in cluster.state().processes),
            "cpus": os.cpu_count(),
            "seconds": options.seconds,
            "rows": rows,
        }
    path = ROOT / "build" / "bench" / "report.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(table(rows))
    print(f"report: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
