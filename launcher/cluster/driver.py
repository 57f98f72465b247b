"""A cluster in the hands of a program that asks, breaks and measures it: tests and benchmarks.

It is driven as people do it: by `flightmesh cluster run`, cluster.json, signals, and the launcher's
socket.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from inspect import isawaitable
from pathlib import Path
from typing import Any, Final, Self

from flightmesh.clock import SystemClock
from flightmesh.errors import FlightmeshError, Unavailable
from flightmesh.runtime.settings import environment
from launcher.cluster import control
from launcher.cluster.folder import ClusterFolder
from launcher.cluster.state import ClusterState, ProcessState
from launcher.servers.process import ServerProcess

FLIGHTMESH: Final = Path(sys.executable).parent / "flightmesh"
_START_LIMIT_S: Final = 600.0
_STOP_LIMIT_S: Final = 180.0
_NOTICE_LIMIT_S: Final = 60.0
_POLL_S: Final = 0.2
_OURS: Final = "FLIGHTMESH_"
_ANY_PORTS: Final = {"FLIGHTMESH_HTTP_PORT": "0", "FLIGHTMESH_GRPC_PORT": "0"}


class ClusterDriver:
    """One cluster in its folder; `with` ends it at the end if it was launched here.

    Launch it from the main thread: the cluster ends with the thread that has launched it, whatever
    ends that.

    Args:
        folder: its data directory.
        variables: settings of the launcher that win over those of the environment. Without any,
            its ports are free ones.

    Attributes:
        folder: its data directory, as a whole path.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self.folder = folder = folder.resolve()
        self._variables = {
            **{name: text for name, text in environment().items() if name.startswith(_OURS)},
            **_ANY_PORTS,
            **(variables or {}),
            "FLIGHTMESH_DATA_DIR": str(folder),
        }
        self._launcher = ServerProcess(
            "launcher", [FLIGHTMESH, "cluster", "run"], folder.parent, self._is_ready,
            self._variables,
        )  # fmt: skip
        self._launcher.log = folder.with_suffix(".log")
        self._launcher.dies_with_us = True

    # --- life -------------------------------------------------------------------------------

    def launch(self) -> Self:
        """Starts the launcher and returns when the cluster is ready.

        Raises:
            Unavailable: it has ended, or is not ready in time.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._launcher.start()
        self._launcher.wait_ready(_START_LIMIT_S)
        return self

    def ensure_running(self) -> None:
        """Launches, unless a cluster runs in the folder, whoever has launched it.

        Raises:
            Unavailable: see `launch`; or the cluster that is there is starting or stopping.
        """
        if not ClusterFolder(self.folder).launcher():
            self.launch()
        elif (state := self.state().state) != "ready":
            raise Unavailable(f"the cluster in {self.folder} is {state}")

    def terminate(self) -> int:
        """Asks the launcher to drain and stop everything; its exit code, or minus a signal."""
        self._launcher.stop(_STOP_LIMIT_S)
        assert self._launcher.exit_code is not None, "it was not launched here"
        return self._launcher.exit_code

    def kill_launcher(self) -> None:
        """Ends the launcher at once, and all that it has started with it."""
        self._launcher.kill()

    def ensure_stopped(self) -> None:
        """Terminates what was launched here, unless it has ended."""
        self._launcher.stop(_STOP_LIMIT_S)

    def said(self) -> str:
        """The end of what the launcher printed."""
        return self._launcher.last_lines(100)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ensure_stopped()

    def _is_ready(self) -> bool:
        state = ClusterFolder(self.folder).read()
        ours = state is not None and state.launcher_pid == self._launcher.pid
        return ours and state is not None and state.state == "ready"

    # --- what is there ----------------------------------------------------------------------

    def state(self) -> ClusterState:
        """cluster.json as it is now.

        Raises:
            Unavailable: there is none: no cluster has run there.
        """
        state = ClusterFolder(self.folder).read()
        if state is None:
            raise Unavailable(f"no cluster has run in {self.folder}")
        return state

    def processes(self, role: str) -> list[ProcessState]:
        """The processes of a role, in order."""
        return [each for each in self.state().processes if each.role == role]

    def named(self, role: str) -> list[str]:
        """Names of the processes of a role, in order."""
        return [each.name for each in self.processes(role)]

    def process(self, name: str) -> ProcessState:
        """One process."""
        return next(each for each in self.state().processes if each.name == name)

    # --- the command line -------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """Variables for commands that work on this cluster."""
        state = ClusterFolder(self.folder).read()
        server = {} if state is None else {"FLIGHTMESH_SERVER": ",".join(state.grpc)}
        plain = {"NO_COLOR": "1", "COLUMNS": "200"}
        return {**environment(), **plain, **self._variables, **server}

    def run(
        self, *command: str | Path, check: bool = True, limit_s: float = _START_LIMIT_S
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a command to its end.

        Raises:
            Unavailable: it has failed, and `check` is true; tells the end of what it printed.
        """
        done = subprocess.run(  # noqa: S603 - the caller's own command
            list(map(str, command)), env=self.environment, capture_output=True, text=True,
            timeout=limit_s, check=False,
        )  # fmt: skip
        if check and done.returncode:
            what = " ".join(map(str, command))
            raise Unavailable(f"{what}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done

    def cli(self, *arguments: str | Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Runs `flightmesh` with arguments; see `run`."""
        return self.run(FLIGHTMESH, *arguments, check=check)

    def told(self, *arguments: str | Path) -> Any:
        """What `flightmesh` says with --json."""
        return json.loads(self.cli(*arguments, "--json").stdout)

    # --- what is done to its processes --------------------------------------------------------

    def send(self, name: str, number: signal.Signals) -> None:
        """Sends a signal to a process."""
        os.kill(self.process(name).pid, number)

    def kill(self, *names: str) -> None:
        """Ends processes at once; does not wait until the launcher has noticed."""
        for name in names:
            self.send(name, signal.SIGKILL)

    def pause(self, name: str) -> None:
        """Freezes a process."""
        self.send(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Lets a frozen process go on."""
        self.send(name, signal.SIGCONT)

    async def until_ended(self, *names: str) -> None:
        """Waits until the launcher has noticed the end of processes."""
        for name in names:
            await until(partial(self._has_ended, name), f"{name} has ended", _NOTICE_LIMIT_S)

    def _has_ended(self, name: str) -> bool:
        return self.process(name).state == "ended"

    async def start(self, *names: str) -> None:
        """Starts processes that have ended or are about to, together; waits until they serve.

        Raises:
            Unavailable: one does not start.
        """
        await self.until_ended(*names)
        await asyncio.to_thread(control.ask, self.folder, "start", names, lambda _: None)

    async def stop(self, *names: str) -> None:
        """Has processes drain and end, together."""
        await asyncio.to_thread(control.ask, self.folder, "stop", names, lambda _: None)


async def until(
    condition: Callable[[], bool | Awaitable[bool]],
    what: str,
    limit_s: float,
    every_s: float = _POLL_S,
) -> None:
    """Looks again and again until something is so; a mesh that does not answer counts as no.

    Args:
        condition: what is to be so.
        what: the same in words.
        limit_s: longest time.
        every_s: pause between two looks.

    Raises:
        TimeoutError: it never was.
    """
    clock = SystemClock()
    end_s = clock.monotonic_s() + limit_s
    trouble = ""
    while True:
        try:
            answer = condition()
            if await answer if isawaitable(answer) else answer:
                return
            trouble = ""
        except FlightmeshError as error:
            trouble = f" ({error})"
        if clock.monotonic_s() > end_s:
            raise TimeoutError(f"it never came about that {what}{trouble}")
        await clock.sleep(every_s)
