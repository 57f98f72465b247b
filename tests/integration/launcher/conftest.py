"""Processes that stand in for those of a cluster: quick to start, and nobody needs a server."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flightmesh.sharding.shard_map import NodeRole
from launcher.cluster.member import Member
from launcher.servers.process import ServerProcess

# Says that it serves by a file; ends with status 0 when it is asked to. It waits for the signal
# itself: a handler that sets an Event which the same thread is just about to wait for hangs.
_STAND_IN = """
import pathlib, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
pathlib.Path(sys.argv[1]).touch()
signal.sigwait([signal.SIGTERM])
pathlib.Path(sys.argv[1]).unlink()
"""

StandIn = Callable[..., Member]


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    """Makes members; what still runs at the end of the test is killed."""
    made: list[Member] = []

    def make(
        name: str, role: NodeRole = NodeRole.SHARD_NODE, command: list[str] | None = None
    ) -> Member:
        serves = tmp_path / f"{name}.serves"
        process = ServerProcess(
            name, command or [sys.executable, "-S", "-c", _STAND_IN, str(serves)], tmp_path,
            serves.exists,
        )  # fmt: skip
        member = Member(name, role, f"{name}:1", process)
        made.append(member)
        return member

    yield make
    for member in made:
        member.process.kill()
