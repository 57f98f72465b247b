"""A cluster that is measured, started for it or running already; CPU time of its processes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

BIN = Path(sys.executable).parent
TICKS = os.sysconf("SC_CLK_TCK")


class Cluster:
    """The real stack; `with` starts it and stops it again.

    Args:
        data_dir: folder of a cluster that runs already; None starts one in a folder of its own.
        sizes: variables with the numbers of processes, for a cluster that is started.
    """

    def __init__(self, data_dir: Path | None, sizes: Mapping[str, str]) -> None:
        self._given = data_dir
        self._sizes = sizes
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._launcher: subprocess.Popen[str] | None = None
        self.data_dir = data_dir or Path()

    def __enter__(self) -> Self:
        if self._given is None:
            self._folder = tempfile.TemporaryDirectory(prefix="flightmesh-bench-")
            self.data_dir = Path(self._folder.name) / "cluster"
            try:
                self._start()
            except BaseException:
                self.__exit__()
                raise
        return self

    def _start(self) -> None:
        env = {
            **os.environ, "FLIGHTMESH_DATA_DIR": str(self.data_dir), "FLIGHTMESH_HTTP_PORT": "0",
            "FLIGHTMESH_GRPC_PORT": "0", "FLIGHTMESH_LOG_LEVEL": "WARNING", **self._sizes,
        }  # fmt: skip
        self._launcher = subprocess.Popen(
            [BIN / "flightmesh", "cluster", "run"], env=env, stdout=subprocess.PIPE, text=True
        )
        assert self._launcher.stdout is not None
        if not any(line.strip() == "ready" for line in self._launcher.stdout):
            raise SystemExit("the cluster did not start")

    def __exit__(self, *_: object) -> None:
        if self._launcher is not None:
            self._launcher.send_signal(signal.SIGTERM)
            self._launcher.wait(180)
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def state(self) -> Any:
        """cluster.json."""
        return json.loads((self.data_dir / "cluster.json").read_text())

    def processes(self, role: str) -> list[Any]:
        """Processes of a role, as cluster.json has them."""
        return [each for each in self.state["processes"] if each["role"] == role]

    def sizes(self) -> dict[str, int]:
        """Number of processes by role."""
        roles = [each["role"] for each in self.state["processes"]]
        return {role: roles.count(role) for role in dict.fromkeys(roles)}

    def environment(self) -> dict[str, str]:
        """For commands of the command line."""
        return {**os.environ, "FLIGHTMESH_SERVER": ",".join(self.state["grpc"])}

    def run(self, *command: str | Path) -> str:
        """What a command wrote; ends the measurement if it fails."""
        done = subprocess.run(
            list(map(str, command)), env=self.environment(), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{command}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        return done.stdout

    def cpu_s(self) -> dict[str, float]:
        """Processor time so far by process, user and system, seconds."""
        spent = {}
        for each in self.state["processes"]:
            try:
                text = Path(f"/proc/{each['pid']}/stat").read_text()
            except OSError:
                continue  # ended
            fields = text.rpartition(")")[2].split()
            spent[each["name"]] = (int(fields[11]) + int(fields[12])) / TICKS
        return spent

    def memory_mb(self) -> dict[str, int]:
        """Resident memory by process, MiB."""
        held = {}
        for each in self.state["processes"]:
            try:
                text = Path(f"/proc/{each['pid']}/status").read_text()
            except OSError:
                continue
            held[each["name"]] = next(
                (int(line.split()[1]) // 1024 for line in text.splitlines() if "VmRSS" in line), 0
            )
        return held


def spent_between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Processor time of each process between two looks, seconds; those that used any."""
    spent = {name: round(after[name] - before.get(name, 0.0), 2) for name in after}
    return {name: seconds for name, seconds in spent.items() if seconds > 0}
