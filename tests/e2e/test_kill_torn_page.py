"""Torn pages in the folder of a killed mesh: recovered or refused, and what is lost is found."""

import asyncio
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.kill_load import KillLoad
from tests.e2e.kill_rounds import examine
from tests.e2e.mesh_process import MeshProcess

PAGE = 4096


@dataclass
class Killed:
    """A folder as a killed mesh left it, and what its clients were told."""

    folder: Path
    load: KillLoad

    def copy(self, to: Path) -> Path:
        shutil.copytree(self.folder, to)
        return to


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    load = KillLoad(seed=11)
    mesh = MeshProcess(tmp_path_factory.mktemp("killed") / "data").start()
    try:
        asyncio.run(load.prepare(mesh.server))
        asyncio.run(load.run_until(mesh.server, 300, mesh.kill))
    finally:
        if mesh.process is not None and mesh.process.poll() is None:
            mesh.kill()
    return Killed(mesh.data_dir, load)


def found(folder: Path, load: KillLoad) -> set[str]:
    return {each.invariant for each in asyncio.run(examine(folder, load, whole=True))}


def test_a_write_that_was_cut_off_is_recovered_from(killed: Killed, tmp_path: Path) -> None:
    """Behind the last commit: half a frame, as a power cut in the middle of the next one leaves."""
    folder = killed.copy(tmp_path / "data")
    with (folder / "journal.db-wal").open("ab") as log:
        log.write(random.Random(1).randbytes(PAGE // 2))
    assert found(folder, killed.load) == set()


def test_acknowledged_commits_that_are_gone_are_found(killed: Killed, tmp_path: Path) -> None:
    """What no store can notice by itself: whole synced commits at the end are no more."""
    folder = killed.copy(tmp_path / "data")
    log = folder / "journal.db-wal"
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    assert "I5" in found(folder, killed.load)


@pytest.mark.parametrize("kind", ["zeros", "garbage"])
def test_a_mesh_on_a_torn_last_page_serves_all_or_refuses_in_one_line(
    killed: Killed, tmp_path: Path, kind: str
) -> None:
    folder = killed.copy(tmp_path / "data")
    assert found(folder, killed.load) == set()  # closing the store copies its log into the file
    file = folder / "journal.db"
    half = bytes(PAGE // 2) if kind == "zeros" else random.Random(2).randbytes(PAGE // 2)
    file.write_bytes(file.read_bytes()[: -(PAGE // 2)] + half)
    mesh = MeshProcess(folder)
    try:
        mesh.start()
    except AssertionError:
        assert mesh.process is not None
        assert mesh.process.wait(30) == 1
        said = [line for line in mesh.log().splitlines() if line.startswith("flightmesh run: ")]
        assert len(said) == 1
        return
    # The last page happened to hold nothing that is in use.
    mesh.kill()
    assert found(folder, killed.load) == set()
