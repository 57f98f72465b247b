"""Nothing is acknowledged before the disk has it: shown by the system calls of a real process."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

APPENDER = Path(__file__).with_name("appender.py")
APPENDS = 25

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: system calls are not traced"
)

_CALL = re.compile(r"^(\d+) +(fsync|fdatasync|pwrite64|write)\(\d+<([^>]*)>(.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (fsync|fdatasync) resumed>.*= 0$")
_SAID = re.compile(r'^, "(start|acknowledged) ([^"\\]*)\\n"')


@dataclass(frozen=True)
class Sync:
    """A sync that succeeded, by the lines of the trace at which it began and ended."""

    file: str
    began: int
    ended: int


class Trace:
    """What matters of a trace, by number of its line."""

    def __init__(self, text: str) -> None:
        self.said: dict[tuple[str, str], int] = {}
        self.syncs: list[Sync] = []
        self.writes: list[tuple[str, int]] = []
        self._pending: dict[str, tuple[str, int]] = {}
        for number, line in enumerate(text.splitlines()):
            self._read(number, line)

    def _read(self, number: int, line: str) -> None:
        if resumed := _RESUMED.match(line):
            file, began = self._pending.pop(resumed[1])
            self.syncs.append(Sync(file, began, number))
        if not (call := _CALL.match(line)):
            return
        thread, name, file, rest = call.groups()
        if name in ("fsync", "fdatasync"):
            if rest.endswith("<unfinished ...>"):
                self._pending[thread] = (Path(file).name, number)
            elif rest.endswith("= 0"):
                self.syncs.append(Sync(Path(file).name, number, number))
        elif name == "pwrite64":
            self.writes.append((Path(file).name, number))
        elif said := _SAID.match(rest):
            self.said[said[1], said[2]] = number

    def synced_within(self, file: str, what: str) -> bool:
        """Whether the file was written and then wholly synced between start and answer."""
        start, answer = self.said["start", what], self.said["acknowledged", what]
        writes = [number for name, number in self.writes if name == file and number > start]
        return any(
            sync.file == file and sync.ended < answer and any(w < sync.began for w in writes)
            for sync in self.syncs
        )


def trace(directory: Path, writers: int) -> Trace:
    output = directory / "trace"
    tracer = "strace -f -y -qq -s 64 -e trace=fsync,fdatasync,pwrite64,write -e signal=none"
    appender = [sys.executable, str(APPENDER), str(directory / "store")]
    command = [*tracer.split(), "-o", str(output), *appender, str(APPENDS), str(writers)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return Trace(output.read_text(errors="replace"))


@pytest.mark.parametrize("writers", [1, 3])
def test_every_acknowledged_append_was_synced_first(tmp_path: Path, writers: int) -> None:
    traced = trace(tmp_path, writers)
    appends = [what for kind, what in traced.said if kind == "acknowledged" and what != "trim"]
    assert len(appends) == APPENDS * writers
    unsynced = [what for what in appends if not traced.synced_within("journal.db-wal", what)]
    assert unsynced == []


def test_the_index_is_synced_before_a_claim_forgets_a_ledger(tmp_path: Path) -> None:
    traced = trace(tmp_path, writers=1)
    assert traced.synced_within("index.db-wal", "trim")
    assert traced.synced_within("journal.db-wal", "trim")
    start, answer = traced.said["start", "trim"], traced.said["acknowledged", "trim"]
    syncs = sorted((sync.ended, sync.file) for sync in traced.syncs if start < sync.began < answer)
    assert [file for _, file in syncs] == ["index.db-wal", "journal.db-wal"]


def test_a_trace_without_a_sync_is_found_wanting() -> None:
    lines = [
        '7 write(1<pipe>, "start append 1 0\\n", 17) = 17',
        '8 pwrite64(5</d/journal.db-wal>, "x", 24, 0) = 24',
        "8 fdatasync(5</d/journal.db-wal> <unfinished ...>",
        '7 write(1<pipe>, "acknowledged append 1 0\\n", 24) = 24',
        "8 <... fdatasync resumed>)      = 0",
    ]
    assert not Trace("\n".join(lines)).synced_within("journal.db-wal", "append 1 0")
    lines[3], lines[4] = lines[4], lines[3]
    assert Trace("\n".join(lines)).synced_within("journal.db-wal", "append 1 0")
