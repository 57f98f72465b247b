"""A started server: a process of its own, known by its id, with a log and a check for readiness."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

from flightmesh.clock import SystemClock
from flightmesh.errors import Unavailable
from flightmesh.runtime.settings import environment

LOOPBACK: Final = "127.0.0.1"
# Time to wait between two questions whether a server is ready; its end is noticed at once.
_PROBE_PAUSE_S: Final = 0.05
_PROBE_LIMIT_S: Final = 1.0
# Becomes the command that follows, after asking the kernel (PR_SET_PDEATHSIG = 1) to kill it when
# the process that started it ends. Not a function run between fork and exec: with threads, such
# ones may hang.
_TETHERED: Final = (
    "import ctypes, os, sys;"
    "ctypes.CDLL(None).prctl(1, 9, 0, 0, 0);"
    "os.getppid() == int(sys.argv[1]) or os._exit(1);"
    "os.execvp(sys.argv[2], sys.argv[2:])"
)
_OWN_VARIABLES: Final = "FLIGHTMESH_"


def free_port(host: str = LOOPBACK) -> int:
    """A TCP port that was free just now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@final
class ServerProcess:
    """A server that runs until it is stopped; `with` stops it at the end.

    Args:
        name: for messages.
        arguments: the command.
        directory: working directory; the log is `<directory>/<name>.log`.
        is_ready: asks the server whether it serves; False or OSError: not yet.
        env: variables to add to the environment, from which Flightmesh's own are taken away.

    Attributes:
        name: as given.
        log: file with all that the server printed; may be set before the start.
        dies_with_us: may be set before the start: the kernel kills the process (SIGKILL) when the
            thread that starts it ends, whatever ends it. Start it from the main thread, then.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        directory: Path,
        is_ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._arguments = arguments
        self._directory = directory
        self._is_ready = is_ready
        self._env = dict(env or {})
        self.dies_with_us = False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Id of the process that runs, or that ran last.

        Raises:
            Unavailable: it was never started.
        """
        if self._process is None:
            raise Unavailable(f"{self.name} was never started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there (paused counts)."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the process ended: its status, or minus the signal; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Starts the process, without waiting for it to be ready."""
        assert not self.running, f"{self.name} runs already"
        arguments = list(self._arguments)
        if self.dies_with_us:
            tether: list[str | Path] = [sys.executable, "-I", "-S", "-c", _TETHERED]
            arguments = [*tether, str(os.getpid()), *arguments]
        ours = {
            key: text for key, text in environment().items() if not key.startswith(_OWN_VARIABLES)
        }
        with self.log.open("ab") as log:
            # A session of its own: an interrupt at the terminal goes to us, who stop it in order.
            self._process = subprocess.Popen(  # noqa: S603 - servers we installed
                arguments, cwd=self._directory, env={**ours, **self._env},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait_ready(self, limit_s: float = 120.0) -> None:
        """Returns when the server says that it serves.

        Raises:
            Unavailable: it ended, or is not ready within the limit; tells the log's last lines.
        """
        assert self._process is not None
        clock = SystemClock()
        deadline = clock.monotonic_s() + limit_s
        # Known from the kernel: `running` says that a process still runs while another thread
        # takes note of its end.
        has_ended = True
        with suppress(ProcessLookupError):
            end = os.pidfd_open(self._process.pid)
            try:
                ended = select.poll()
                ended.register(end, select.POLLIN)
                has_ended = False
                while not has_ended and clock.monotonic_s() < deadline:
                    with suppress(OSError):
                        if self._is_ready():
                            return
                    has_ended = bool(ended.poll(_PROBE_PAUSE_S * 1000))
            finally:
                os.close(end)
        what = "has ended" if has_ended else "is not ready"
        raise Unavailable(f"{self.name} {what}; its log ends:\n{self.last_lines()}")

    def wait_end(self, limit_s: float) -> bool:
        """Waits for the process to end; whether it has."""
        if self._process is None:
            return True
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def last_lines(self, count: int = 15) -> str:
        """The end of the log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def stop(self, limit_s: float = 20.0) -> None:
        """Asks the process to end and waits for it; kills it when the limit is over. Idempotent."""
        if self._process is None or not self.running:
            return
        self.resume()
        self._process.terminate()
        if not self.wait_end(limit_s):
            self.kill()

    def kill(self) -> None:
        """Ends the process at once (SIGKILL), as a crash would."""
        if self._process is not None and self.running:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Freezes the process (SIGSTOP): its sockets stay open and nobody answers.

        Returns when all its threads stand still; on a busy machine some go on for a while.
        """
        if self.running:
            os.kill(self.pid, signal.SIGSTOP)
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Lets a frozen process go on (SIGCONT)."""
        if self.running:
            os.kill(self.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def ask(host: str, port: int, question: bytes, enough: int) -> bytes:
    """Sends bytes over TCP and returns at least `enough` bytes, or what came before the end.

    Raises:
        OSError: nobody listens, or no answer comes in time.
    """
    with socket.create_connection((host, port), _PROBE_LIMIT_S) as connection:
        connection.sendall(question)
        answer = b""
        while len(answer) < enough and (more := connection.recv(65_536)):
            answer += more
        return answer


def answers_http(host: str, port: int, path: str) -> bool:
    """Whether an HTTP server answers that path with status 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    return ask(host, port, request.encode(), 12)[9:12] == b"200"
