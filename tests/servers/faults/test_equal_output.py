"""The real stack gives the same legs and findings of real files as the embedded mesh does."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.mesh_process import MeshProcess
from tests.servers.faults.stack import Stack

SSIM, FLIGHTS = Path("ssim") / "XX_S05.ssim", Path("rotations") / "flights_2008_5_1.csv"


class Commands(MeshProcess):
    """The command line against a cluster that runs, with what the embedded mesh's tests know."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.folder)
        self.address = stack.addresses().grpc[0]

    @property
    def server(self) -> str:
        return self.address


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeshProcess]:
    mesh = MeshProcess(tmp_path_factory.mktemp("equal") / "data").start()
    yield mesh
    assert mesh.stop() == 0, mesh.log()


def outputs(mesh: MeshProcess, kind: str, file: Path, schedule: str) -> dict[str, object]:
    """All that a mesh tells of a file it has loaded, without what differs by nature."""
    report = mesh.json("import", kind, file, "--schedule", schedule)
    findings = mesh.json("findings", "--schedule", schedule)
    findings.pop("position", None)
    return {
        "report": {name: report[name] for name in ("added", "changed", "unchanged", "rejected")},
        "legs": mesh.legs(schedule),
        "findings": findings,
    }


@pytest.mark.parametrize(("kind", "name"), [("ssim", SSIM), ("flights", FLIGHTS)], ids=str)
def test_the_legs_and_findings_of_a_real_file_equal_those_of_the_embedded_mesh(
    cluster_of_the_run: Stack, embedded: MeshProcess, test_data: Path, kind: str, name: Path
) -> None:
    schedule = f"equal-{kind}"
    real = outputs(Commands(cluster_of_the_run), kind, test_data / name, schedule)
    expected = outputs(embedded, kind, test_data / name, schedule)
    assert len(expected["legs"]) > 3_000  # type: ignore[arg-type]
    for what, told in expected.items():
        assert json.dumps(real[what]) == json.dumps(told), f"{what} differ"
