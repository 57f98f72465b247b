"""The data directory of a cluster: its files, its lock, and what an earlier launcher left."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self, final

from flightmesh.clock import Clock
from flightmesh.errors import ConfigurationError
from launcher.cluster.state import ClusterState, ProcessState, is_alive, read_state, write_state

_EMBEDDED_STORE: Final = "journal.db"
# What a killed launcher's processes may take to be gone: the kernel kills them with it.
_PATIENCE_S: Final = 5.0
_PAUSE_S: Final = 0.05


@final
class ClusterFolder:
    """Where everything of one cluster is.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def state_file(self) -> Path:
        """cluster.json."""
        return self.path / "cluster.json"

    @property
    def port_file(self) -> Path:
        """Ports of all processes."""
        return self.path / "ports.json"

    def config_file(self, name: str) -> Path:
        """Settings of a process."""
        return self.path / "config" / f"{name}.toml"

    def log_file(self, name: str) -> Path:
        """Log of a process."""
        return self.path / "log" / f"{name}.log"

    def own(self, name: str) -> Path:
        """The folder of one process, made if missing."""
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def read(self) -> ClusterState | None:
        """What cluster.json says; None if there is none."""
        return read_state(self.state_file)

    def write(self, state: ClusterState) -> None:
        """Replaces cluster.json."""
        write_state(self.state_file, state)

    async def take(self, clock: Clock) -> Self:
        """Makes the folder and keeps every other launcher off it, until `release`.

        Raises:
            ConfigurationError: the folder is an embedded mesh's, another launcher has it, it cannot
                be written, or processes of an earlier launcher still run.
        """
        if (self.path / _EMBEDDED_STORE).exists():
            raise ConfigurationError(
                f"{self.path} holds the data of an embedded mesh ({_EMBEDDED_STORE});"
                " set FLIGHTMESH_DATA_DIR to another folder"
            )
        try:
            for folder in ("config", "log"):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
            self._take_lock()
        except OSError as error:
            raise ConfigurationError(
                f"{self.path} cannot be used: {error.strerror}; set FLIGHTMESH_DATA_DIR"
            ) from None
        try:
            await self._check_left_over(clock)
        except ConfigurationError:
            self.release()
            raise
        return self

    def release(self) -> None:
        """Lets another launcher have the folder. Idempotent."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def left_over(self) -> Sequence[ProcessState]:
        """Processes that cluster.json lists and that still run."""
        state = self.read()
        if state is None:
            return ()
        return [each for each in state.processes if is_alive(each.pid, each.started)]

    def launcher(self) -> int:
        """Process id of the launcher that runs this cluster; 0 if none does."""
        state = self.read()
        if state is None or not is_alive(state.launcher_pid, state.launcher_started):
            return 0
        return state.launcher_pid

    def _take_lock(self) -> None:
        lock = os.open(self.path / "launcher.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            pid = self.launcher()
            raise ConfigurationError(
                f"a cluster runs in {self.path} already"
                + (f" (launcher: process {pid})" if pid else "")
                + "; set FLIGHTMESH_DATA_DIR to another folder, or stop it:"
                f" flightmesh cluster stop --all --data-dir {self.path}"
            ) from None
        self._lock = lock

    async def _check_left_over(self, clock: Clock) -> None:
        deadline = clock.monotonic_s() + _PATIENCE_S
        while left := self.left_over():
            if clock.monotonic_s() >= deadline:
                names = ", ".join(f"{each.name} (process {each.pid})" for each in left)
                raise ConfigurationError(
                    f"processes of an earlier launcher still run in {self.path}: {names}; end them"
                    f" by: flightmesh cluster stop --all --data-dir {self.path}"
                )
            await clock.sleep(_PAUSE_S)
