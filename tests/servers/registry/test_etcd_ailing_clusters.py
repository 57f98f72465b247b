"""What the registry does while members are down, a disk is slow, or a store is full."""

import asyncio
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flightmesh.clock import SystemClock
from flightmesh.errors import OutcomeUnknown, Unavailable
from flightmesh.registry import Put
from flightmesh.registry.etcd import EtcdRegistry
from launcher.servers.etcd import Etcd, members_in
from launcher.servers.install import Servers
from launcher.servers.process import ServerProcess
from tests.servers.registry.verbs import (
    PATIENCE_S,
    a_candidate,
    hear,
    hear_of_each_new_key,
    put,
)


async def test_one_member_of_three_may_be_killed_or_frozen(
    etcd_cluster: Etcd, make_registry: Any
) -> None:
    """5, one member: the one that is used."""
    registry = make_registry(etcd_cluster)
    watch = registry.watch_prefix("a/")
    await hear_of_each_new_key(registry, watch, "a/")
    lease = await registry.grant_lease(30.0)
    first = etcd_cluster.processes[0]
    for stop, go_on in ((first.kill, first.start), (first.pause, first.resume)):
        stop()
        # Whether or not it was the leader: within an election's time all goes on.
        await hear(watch, await put(registry, "a/meanwhile"))
        assert await registry.keep_alive(lease)
        assert (await registry.list_prefix("a/meanwhile")).items
        go_on()
        first.wait_ready()
    await watch.aclose()


async def test_a_member_without_quorum_is_not_believed(
    etcd_cluster: Etcd, make_registry: Any
) -> None:
    """5: two of three frozen; a watch at the third ends instead of being mute."""
    registry = make_registry(etcd_cluster, timeout_s=2.0)
    lonely = EtcdRegistry([etcd_cluster.endpoints[2]], SystemClock(), namespace="test/")
    async with lonely:
        watch: Any = lonely.watch_prefix("a/")
        await hear_of_each_new_key(lonely, watch, "a/")
        resumed = watch.resumed
        for process in etcd_cluster.processes[:2]:
            process.pause()
        await asyncio.sleep(5.0)
        for call in (registry.list_prefix(""), lonely.list_prefix("")):
            with pytest.raises(Unavailable):
                async with asyncio.timeout(10):
                    await call
        with pytest.raises((Unavailable, OutcomeUnknown)):
            async with asyncio.timeout(10):
                await lonely.transact([], [Put("a/x", b"1")])
        for process in etcd_cluster.processes[:2]:
            process.resume()
        await hear_of_each_new_key(lonely, watch, "a/")
        assert watch.resumed > resumed
        await watch.aclose()
    await put(registry, "a")


async def test_a_store_without_space_refuses_writes_and_answers_reads(
    servers: Servers, tmp_path: Path, make_registry: Any
) -> None:
    """8: etcd's alarm; what it refuses was surely not done."""
    etcd = Etcd(servers, members_in(tmp_path, 1), quota_bytes=2 * 1024 * 1024)
    try:
        etcd.start()
        registry = make_registry(etcd, timeout_s=1.0)
        await put(registry, "kept")
        lease = await registry.grant_lease(30.0)

        async def fill() -> None:
            for n in range(40):
                await registry.transact([], [Put(f"large/{n}", bytes(200_000))])

        with pytest.raises(Unavailable):
            await fill()
        assert [item.key for item in (await registry.list_prefix("kept")).items] == ["kept"]
        assert await registry.keep_alive(lease)
    finally:
        etcd.stop()


def tamper_with_syncs(member: ServerProcess, fault: str) -> None:
    """Lets something happen at each sync of a member's disk, from its next start on."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    # -D: the process that we started, and end, is etcd itself.
    member._arguments = [
        strace, "-D", "-f", "-qq", "-e", "trace=fdatasync", "-e", f"inject=fdatasync:{fault}",
        "-o", "/dev/null", *member._arguments,
    ]  # fmt: skip


async def test_an_etcd_with_a_slow_disk_keeps_its_leader(
    servers: Servers, tmp_path: Path, make_registry: Any
) -> None:
    """7: each sync of the disk takes 0.3 s longer."""
    etcd = Etcd(servers, members_in(tmp_path, 1))
    tamper_with_syncs(etcd.processes[0], "delay_enter=300000")
    try:
        etcd.start()
        registry, other = make_registry(etcd, "test/"), make_registry(etcd, "test/")
        leader, rival = a_candidate("a", registry, 6.0), a_candidate("b", other, 6.0)
        assert await leader.try_to_lead()
        slowest = 0.0
        for n in range(8):  # for longer than the lease lasts
            began = time.monotonic()
            with suppress(OutcomeUnknown):
                await leader.write([], [Put(f"map/{n}", b"1")])
            slowest = max(slowest, time.monotonic() - began)
            assert await leader.renew()
            assert not await rival.try_to_lead()
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - began)))
        assert leader.leads()
        assert slowest >= 0.3, "the disk was not slow"
    finally:
        etcd.stop()


async def test_a_member_whose_disk_fails_leaves_and_the_others_go_on(
    servers: Servers, tmp_path: Path, make_registry: Any
) -> None:
    """7: nothing that was acknowledged before, or is afterwards, is lost."""
    etcd = Etcd(servers, members_in(tmp_path, 3))
    failing = etcd.processes[0]
    tamper_with_syncs(failing, "error=EIO:when=40+")
    try:
        etcd.start()
        registry = make_registry(etcd)
        count = 0
        async with asyncio.timeout(PATIENCE_S):
            while failing.running:
                await put(registry, f"a/{count:04}")
                count += 1
        await put(registry, "a/after")
        keys = {item.key for item in (await registry.list_prefix("a/")).items}
        assert keys == {f"a/{n:04}" for n in range(count)} | {"a/after"}
    finally:
        etcd.stop()
