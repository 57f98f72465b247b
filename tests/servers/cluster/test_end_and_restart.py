"""A cluster ends as a whole, and its next start finds its data and addresses."""

from collections.abc import Iterator

import httpx
import pytest

from launcher.cluster.driver import ClusterDriver
from launcher.cluster.state import is_alive
from launcher.servers.install import Servers

SMALL = {
    "FLIGHTMESH_COORDINATORS": "1", "FLIGHTMESH_SHARD_NODES": "1", "FLIGHTMESH_READ_NODES": "1",
    "FLIGHTMESH_GATEWAYS": "1", "FLIGHTMESH_SHARD_COUNT": "16",
}  # fmt: skip


def living(cluster: ClusterDriver) -> list[str]:
    """Processes of cluster.json that are there, whatever it says of them."""
    return [each.name for each in cluster.state().processes if is_alive(each.pid, each.started)]


MAX_BODY_BYTES = 200


@pytest.fixture(scope="module")
def small(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterDriver]:
    """A cluster with one process of each kind and a setting, started for the first time."""
    folder = tmp_path_factory.mktemp("small")
    file = folder / "settings.toml"
    file.write_text(f"[gateway]\nmax_body_bytes = {MAX_BODY_BYTES}\n")
    variables = {**SMALL, "FLIGHTMESH_CLUSTER_SETTINGS": str(file)}
    with ClusterDriver(folder / "data", variables) as cluster:
        yield cluster.launch()


def test_a_setting_of_a_service_reaches_its_process(small: ClusterDriver) -> None:
    url = f"http://{small.state().http[0]}/v1/schedules/any/rotations"
    for length, status in ((MAX_BODY_BYTES, 400), (MAX_BODY_BYTES + 1, 413)):
        assert httpx.post(url, content=b"x" * length, timeout=20).status_code == status


def test_a_cluster_that_is_told_to_end_leaves_nothing_but_its_data(small: ClusterDriver) -> None:
    assert len(living(small)) == 9
    small.cli("schedules", "create", "outlives-a-stop")
    addresses = [each.address for each in small.state().processes]
    assert small.terminate() == 0
    assert living(small) == []
    assert small.state().state == "stopped"
    ours = [each for each in small.state().processes if each.grpc]
    assert [each.exit_code for each in ours] == [0] * 4
    assert not (small.folder / "control.sock").exists()

    small.launch()
    assert [each.address for each in small.state().processes] == addresses
    assert small.state().shard_count == 16
    assert "outlives-a-stop" in small.cli("schedules", "list").stdout


def test_everything_dies_with_a_killed_launcher_even_what_is_frozen(small: ClusterDriver) -> None:
    small.ensure_running()
    small.pause("shard-1")
    small.kill_launcher()
    # What has been killed takes a moment to be gone; this waits for it.
    small.cli("cluster", "stop", "--all")
    assert living(small) == []
    assert small.cli("cluster", "status", check=False).returncode == 1


def test_another_number_of_shards_than_the_store_has_is_refused(small: ClusterDriver) -> None:
    small.ensure_stopped()
    other = ClusterDriver(small.folder, {**SMALL, "FLIGHTMESH_SHARD_COUNT": "32"})
    done = other.cli("cluster", "run", check=False)
    assert done.returncode == 1
    assert "made with 16 shards, not 32" in done.stderr
    assert living(other) == []
