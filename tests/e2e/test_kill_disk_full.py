"""A full disk under command load: commands wait or fail, and nothing acknowledged is lost.

The disk is a small tmpfs where the test may mount one, else a limit on the size of files.
"""

import asyncio
import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.kill_load import KillLoad
from tests.e2e.kill_rounds import examine
from tests.e2e.mesh_process import MeshProcess

DISK_BYTES = 24 << 20
STALL_S = 1.5
LIMIT_S = 60.0


class SmallDisk:
    """A tmpfs that is filled up by a file, and emptied by taking it away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, mesh: MeshProcess) -> None:
        free = os.statvfs(self.folder)
        # Room for a few more entries only; the mesh takes some while this is written.
        count = max(0, free.f_bavail * free.f_frsize - (64 << 10))
        try:
            (self.folder / "filler").write_bytes(bytes(count))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def free(self, mesh: MeshProcess) -> None:
        (self.folder / "filler").unlink(missing_ok=True)


class SizeLimit:
    """No file of the mesh's process may grow beyond what the largest one has now, and a little."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, mesh: MeshProcess) -> None:
        largest = max(file.stat().st_size for file in mesh.data_dir.iterdir())
        self._limit(mesh, largest + (64 << 10))

    def free(self, mesh: MeshProcess) -> None:
        # A process that was killed took its limit with it.
        if mesh.process is not None and mesh.process.poll() is None:
            self._limit(mesh, resource.RLIM_INFINITY)

    def _limit(self, mesh: MeshProcess, size: int) -> None:
        assert mesh.process is not None
        _, hard = resource.prlimit(mesh.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(mesh.process.pid, resource.RLIMIT_FSIZE, (size, hard))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk | SizeLimit]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and (
        subprocess.run(mount, capture_output=True, check=False).returncode == 0
    )
    if not mounted and not hasattr(resource, "prlimit"):
        pytest.skip("neither a tmpfs nor a limit of file sizes can be had here")
    yield SmallDisk(folder) if mounted else SizeLimit(folder)
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


async def fill_and_free(load: KillLoad, mesh: MeshProcess, disk: SmallDisk | SizeLimit) -> None:
    """Edits until the disk stops it, goes on when there is room again, and is killed when full."""

    async def body() -> None:
        await growth(load, 100)
        disk.fill(mesh)
        await stall(load)
        disk.free(mesh)
        await growth(load, 100)
        disk.fill(mesh)
        await stall(load)
        mesh.kill()
        disk.free(mesh)

    await load.work_while(mesh.server, body)


async def growth(load: KillLoad, count: int) -> None:
    enough = load.acknowledged + count
    async with asyncio.timeout(LIMIT_S):
        while load.acknowledged < enough:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def stall(load: KillLoad) -> None:
    """Waits until nothing has been acknowledged for a while."""
    async with asyncio.timeout(LIMIT_S):
        seen = -1
        while seen != load.acknowledged:
            seen = load.acknowledged
            await asyncio.sleep(STALL_S)


def test_a_full_disk_loses_nothing_and_commands_go_on_when_there_is_room(
    small_disk: SmallDisk | SizeLimit,
) -> None:
    load = KillLoad(seed=7)
    mesh = MeshProcess(small_disk.folder / "data").start()
    try:
        asyncio.run(load.prepare(mesh.server))
        asyncio.run(fill_and_free(load, mesh, small_disk))
        assert load.untold, "the full disk stopped nothing"
        mesh.start()
        asyncio.run(load.read_all(mesh.server))
        assert mesh.stop() == 0, mesh.log()
    finally:
        if mesh.process is not None and mesh.process.poll() is None:
            mesh.kill()
    assert [str(each) for each in asyncio.run(examine(mesh.data_dir, load, whole=True))] == []
