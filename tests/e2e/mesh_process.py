"""A mesh as its users start it: the `flightmesh run` process, and the command line against it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

BIN = Path(sys.executable).parent / "flightmesh"
START_LIMIT_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class MeshProcess:
    """One `flightmesh run` with its own folder and ports."""

    data_dir: Path
    sample: bool = False
    http_port: int = field(default_factory=free_port)
    grpc_port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None
    output: list[str] = field(default_factory=list)

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def server(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def environment(self) -> dict[str, str]:
        settings = {
            "FLIGHTMESH_DATA_DIR": str(self.data_dir),
            "FLIGHTMESH_HTTP_PORT": str(self.http_port),
            "FLIGHTMESH_GRPC_PORT": str(self.grpc_port),
            "FLIGHTMESH_SAMPLE": "yes" if self.sample else "no",
            "FLIGHTMESH_SERVER": self.server,
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }
        return {**os.environ, **settings}

    def start(self) -> Self:
        log = (self.data_dir.parent / f"{self.data_dir.name}.log").open("a")
        self.process = subprocess.Popen(
            [BIN, "run"], env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        log.close()
        assert self.process.stdout is not None
        deadline = time.monotonic() + START_LIMIT_S
        for line in self.process.stdout:
            self.output.append(line.rstrip())
            if line.strip() == "ready":
                return self
            assert time.monotonic() < deadline, self.output
        raise AssertionError(f"the mesh ended before it was ready: {self.output}\n{self.log()}")

    def log(self) -> str:
        return (self.data_dir.parent / f"{self.data_dir.name}.log").read_text()[-5000:]

    def kill(self) -> None:
        """Ends the process as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)
        self._close()

    def stop(self) -> int:
        """Asks the process to drain; returns its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self._close()
        return code

    def _close(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.stdout.close()

    def cli(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [BIN, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        return done

    def json(self, *arguments: str | Path) -> Any:
        return json.loads(self.cli(*arguments, "--json").stdout)

    def legs(self, schedule: str) -> list[dict[str, Any]]:
        lines = self.cli("legs", "--schedule", schedule, "--json").stdout.splitlines()
        return [json.loads(line) for line in lines]
