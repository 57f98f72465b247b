"""Processes of a cluster: started, watched, started again on request, stopped in order."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flightmesh.clock import SystemClock
from flightmesh.errors import Refused, Unavailable
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import NodeRole
from launcher.cluster.member import Member
from launcher.cluster.state import is_alive, started_at
from launcher.cluster.supervisor import Supervisor
from tests.integration.launcher.conftest import StandIn

ORDER = (NodeRole.GATEWAY, NodeRole.SHARD_NODE, NodeRole.ETCD)


class Watched:
    """A supervisor that remembers what it says and how its members change."""

    def __init__(self, *members: Member) -> None:
        self.said: list[str] = []
        self.changes: list[tuple[str, str]] = []
        self.supervisor = Supervisor(
            members, SystemClock(), TaskOwner("test"),
            say=self.said.append, on_change=self._changed,
            stop_order=lambda member: ORDER.index(member.role),
            one_by_one=frozenset({NodeRole.ETCD}),
        )  # fmt: skip

    def _changed(self, member: Member) -> None:
        self.changes.append((member.name, member.phase))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - the end comes from the kernel
                await asyncio.sleep(0.01)


async def test_members_are_started_together_and_stopped_kind_by_kind(stand_in: StandIn) -> None:
    servers = [stand_in("e1", NodeRole.ETCD), stand_in("e2", NodeRole.ETCD)]
    others = [stand_in("s1"), stand_in("s2"), stand_in("g1", NodeRole.GATEWAY)]
    watched = Watched(*servers, *others)
    await watched.supervisor.start([*servers, *others])
    assert {member.phase for member in watched.supervisor.members} == {"running"}
    assert {name for name, phase in watched.changes[:5] if phase == "starting"} == {
        "e1", "e2", "s1", "s2", "g1",
    }  # fmt: skip
    await watched.supervisor.stop_all()
    ended = [name for name, phase in watched.changes if phase == "ended"]
    assert ended[0] == "g1"
    assert set(ended[1:3]) == {"s1", "s2"}
    assert ended[3:] == ["e1", "e2"]
    assert {member.state().exit_code for member in watched.supervisor.members} == {0}


async def test_a_killed_member_is_told_of_and_starts_again_only_on_request(
    stand_in: StandIn,
) -> None:
    member = stand_in("s1")
    watched = Watched(member)
    await watched.supervisor.start([member])
    first = member.pid
    os.kill(first, signal.SIGKILL)
    await watched.until(lambda: member.phase == "ended")
    assert any("s1" in text and "SIGKILL" in text for text in watched.said)
    assert (member.state().state, member.state().exit_code) == ("ended", -signal.SIGKILL)
    (member.process.log.parent / "s1.serves").unlink()
    await watched.supervisor.start([member])
    assert member.pid != first
    assert (member.state().state, member.state().exit_code) == ("running", None)
    await watched.supervisor.stop_all()


async def test_a_member_that_runs_is_not_started_twice_nor_others_with_it(
    stand_in: StandIn,
) -> None:
    running, other = stand_in("s1"), stand_in("s2")
    watched = Watched(running, other)
    await watched.supervisor.start([running])
    with pytest.raises(Refused, match=rf"s1 runs already \(process {running.pid}\)"):
        await watched.supervisor.start([other, running])
    assert other.phase == "new"
    with pytest.raises(Refused, match="s2 does not run"):
        await watched.supervisor.stop([running, other])
    assert running.phase == "running"
    await watched.supervisor.stop_all()


async def test_a_member_that_ends_at_once_is_reported_with_its_log(stand_in: StandIn) -> None:
    broken = stand_in("s1", command=["sh", "-c", "echo no such store; exit 3"])
    watched = Watched(broken)
    with pytest.raises(Unavailable, match=r"(?s)s1 has ended.*no such store"):
        await watched.supervisor.start([broken])
    await watched.until(lambda: broken.phase == "ended")
    assert broken.state().exit_code == 3
    assert any("status 3" in text for text in watched.said)


async def test_a_member_that_ends_at_once_is_not_told_of_only_when_the_others_are_ready(
    stand_in: StandIn,
) -> None:
    broken, never = stand_in("s1", command=["false"]), stand_in("s2", command=["sleep", "600"])
    watched = Watched(broken, never)
    with pytest.raises(Unavailable, match="s1 has ended"):
        await watched.supervisor.start([never, broken])
    assert never.phase == "starting"
    await watched.supervisor.stop([never])
    assert never.state().exit_code == -signal.SIGTERM


# Ends well when the test lets it, and with 130 at a second signal, as the services do.
_DRAINS = """
import os, pathlib, signal, sys, time
serves, may_end = (pathlib.Path(name) for name in sys.argv[1:])
asked = []
signal.signal(signal.SIGTERM, lambda *_: os._exit(130) if asked else asked.append(1))
serves.touch()
while not (asked and may_end.exists()):
    time.sleep(0.01)
"""


async def test_a_second_request_does_not_cut_off_what_a_member_hands_over(
    stand_in: StandIn, tmp_path: Path
) -> None:
    may_end = tmp_path / "may-end"
    member = stand_in(
        "s1",
        command=[sys.executable, "-S", "-c", _DRAINS, str(tmp_path / "s1.serves"), str(may_end)],
    )
    watched = Watched(member)
    await watched.supervisor.start([member])
    requests = [
        asyncio.ensure_future(watched.supervisor.stop([member])),
        asyncio.ensure_future(watched.supervisor.stop([member])),
        asyncio.ensure_future(watched.supervisor.stop_all()),
    ]
    # Each has sent its signal by then, if it sends one.
    done, _ = await asyncio.wait(requests, timeout=1.0)
    assert not done
    may_end.touch()
    await asyncio.gather(*requests)
    assert member.state().exit_code == 0


async def test_a_frozen_member_is_stopped_all_the_same(stand_in: StandIn) -> None:
    member = stand_in("s1")
    watched = Watched(member)
    await watched.supervisor.start([member])
    os.kill(member.pid, signal.SIGSTOP)
    await watched.supervisor.stop([member])
    assert member.state().exit_code == 0


async def test_an_unknown_name_is_answered_with_those_there_are(stand_in: StandIn) -> None:
    watched = Watched(stand_in("s1"), stand_in("s2"))
    with pytest.raises(Refused, match="s9: no such process; there are: s1, s2"):
        watched.supervisor.named(["s1", "s9"])
    assert [each.name for each in watched.supervisor.named(["s2", "s2"])] == ["s2"]


_LAUNCHER = """
import sys, pathlib, time
from launcher.servers.process import ServerProcess
process = ServerProcess("child", ["sleep", "600"], pathlib.Path(sys.argv[1]), lambda: False)
process.dies_with_us = True
process.start()
print(process.pid, flush=True)
time.sleep(600)
"""


def test_members_end_with_a_launcher_that_is_killed(tmp_path: object) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", _LAUNCHER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert launcher.stdout is not None
    child = int(launcher.stdout.readline())
    started = started_at(child)
    end = os.pidfd_open(child)
    launcher.kill()
    launcher.wait(30)
    launcher.stdout.close()
    # The end of the child is told by its descriptor, however long it takes.
    with os.fdopen(end) as descriptor:
        asyncio.run(_readable(descriptor.fileno()))
    assert not is_alive(child, started)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_reader(descriptor, told.set)
    async with asyncio.timeout(30):
        await told.wait()
    loop.remove_reader(descriptor)


def test_members_do_not_see_the_settings_of_the_launcher(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIGHTMESH_GRPC_PORT", "9")
    monkeypatch.setenv("KEPT", "yes")
    member = stand_in("s1", command=["env"])
    member.process.start()
    assert member.process.wait_end(30)
    told = member.process.log.read_text()
    assert "KEPT=yes" in told
    assert "FLIGHTMESH_" not in told
