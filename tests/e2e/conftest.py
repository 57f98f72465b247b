"""Starts meshes; every one is stopped at the end of its test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.mesh_process import MeshProcess

StartMesh = Callable[..., MeshProcess]


@pytest.fixture
def start_mesh(tmp_path: Path) -> Iterator[StartMesh]:
    """Starts a mesh on a folder under the test's own, or on that of a mesh before it."""
    started: list[MeshProcess] = []

    def start(data_dir: Path | None = None, *, sample: bool = False) -> MeshProcess:
        mesh = MeshProcess(data_dir or tmp_path / "data", sample=sample)
        started.append(mesh)
        return mesh.start()

    yield start
    for mesh in started:
        if mesh.process is not None and mesh.process.poll() is None:
            mesh.kill()


@pytest.fixture(scope="module")
def shared_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeshProcess]:
    """One mesh for the tests of a module that keep to schedules of their own."""
    mesh = MeshProcess(tmp_path_factory.mktemp("mesh") / "data").start()
    yield mesh
    assert mesh.stop() == 0, mesh.log()


@pytest.fixture(scope="session")
def ssim_file(test_data: Path) -> Path:
    """A real SSIM file of 3,070 dated legs."""
    return test_data / "ssim" / "XX_S05.ssim"


@pytest.fixture(scope="session")
def flights_file(test_data: Path) -> Path:
    """10,000 real flights with tail numbers."""
    return test_data / "rotations" / "flights_2008_5_1.csv"
