"""A process is killed with -9 while it appends: everything it acknowledged is there."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.errors import ConfigurationError
from flightmesh.journal.sqlite import SqliteStore
from flightmesh.ledger.birth import give_birth
from flightmesh.ledger.reader import LedgerReader
from flightmesh.ledger.sealer import seal_ledger

APPENDER = Path(__file__).with_name("appender.py")


def kill_after(directory: Path, acknowledged: int, writers: int) -> dict[int, int]:
    """Runs appenders, kills them after so many answers; the last answered number by ledger."""
    command = [sys.executable, str(APPENDER), str(directory), "0", str(writers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines, answers = [], 0
        for line in child.stdout:
            lines.append(line)
            answers += line.startswith("acknowledged")
            if answers == acknowledged:
                child.kill()
                break
        # What it said between the last line read here and its death counts as well.
        lines += child.stdout.readlines()
    said = [line.split() for line in lines if line.endswith("\n")]
    return {int(w[2]): int(w[3]) for w in said if w[:2] == ["acknowledged", "append"]}


@pytest.mark.parametrize(("acknowledged", "writers"), [(1, 1), (150, 1), (300, 3)])
async def test_all_that_was_acknowledged_survives_the_kill(
    tmp_path: Path, acknowledged: int, writers: int
) -> None:
    answered = kill_after(tmp_path, acknowledged, writers)
    async with await SqliteStore.open(tmp_path) as store:
        assert {row.ledger for row in await store.journal.list_directory()} >= answered.keys()
        for ledger, number in answered.items():
            reader = LedgerReader(store.journal, ledger)
            entries = [entry async for entry in reader.entries()]
            assert len(entries) > number
            for at, (found, data) in enumerate(entries):
                assert (found, data) == (at, f"entry {at} of {ledger} ".encode() * 50)
            assert await seal_ledger(store.journal, ledger, SystemClock()) == len(entries) - 1
        writer = await give_birth(store.journal, "next", SystemClock(), SystemRandomness())
        assert writer.ledger > max(answered)
        assert await writer.append(b"life goes on") == 0


async def test_a_second_process_is_refused_the_directory(tmp_path: Path) -> None:
    command = [sys.executable, str(APPENDER), str(tmp_path), "1", "1"]

    def run() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    async with await SqliteStore.open(tmp_path):
        child = await asyncio.to_thread(run)
    assert child.returncode != 0
    assert "ConfigurationError: another process uses the directory" in child.stderr
    assert (await asyncio.to_thread(run)).returncode == 0


async def test_a_directory_is_opened_once_within_a_process_too(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path):
        with pytest.raises(ConfigurationError):
            await SqliteStore.open(tmp_path)
    async with await SqliteStore.open(tmp_path):
        pass
