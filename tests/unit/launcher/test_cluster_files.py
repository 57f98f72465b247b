"""The files of a cluster: settings, cluster.json, and what guards the folder."""

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightmesh.clock import SystemClock
from flightmesh.clock.virtual import ManualClock
from flightmesh.errors import ConfigurationError
from launcher.cluster.folder import ClusterFolder
from launcher.cluster.layout import as_toml
from launcher.cluster.state import (
    ClusterState,
    ProcessState,
    is_alive,
    read_state,
    started_at,
    write_state,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def a_process(name: str = "shard-1", pid: int = 0, started: int = 0) -> ProcessState:
    return ProcessState(
        name=name, role="shard_node", pid=pid, started=started, state="running", exit_code=None,
        address="127.0.0.1:1", log="shard-1.log",
    )  # fmt: skip


def a_cluster(*processes: ProcessState, launcher: int = 0, started: int = 0) -> ClusterState:
    return ClusterState(
        state="ready", launcher_pid=launcher, launcher_started=started, data_dir="here",
        cluster="flightmesh", shard_count=64, http=("127.0.0.1:8080",), grpc=("127.0.0.1:8081",),
        etcd=(), nats=(), cassandra=(), processes=processes,
    )  # fmt: skip


@given(
    st.dictionaries(
        st.from_regex(r"\A[a-z_]+\Z"),
        st.one_of(TEXTS, st.integers(-(2**62), 2**62), st.lists(TEXTS)),
    )
)
def test_a_settings_file_says_what_was_written(values: dict[str, str | int | list[str]]) -> None:
    assert tomllib.loads(as_toml(values)) == values


def test_cluster_json_says_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    state = a_cluster(a_process(), a_process("read-1", 7, 9))
    write_state(path, state)
    assert read_state(path) == state
    assert [each.name for each in tmp_path.iterdir()] == ["cluster.json"]


def test_a_cluster_json_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    assert read_state(path) is None
    path.write_text("{}")
    with pytest.raises(ConfigurationError, match=r"cluster\.json"):
        read_state(path)


def test_a_process_is_known_by_its_id_and_its_start() -> None:
    parent = os.getppid()
    assert is_alive(parent, started_at(parent))
    assert not is_alive(parent, started_at(parent) + 1)
    assert not is_alive(0, 0)
    assert started_at(2**22 + 1) == 0


async def test_the_folder_of_an_embedded_mesh_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    with pytest.raises(ConfigurationError, match="embedded mesh"):
        await ClusterFolder(tmp_path).take(SystemClock())
    assert not (tmp_path / "launcher.lock").exists()


async def test_a_folder_has_one_launcher_at_a_time(tmp_path: Path) -> None:
    folder = await ClusterFolder(tmp_path / "data").take(SystemClock())
    parent = os.getppid()
    folder.write(a_cluster(launcher=parent, started=started_at(parent)))
    with pytest.raises(ConfigurationError, match=rf"runs in .* already .*process {parent}"):
        await ClusterFolder(tmp_path / "data").take(SystemClock())
    folder.release()
    (await ClusterFolder(tmp_path / "data").take(SystemClock())).release()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="set FLIGHTMESH_DATA_DIR"):
        await ClusterFolder(tmp_path / "file" / "data").take(SystemClock())


async def test_processes_of_a_killed_launcher_keep_the_next_one_off(tmp_path: Path) -> None:
    parent = os.getppid()
    folder = ClusterFolder(tmp_path)
    folder.write(
        a_cluster(a_process("shard-1", parent, started_at(parent)), a_process("read-1", 1))
    )
    clock = ManualClock()
    with pytest.raises(ConfigurationError, match=rf"shard-1 \(process {parent}\).*stop --all"):
        await ClusterFolder(tmp_path).take(clock)
    # The folder is free again, for when they have ended.
    folder.write(a_cluster())
    (await ClusterFolder(tmp_path).take(clock)).release()
