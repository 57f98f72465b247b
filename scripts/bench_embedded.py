"""Measures the embedded mesh and prints a table; the figures go to build/bench/embedded.json.

Usage: python scripts/bench_embedded.py [--seconds 8] [--only NAME ...]

One mesh in a process of its own, one load generator at a time beside it, on the same machine. Each
load is bounded in time and stops by itself. Where Go's `ghz` is on the PATH it measures the unary
calls too.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
DATA = Path(os.environ.get("FLIGHTMESH_TEST_DATA", ROOT.parent / "shared" / "data"))
TICKS = os.sysconf("SC_CLK_TCK")
# name, load of clients.load, callers, further options, figure to reach (operations/s)
LOADS: Sequence[tuple[str, str, int, Sequence[str], int]] = (
    ("unary commands, 50 callers", "unary-commands", 50, (), 2_500),
    ("REST commands, 200 connections", "rest-commands", 200, (), 6_000),
    ("stream commands, 4 x 100", "stream-commands", 4, ("--batch", "100"), 15_000),
    ("unary findings, 50 callers", "unary-queries", 50, ("--schedule", "flights"), 3_000),
    ("REST findings, 50 connections", "rest-queries", 50, ("--schedule", "flights"), 12_000),
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mesh:
    """A mesh on a folder of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.http, self.grpc = free_port(), free_port()
        self.env = {
            **os.environ,
            "FLIGHTMESH_DATA_DIR": str(data_dir),
            "FLIGHTMESH_HTTP_PORT": str(self.http),
            "FLIGHTMESH_GRPC_PORT": str(self.grpc),
            "FLIGHTMESH_SERVER": f"127.0.0.1:{self.grpc}",
            "FLIGHTMESH_SAMPLE": "no",
        }
        self.process = subprocess.Popen(
            [BIN / "flightmesh", "run"], env=self.env, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        if not any(line.strip() == "ready" for line in self.process.stdout):
            raise SystemExit("the mesh did not start")

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def run(self, *command: str | Path) -> str:
        done = subprocess.run(
            list(map(str, command)), env=self.env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{command}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        return done.stdout

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def imports(mesh: Mesh) -> list[dict[str, Any]]:
    """Real files where they are at hand."""
    rows = []
    for name, kind, file, schedule in (
        ("import XX_S05.ssim", "ssim", DATA / "ssim" / "XX_S05.ssim", "xx-s05"),
        (
            "import 10,000 flights",
            "flights",
            DATA / "rotations" / "flights_2008_5_1.csv",
            "flights",
        ),
    ):
        if not file.exists():
            print(f"skipped: {file.name} is not there (FLIGHTMESH_TEST_DATA)", file=sys.stderr)
            continue
        cpu, started = mesh.cpu_s(), time.perf_counter()
        output = mesh.run(
            BIN / "flightmesh", "import", kind, file, "--schedule", schedule, "--json"
        )
        seconds = time.perf_counter() - started
        added = int(json.loads(output)["added"])
        rows.append(
            {
                "name": name,
                "operations": added,
                "seconds": round(seconds, 3),
                "operations_per_s": round(added / seconds),
                "mesh_cpu_s": round(mesh.cpu_s() - cpu, 2),
                "memory_mb": round(mesh.memory_mb()),
            }
        )
    return rows


def load(
    mesh: Mesh, seconds: float, row: tuple[str, str, int, Sequence[str], int]
) -> dict[str, Any]:
    """One load of the project's own client."""
    name, kind, callers, options, target = row
    command = [sys.executable, "-m", "clients.load", kind, "--callers", str(callers)]
    command += ["--server", f"127.0.0.1:{mesh.grpc}", "--http", f"127.0.0.1:{mesh.http}"]
    command += ["--seconds", str(seconds), "--warm-up", "1", *options]
    cpu = mesh.cpu_s()
    measured: dict[str, Any] = json.loads(mesh.run(*command).splitlines()[-1])
    spent = mesh.cpu_s() - cpu
    return {
        **measured,
        "name": name,
        "to_reach": target,
        "mesh_cpu_s": round(spent, 2),
        "memory_mb": round(mesh.memory_mb()),
    }


def ghz(mesh: Mesh, seconds: float) -> dict[str, Any]:
    """Unary commands by ghz: each call creates a rotation."""
    call = {
        "schedule": "load",
        "create_rotation": {"name": "ghz {{.RequestNumber}}"},
    }
    cpu = mesh.cpu_s()
    proto = ROOT / "protos" / "flightmesh" / "api" / "shard" / "v1" / "command_service.proto"
    output = mesh.run(
        "ghz", "--insecure", "--proto", proto,
        "--import-paths", f"{ROOT / 'protos'},{google_protos()}",
        "--call", "flightmesh.api.shard.v1.CommandService.Execute",
        "-d", json.dumps(call), "-c", "50", "-z", f"{seconds}s", "-O", "json",
        f"127.0.0.1:{mesh.grpc}",
    )  # fmt: skip
    report = json.loads(output)
    latencies = {
        entry["percentage"]: entry["latency"] / 1e6 for entry in report["latencyDistribution"]
    }
    return {
        "name": "unary commands, 50 callers (ghz)",
        "operations": report["count"],
        "operations_per_s": round(report["rps"]),
        "p50_ms": round(latencies[50], 2),
        "p99_ms": round(latencies[99], 2),
        "to_reach": 2_500,
        "mesh_cpu_s": round(mesh.cpu_s() - cpu, 2),
        "statuses": report["statusCodeDistribution"],
    }


def google_protos() -> Path:
    import google.rpc.status_pb2 as status  # noqa: PLC0415 - only where ghz is there

    return Path(str(status.__file__)).parents[2]


def show(rows: Sequence[dict[str, Any]]) -> None:
    print(
        f"{'what':34} {'per s':>9} {'to reach':>9} {'p50 ms':>8} {'p99 ms':>8}"
        f" {'CPU s':>7} {'MB':>5}"
    )
    for row in rows:
        print(
            f"{row['name']:34} {row.get('operations_per_s', 0):9,.0f} {row.get('to_reach', 0):9,}"
            f" {row.get('p50_ms', 0):8.2f} {row.get('p99_ms', 0):8.2f}"
            f" {row.get('mesh_cpu_s', 0):7.2f} {row.get('memory_mb', 0):5.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each load")
    parser.add_argument("--only", nargs="*", help="loads of these kinds only, e.g. rest-commands")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="flightmesh-bench-") as folder:
        data_dir = Path(folder) / "data"
        mesh = Mesh(data_dir)
        try:
            rows += imports(mesh)
            for row in LOADS:
                if not options.only or row[1] in options.only:
                    rows.append(load(mesh, options.seconds, row))
            if shutil.which("ghz") and not options.only:
                rows.append(ghz(mesh, options.seconds))
        finally:
            mesh.stop()
        replay = json.loads(mesh.run(sys.executable, ROOT / "scripts/bench_replay.py", data_dir))
        rows.append({"name": "replay, events", "to_reach": 200_000, **replay,
                     "operations_per_s": replay["events_per_s"]})  # fmt: skip
    show(rows)
    report = ROOT / "build" / "bench" / "embedded.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"report: {report.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
