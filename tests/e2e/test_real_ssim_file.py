"""The whole way with a real SSIM file, from the file to the answer of a query."""

import signal
import subprocess
import time
from pathlib import Path

from tests.e2e.conftest import StartMesh
from tests.e2e.mesh_process import BIN, MeshProcess

DATED_LEGS = 3_070


def without_schedule_ids(legs: list[dict[str, object]]) -> list[dict[str, object]]:
    """Legs without what is derived from the schedule's name, in an order of their own."""
    keep = [{k: v for k, v in leg.items() if k not in {"leg_id", "rotation_id"}} for leg in legs]
    return sorted(keep, key=lambda leg: sorted((k, str(v)) for k, v in leg.items()))


def test_an_ssim_file_gives_its_dated_legs_and_loading_it_again_changes_nothing(
    shared_mesh: MeshProcess, ssim_file: Path
) -> None:
    report = shared_mesh.json("import", "ssim", ssim_file, "--schedule", "xx-s05")
    legs = shared_mesh.legs("xx-s05")
    findings = shared_mesh.json("findings", "--schedule", "xx-s05")
    assert len(legs) == len({leg["leg_id"] for leg in legs}) == DATED_LEGS
    assert int(report["added"]) == DATED_LEGS
    again = shared_mesh.json("import", "ssim", ssim_file, "--schedule", "xx-s05")
    assert (int(again["added"]), int(again["changed"])) == (0, 0)
    assert int(again["unchanged"]) == DATED_LEGS
    assert shared_mesh.legs("xx-s05") == legs
    assert shared_mesh.json("findings", "--schedule", "xx-s05")["totals"] == findings["totals"]
    text = shared_mesh.cli("import", "ssim", ssim_file, "--schedule", "xx-s05")
    assert "nothing changed" in (text.stdout + text.stderr).lower()


def test_a_preview_shows_counts_and_writes_nothing(
    shared_mesh: MeshProcess, ssim_file: Path
) -> None:
    report = shared_mesh.json("import", "ssim", ssim_file, "--schedule", "preview", "--dry-run")
    assert int(report["added"]) == DATED_LEGS
    assert report["dry_run"] is True
    names = {s["schedule"] for s in shared_mesh.json("schedules", "list")["schedules"]}
    assert "preview" not in names


def test_an_exported_schedule_loads_as_identical_legs(
    shared_mesh: MeshProcess, ssim_file: Path, tmp_path: Path
) -> None:
    shared_mesh.cli("import", "ssim", ssim_file, "--schedule", "original")
    for file_format, name in (("ssim", "copy.ssim"), ("assignments", "copy.csv")):
        exported = shared_mesh.cli("export", "--schedule", "original", "--format", file_format)
        (tmp_path / name).write_text(exported.stdout)
    shared_mesh.cli(
        "import", "ssim", tmp_path / "copy.ssim", "--schedule", "copy",
        "--assignments", tmp_path / "copy.csv",
    )  # fmt: skip
    original, copy = shared_mesh.legs("original"), shared_mesh.legs("copy")
    assert without_schedule_ids(copy) == without_schedule_ids(original)
    totals = [shared_mesh.json("findings", "--schedule", s)["totals"] for s in ("original", "copy")]
    assert totals[0] == totals[1]


def test_a_load_cut_off_by_a_kill_is_finished_by_loading_again(
    start_mesh: StartMesh, shared_mesh: MeshProcess, ssim_file: Path
) -> None:
    shared_mesh.cli("import", "ssim", ssim_file, "--schedule", "cut")
    whole = shared_mesh.legs("cut")
    mesh = start_mesh()
    load = subprocess.Popen(
        [BIN, "import", "ssim", ssim_file, "--schedule", "cut"],
        env=mesh.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while load.poll() is None and time.monotonic() < deadline:
        done = mesh.cli("schedules", "list", "--json", check=False)
        if '"cut"' in done.stdout:
            break
    mesh.kill()
    load.send_signal(signal.SIGKILL)
    load.wait(30)
    mesh = start_mesh(mesh.data_dir)
    mesh.cli("import", "ssim", ssim_file, "--schedule", "cut")
    assert mesh.legs("cut") == whole


def test_a_file_loads_again_after_its_schedule_was_deleted(
    shared_mesh: MeshProcess, ssim_file: Path
) -> None:
    shared_mesh.cli("import", "ssim", ssim_file, "--schedule", "twice")
    legs = shared_mesh.legs("twice")
    shared_mesh.cli("schedules", "delete", "twice", "--yes")
    assert shared_mesh.cli("legs", "--schedule", "twice", check=False).returncode == 1
    report = shared_mesh.json("import", "ssim", ssim_file, "--schedule", "twice")
    assert int(report["added"]) == DATED_LEGS
    assert shared_mesh.legs("twice") == legs
