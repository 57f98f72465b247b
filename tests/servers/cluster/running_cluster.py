"""A cluster as its users have it: `flightmesh cluster run`, cluster.json, the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

BIN = Path(sys.executable).parent / "flightmesh"
START_LIMIT_S = 600
STOP_LIMIT_S = 180


class RunningCluster:
    """One launcher with its folder; `with` ends it at the end, whatever happened.

    Attributes:
        data_dir: its folder.
        launcher: the launcher's process.
        output: what it said on stdout.
    """

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        self.launcher: subprocess.Popen[str] | None = None
        self.output: list[str] = []
        self._variables = variables
        self._log = data_dir.with_suffix(".log")

    # --- life -------------------------------------------------------------------------------

    def launch(self) -> Self:
        """Starts the launcher and returns when it says `ready`."""
        self.output = []
        with self._log.open("a") as log:
            self.launcher = subprocess.Popen(
                [BIN, "cluster", "run"], env=self.environment, stdout=subprocess.PIPE, stderr=log,
                text=True,
            )  # fmt: skip
        assert self.launcher.stdout is not None
        deadline = time.monotonic() + START_LIMIT_S
        for line in self.launcher.stdout:
            self.output.append(line.rstrip())
            if line.strip() == "ready":
                return self
            assert time.monotonic() < deadline, self.said()
        raise AssertionError(f"the cluster ended before it was ready:\n{self.said()}")

    def terminate(self) -> int:
        """Asks the launcher to drain and stop everything; returns its exit code."""
        assert self.launcher is not None
        self.launcher.send_signal(signal.SIGTERM)
        return self._wait()

    def kill_launcher(self) -> None:
        """Ends the launcher at once."""
        assert self.launcher is not None
        self.launcher.kill()
        self._wait()

    def ensure_running(self) -> None:
        """Launches, unless it runs."""
        if self.launcher is None or self.launcher.poll() is not None:
            self.launch()

    def ensure_stopped(self) -> None:
        """Terminates, unless it has ended."""
        if self.launcher is not None and self.launcher.poll() is None:
            self.terminate()

    def _wait(self) -> int:
        assert self.launcher is not None
        assert self.launcher.stdout is not None
        code = self.launcher.wait(STOP_LIMIT_S)
        self.launcher.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.ensure_stopped()

    def said(self) -> str:
        """The end of what the launcher wrote to stderr."""
        return self._log.read_text()[-5000:]

    # --- what is there ----------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """For commands of the command line."""
        ours = {
            "FLIGHTMESH_DATA_DIR": str(self.data_dir), "FLIGHTMESH_HTTP_PORT": "0",
            "FLIGHTMESH_GRPC_PORT": "0", "NO_COLOR": "1", "COLUMNS": "200", **self._variables,
        }  # fmt: skip
        if (self.data_dir / "cluster.json").exists():
            ours["FLIGHTMESH_SERVER"] = ",".join(self.grpc)
        return {**os.environ, **ours}

    @property
    def json(self) -> Any:
        """cluster.json as it is now."""
        return json.loads((self.data_dir / "cluster.json").read_text())

    @property
    def http(self) -> list[str]:
        """host:port of REST, of every gateway."""
        return list(self.json["http"])

    @property
    def grpc(self) -> list[str]:
        """host:port of every process that answers the public gRPC services."""
        return list(self.json["grpc"])

    def process(self, name: str) -> Any:
        """One process of cluster.json."""
        return next(each for each in self.json["processes"] if each["name"] == name)

    def pid(self, name: str) -> int:
        """Process id."""
        return int(self.process(name)["pid"])

    # --- what is done to it -----------------------------------------------------------------

    def kill(self, name: str) -> None:
        """Ends a process at once and waits until the launcher has noticed."""
        os.kill(self.pid(name), signal.SIGKILL)
        deadline = time.monotonic() + 30
        while self.process(name)["state"] != "ended":
            assert time.monotonic() < deadline, f"{name} is not noticed to have ended"
            time.sleep(0.02)

    def pause(self, name: str) -> None:
        """Freezes a process."""
        os.kill(self.pid(name), signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Lets a frozen process go on."""
        os.kill(self.pid(name), signal.SIGCONT)

    def start(self, *names: str) -> None:
        """Starts processes again and waits until they serve."""
        self.cli("cluster", "start", *names)

    def stop(self, *names: str) -> None:
        """Stops processes; they drain."""
        self.cli("cluster", "stop", *names)

    def cli(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the command line."""
        done = subprocess.run(
            [BIN, *map(str, arguments)], env=self.environment, capture_output=True, text=True,
            timeout=START_LIMIT_S, check=False,
        )  # fmt: skip
        if check:
            assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        return done

    def told(self, *arguments: str | Path) -> Any:
        """What a command says with --json."""
        return json.loads(self.cli(*arguments, "--json").stdout)
