"""The load and the checks on the embedded mesh: they work, and they can find something."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flightmesh.journal.sqlite import SqliteStore
from flightmesh.schedule_model import ScheduleModel
from flightmesh.testing.history import Acknowledged, Answered, Refused
from flightmesh.verification.journal import check_journal
from tests.e2e.mesh_process import MeshProcess
from tests.servers.faults.examination import examine, load_on, refuse
from tests.servers.faults.load import Addresses, PacedLoad


def addresses(mesh: MeshProcess) -> Addresses:
    return Addresses((mesh.server,), (f"127.0.0.1:{mesh.http_port}",), (mesh.server,))


class Embedded:
    """The embedded mesh as an examination sees it."""

    per_s = 100

    def __init__(self, process: MeshProcess) -> None:
        self.process = process

    def addresses(self) -> Addresses:
        return addresses(self.process)

    @contextlib.asynccontextmanager
    async def open_store(self) -> AsyncIterator[SqliteStore]:
        assert self.process.stop() == 0, self.process.log()
        async with await SqliteStore.open(self.process.data_dir) as store:
            yield store


async def killed_under_load(mesh: Embedded) -> PacedLoad:
    async with load_on(mesh, "self-test") as load:
        await load.go_on(3)
        mesh.process.kill()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(mesh.process.start)
        await load.until_all_rotations_answer()
        await load.go_on(2)
        await load.stop()
        await load.settle()
    print(f"\nembedded: {load.record.summary()}", flush=True)
    return load


async def test_a_load_outlives_a_kill_of_the_whole_mesh_and_is_found_whole(tmp_path: Path) -> None:
    mesh = Embedded(MeshProcess(tmp_path / "data").start())
    try:
        load = await killed_under_load(mesh)
        async with mesh.open_store() as store:
            refuse(await examine(load, store), tmp_path)
            report = await check_journal(store, ScheduleModel())
            assert not [check for check in report.checks if check.verdict == "violated"]
            await the_checks_find_what_is_planted(load, store)
    finally:
        mesh.process.kill()
    assert load.record.acknowledged > 3 * mesh.per_s
    assert load.record.queries > 3 * mesh.per_s
    notes = load.record.history.notes
    refusals = {note.reason for note in notes if isinstance(note, Refused)}
    assert {"SEQUENCE_MISMATCH", "COMMAND_ID_REUSED"} <= refusals
    assert any(isinstance(note, Answered) and note.rows for note in notes)


async def the_checks_find_what_is_planted(load: PacedLoad, store: SqliteStore) -> None:
    notes = load.record.history.notes
    index, told = next((i, n) for i, n in enumerate(notes) if isinstance(n, Acknowledged))
    notes[index] = Acknowledged(told.operation, told.at_us, told.sequence + 1, told.position)
    found = await examine(load, store)
    notes[index] = told
    assert any(each.startswith("I5") for each in found), found[:3]
    index, seen = next((i, n) for i, n in enumerate(notes) if isinstance(n, Answered) and n.rows)
    assert seen.rows is not None
    rows = dict(list(seen.rows.items())[1:])
    notes[index] = Answered(seen.operation, seen.at_us, seen.position, rows)
    found = await examine(load, store)
    notes[index] = seen
    assert any(each.startswith("I7") for each in found), found[:3]


async def test_a_load_on_a_mesh_that_is_gone_fails(tmp_path: Path) -> None:
    mesh = Embedded(MeshProcess(tmp_path / "data").start())
    try:
        async with load_on(mesh, "gone", deadline_s=2.0) as load:
            await load.go_on(0.5)
            mesh.process.kill()
            load.patience_s = 2
            with pytest.raises(AssertionError, match="rotations answer no more"):
                await load.until_all_rotations_answer()
            await load.stop()
            with pytest.raises(AssertionError, match="commands stay open"):
                await load.settle()
            assert {each.way for each in load.record.failures} >= {"library", "rest", "stream"}
    finally:
        mesh.process.kill()
