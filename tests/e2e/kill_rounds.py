"""Rounds of load and kill -9 on one data folder, and what is checked between them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from flightmesh.journal.sqlite import SqliteStore
from flightmesh.schedule_model import ScheduleModel
from flightmesh.testing.history_checker import check_history
from flightmesh.verification import Violation
from flightmesh.verification.contents import read_contents
from flightmesh.verification.journal import check_journal
from flightmesh.verification.legs import leg_rows
from tests.e2e.kill_load import KillLoad
from tests.e2e.mesh_process import MeshProcess

# Acknowledged commands before each kill: at least these, and some more by the seed.
ACKNOWLEDGED = 200
# The checker reads the whole history, so it is not run after every round of many.
CHECK_EVERY = 10


def kill_rounds(
    folder: Path, rounds: int, seed: int, tell: Callable[[str], None] = lambda _: None
) -> KillLoad:
    """Runs the rounds; raises AssertionError with what was found, and keeps folder and history.

    Args:
        folder: gets the data folder, the log and the history.
        rounds: number of kills.
        seed: of the load and of the instants of the kills.
        tell: gets a line per round.
    """
    load = KillLoad(seed)
    mesh = MeshProcess(folder / "data")
    try:
        # One event loop for all: gRPC's poller does not like to see several come and go.
        with asyncio.Runner() as runner:
            run = runner.run
            for number in range(1, rounds + 1):
                mesh.start()
                run(load.prepare(mesh.server))
                enough = ACKNOWLEDGED + load.random.randrange(ACKNOWLEDGED)
                run(load.run_until(mesh.server, enough, mesh.kill))
                found = run(examine(mesh.data_dir, load, whole=number % CHECK_EVERY == 0))
                _refuse(folder, load, found, f"seed {seed}, after kill {number}")
                tell(f"kill {number}: {load.acknowledged:,} commands acknowledged, nothing found")
            mesh.start()
            run(load.read_all(mesh.server))
            assert mesh.stop() == 0, mesh.log()
            found = run(examine(mesh.data_dir, load, whole=True))
            _refuse(folder, load, found, f"seed {seed}, at the end")
    finally:
        if mesh.process is not None and mesh.process.poll() is None:
            mesh.kill()
    return load


async def examine(data_dir: Path, load: KillLoad, *, whole: bool) -> list[Violation]:
    """What the doctor finds in the folder, and, of the whole, what the checker finds."""
    async with await SqliteStore.open(data_dir) as store:
        report = await check_journal(store, ScheduleModel())
        found = [
            each
            for check in report.checks
            if check.verdict == "violated"
            for each in check.evidence
        ]
        if whole:
            found += check_history(load.history, await read_contents(store.journal), leg_rows)
    return found


def _refuse(folder: Path, load: KillLoad, found: list[Violation], where: str) -> None:
    if not found:
        return
    load.history.write(folder / "history.jsonl")
    (folder / "found.json").write_text(json.dumps([str(each) for each in found], indent=1))
    raise AssertionError(f"{where}: {len(found)} violations, the first: {found[0]}")
