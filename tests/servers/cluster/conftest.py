"""One whole cluster for the tests of a run; a test leaves it as it was."""

from collections.abc import Iterator

import pytest

from launcher.cluster.driver import ClusterDriver
from launcher.servers.install import Servers


@pytest.fixture(scope="session")
def cluster(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterDriver]:
    """A cluster of the usual size; start again what you kill."""
    with ClusterDriver(tmp_path_factory.mktemp("cluster") / "data") as cluster:
        cluster.launch()
        yield cluster
