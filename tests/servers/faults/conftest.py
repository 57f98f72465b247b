"""One cluster for all fault tests of a run; each test leaves it whole."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from launcher.servers.install import Servers
from tests.servers.faults.examination import bearable_rate
from tests.servers.faults.stack import Stack

# Folder of a cluster that runs already, for work on these tests: neither started nor stopped.
_GIVEN = "FAULTS_CLUSTER"
# Commands each second, and as many queries; measured if not given.
_RATE = "FAULTS_RATE"


@pytest.fixture(scope="session")
def cluster_of_the_run(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """After all cases of a run `flightmesh doctor` must find nothing.

    Not after each: it reads all that any case has written, and looks at every rotation.
    """
    given = os.environ.get(_GIVEN)
    with Stack(Path(given) if given else tmp_path_factory.mktemp("faults") / "data") as stack:
        if not given:
            stack.launch()
        given_rate = os.environ.get(_RATE)
        stack.per_s = int(given_rate) if given_rate else asyncio.run(bearable_rate(stack))
        yield stack
        stack.doctor()


@pytest_asyncio.fixture
async def stack(cluster_of_the_run: Stack) -> AsyncIterator[Stack]:
    """The cluster, whole; it is looked at again afterwards."""
    try:
        await cluster_of_the_run.mend()
        await cluster_of_the_run.until_whole()
        yield cluster_of_the_run
        await cluster_of_the_run.until_whole()
    finally:
        await cluster_of_the_run.close_client()


@pytest.fixture
def schedule(request: pytest.FixtureRequest) -> str:
    """A schedule of the test's own, named for it, and new also on a cluster that was given."""
    name = str(request.node.name).removeprefix("test_").replace("_", "-")
    return f"{name[:50].rstrip('-')}-{os.getpid()}"
