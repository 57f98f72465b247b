"""Runs the tests against real servers: `make test` and `make test-servers`.

The adapters' tests mostly wait, those of etcd and NATS for leases and elections, those of Cassandra
for its start, so they run side by side. Whole clusters come one after the other: each takes both
cores.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path("tests/servers")
# Folders and files of `tests/servers` that share servers, by the name that stands before each line.
# What is in no group runs last, each by itself.
SIDE_BY_SIDE = {
    "cassandra": ("journal", "doctor"),
    "etcd, nats": ("registry", "event_bus", "test_start_and_stop.py"),
}
# Hours; `make soak` runs it.
LEFT_OUT = ("soak",)
NO_TESTS = 5
# How pytest's lines begin that name a failed test, and say what failed in it.
REASONS = ("FAILED ", "ERROR ", "E  ")


@dataclass
class Outcome:
    """What the groups came to: their exit statuses, and the lines that say why one failed."""

    statuses: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether any group failed."""
        return any(self.statuses)


def run(name: str, paths: Sequence[Path], options: Sequence[str], outcome: Outcome) -> None:
    """Runs one group, each line with its name; adds what it came to."""
    command = [sys.executable, "-m", "pytest", "--durations=5", *map(str, paths), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(f"{name} | {line}", end="", flush=True)
            if line.startswith(REASONS):
                outcome.reasons.append(f"{name} | {line}")
    # Options may choose among the tests and leave a group none.
    outcome.statuses.append(0 if process.returncode == NO_TESTS else process.returncode)


def others() -> list[Path]:
    """Folders with tests that are in no group."""
    known = {*LEFT_OUT, *(name for names in SIDE_BY_SIDE.values() for name in names)}
    return sorted(
        path
        for path in TESTS.iterdir()
        if path.name not in known
        and (next(path.glob("test_*.py"), None) or path.match("test_*.py"))
    )


def main() -> int:
    """Runs all groups; returns the exit status."""
    options, outcome = sys.argv[1:], Outcome()
    began = time.monotonic()
    together = [
        threading.Thread(target=run, args=(name, [TESTS / p for p in paths], options, outcome))
        for name, paths in SIDE_BY_SIDE.items()
    ]
    for each in together:
        each.start()
    for each in together:
        each.join()
    for path in others():
        run(path.stem, [path], options, outcome)
    minutes = (time.monotonic() - began) / 60
    # Once more at the end: of a long log often only the end is kept.
    print("".join(outcome.reasons), end="")
    print(f"tests against real servers: {minutes:.1f} min, {'FAILED' if outcome.failed else 'ok'}")
    return int(outcome.failed)


if __name__ == "__main__":
    sys.exit(main())
