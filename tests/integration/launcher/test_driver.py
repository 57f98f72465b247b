"""What a program finds of a cluster that does not run, and waiting for what may come."""

from pathlib import Path

import pytest

from flightmesh.errors import Unavailable
from launcher.cluster.driver import ClusterDriver, until
from launcher.cluster.state import ClusterState, started_at, write_state


def told(folder: Path, state: str, launcher_pid: int) -> None:
    """A cluster.json, as a launcher would write it."""
    folder.mkdir(exist_ok=True)
    write_state(
        folder / "cluster.json",
        ClusterState(
            state=state, launcher_pid=launcher_pid, launcher_started=started_at(launcher_pid),
            data_dir=str(folder), cluster="flightmesh", shard_count=64, http=(),
            grpc=("127.0.0.1:1", "127.0.0.1:2"), etcd=(), nats=(), cassandra=(), processes=(),
        ),
    )  # fmt: skip


def test_of_a_folder_without_a_cluster_nothing_can_be_said(tmp_path: Path) -> None:
    driver = ClusterDriver(tmp_path / "none")
    with pytest.raises(Unavailable, match="no cluster has run in"):
        driver.state()
    assert "FLIGHTMESH_SERVER" not in driver.environment


def test_a_cluster_that_runs_is_taken_and_left_running(tmp_path: Path) -> None:
    # Any process that is there, and not this one, may stand for its launcher.
    told(tmp_path / "data", "ready", 1)
    with ClusterDriver(tmp_path / "data") as driver:
        driver.ensure_running()
        assert driver.environment["FLIGHTMESH_SERVER"] == "127.0.0.1:1,127.0.0.1:2"
        assert driver.environment["FLIGHTMESH_DATA_DIR"] == str(tmp_path / "data")
    assert driver.state().state == "ready"


def test_a_cluster_that_is_stopping_is_not_taken(tmp_path: Path) -> None:
    told(tmp_path / "data", "stopping", 1)
    with pytest.raises(Unavailable, match="is stopping"):
        ClusterDriver(tmp_path / "data").ensure_running()


def test_a_launcher_that_refuses_is_told_with_its_words(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal.db").touch()
    driver = ClusterDriver(tmp_path / "data")
    with pytest.raises(Unavailable, match="holds the data of an embedded mesh"):
        driver.launch()
    assert driver.terminate() == 1


def test_given_variables_win_and_a_failed_command_is_told(tmp_path: Path) -> None:
    driver = ClusterDriver(tmp_path / "data", {"FLIGHTMESH_HTTP_PORT": "17"})
    shown = driver.run("printenv", "FLIGHTMESH_HTTP_PORT", "FLIGHTMESH_GRPC_PORT").stdout
    assert shown.split() == ["17", "0"]
    with pytest.raises(Unavailable, match="no cluster runs in"):
        driver.cli("cluster", "status")
    assert driver.cli("cluster", "status", check=False).returncode == 1


async def test_what_comes_about_is_waited_for_whatever_the_mesh_says_meanwhile() -> None:
    looks = 0

    async def third_time() -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise Unavailable("not yet")
        return looks == 3

    await until(third_time, "it is the third time", 20.0, every_s=0.0)
    assert looks == 3


async def test_what_never_comes_about_is_told_with_the_last_reason() -> None:
    def never() -> bool:
        raise Unavailable("nobody is there")

    with pytest.raises(TimeoutError, match=r"never came about that pigs fly \(.*nobody is there"):
        await until(never, "pigs fly", 0.0)
