"""A cluster whose settings are wrong is refused before anything of it is there."""

from pathlib import Path

import pytest

from launcher.cluster.driver import ClusterDriver


@pytest.mark.parametrize("by_variable", [False, True])
def test_an_unknown_setting_of_a_service_is_told_in_a_line_and_nothing_starts(
    tmp_path: Path, by_variable: bool
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[shard_node]\nflush = 1\n")
    variables = {"FLIGHTMESH_CLUSTER_SETTINGS": str(file)} if by_variable else {}
    option = () if by_variable else ("--settings", file)
    driver = ClusterDriver(tmp_path / "data", variables)

    done = driver.cli("cluster", "run", *option, check=False)

    assert done.returncode == 1
    told = done.stderr.splitlines()
    assert len(told) == 1
    assert told[0].startswith(f"flightmesh cluster run: {file}: [shard_node]: flush is not known;")
    assert not driver.folder.exists()
