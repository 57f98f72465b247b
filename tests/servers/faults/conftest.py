"""One cluster for all fault tests of a run; each test leaves it whole."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from launcher.servers.install import Servers
from tests.servers.faults.stack import BIN, Stack, launch

# A cluster that runs already, for work on these tests: it is neither started nor stopped.
_GIVEN = "FAULTS_CLUSTER"


@pytest.fixture(scope="session")
def cluster_of_the_run(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    if given := os.environ.get(_GIVEN):
        yield Stack(Path(given))
        return
    folder = tmp_path_factory.mktemp("faults") / "cluster"
    log = folder.with_suffix(".log")
    process = launch(folder, log, (BIN, "cluster", "run"))
    try:
        yield Stack(folder)
    finally:
        process.terminate()
        code = process.wait(120)
    assert code == 0, f"status {code}: {log.read_text()[-3000:]}"
    shutil.rmtree(folder)


@pytest_asyncio.fixture
async def stack(cluster_of_the_run: Stack) -> AsyncIterator[Stack]:
    """The cluster, whole; it is looked at again afterwards."""
    await cluster_of_the_run.until_whole()
    yield cluster_of_the_run
    await cluster_of_the_run.until_whole()


@pytest.fixture
def schedule(request: pytest.FixtureRequest) -> str:
    """A schedule of the test's own, named for it, and new also on a cluster that was given."""
    name = str(request.node.name).removeprefix("test_").replace("_", "-")
    return f"{name[:50].rstrip('-')}-{os.getpid()}"
