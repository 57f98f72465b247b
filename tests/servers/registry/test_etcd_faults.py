"""What the registry does while etcd is killed, frozen, wiped, compacted or without quorum. The
numbers are those of the list of faults that docs/etcd-and-nats.md maps to tests."""

import asyncio
import shutil
import socket
import subprocess
import time
from contextlib import aclosing, suppress
from typing import Any, cast

import pytest

from flightmesh.clock import SystemClock
from flightmesh.election import LeaderElection
from flightmesh.errors import OutcomeUnknown, Unavailable
from flightmesh.registry import Compare, Put, Registry
from flightmesh.registry.etcd import EtcdRegistry
from flightmesh.sharding.shard_map import NodeRegistration, NodeRole
from launcher.servers.etcd import Etcd
from launcher.servers.install import Servers
from launcher.servers.process import free_port

PATIENCE_S = 30.0


async def hear(watch: Any, revision: int) -> None:
    """Reads a watch until it tells of a revision."""
    async with asyncio.timeout(PATIENCE_S):
        while await anext(watch) < revision:
            pass


async def put(registry: Registry, key: str, value: bytes = b"1") -> int:
    """Writes until it is known to be written; returns the revision."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(Unavailable, OutcomeUnknown):
                return (await registry.transact([], [Put(key, value)])).revision
            await asyncio.sleep(0.1)


async def hear_of_each_new_key(registry: Registry, watch: Any, prefix: str) -> None:
    """Writes a key and hears of it."""
    await hear(watch, await put(registry, f"{prefix}after"))


def compact(servers: Servers, etcd: Etcd, revision: int) -> None:
    subprocess.run(
        [servers.etcdctl, "--endpoints", etcd.endpoints[0], "compact", str(revision)],
        check=True, capture_output=True,
    )  # fmt: skip


async def test_calls_fail_in_time_and_watches_resume_after_a_kill_and_a_restart(
    etcd: Etcd, make_registry: Any
) -> None:
    """4."""
    registry = make_registry(etcd, timeout_s=1.0)
    writer = make_registry(etcd, namespace=registry._namespace)
    watch = registry.watch_prefix("a/")
    await hear_of_each_new_key(registry, watch, "a/")
    lease = await registry.grant_lease(30.0)

    etcd.processes[0].kill()
    for call in (
        registry.list_prefix("a/"), registry.grant_lease(5.0), registry.keep_alive(lease),
        registry.revoke_lease(lease), registry.transact([], [Put("a/never", b"1")]),
    ):  # fmt: skip
        began = time.monotonic()
        with pytest.raises((Unavailable, OutcomeUnknown)):
            await call
        assert time.monotonic() - began < 5.0
    with pytest.raises(Unavailable):
        await registry.transact([], [Put("a/never", b"1")])

    etcd.start()
    # Written by another before the watch is back: it must not be missed.
    await hear(watch, await put(writer, "a/meanwhile"))
    await hear_of_each_new_key(registry, watch, "a/")
    assert "a/never" not in {item.key for item in (await registry.list_prefix("a/")).items}
    assert watch.resumed >= 1
    await watch.aclose()


async def test_an_etcd_that_is_down_costs_no_processor_time(etcd: Etcd, make_registry: Any) -> None:
    """4."""
    registry = make_registry(etcd)
    watches = [registry.watch_prefix(f"{n}/") for n in range(3)]
    await hear_of_each_new_key(registry, watches[0], "0/")
    etcd.processes[0].kill()
    await asyncio.sleep(1.0)

    began = time.process_time()
    await asyncio.sleep(5.0)
    spent = time.process_time() - began

    assert spent < 0.25, "seconds of 5"
    for watch in watches:
        await watch.aclose()


async def test_a_frozen_etcd_holds_no_call_longer_than_its_time(
    etcd: Etcd, make_registry: Any
) -> None:
    registry = make_registry(etcd, timeout_s=1.0)
    watch = registry.watch_prefix("a/")
    await hear_of_each_new_key(registry, watch, "a/")
    lease = await registry.grant_lease(60.0)
    etcd.processes[0].pause()

    async with asyncio.timeout(20):
        with pytest.raises(OutcomeUnknown):
            await registry.transact([Compare("a/x", mod_revision=0)], [Put("a/x", b"1")])
        # More than there are threads.
        reads = [registry.list_prefix("a/") for _ in range(10)]
        results = await asyncio.gather(*reads, return_exceptions=True)
        assert all(isinstance(result, Unavailable) for result in results)
        with pytest.raises(Unavailable):
            await registry.keep_alive(lease)

    etcd.processes[0].resume()
    await hear_of_each_new_key(registry, watch, "a/")
    await watch.aclose()


async def test_a_write_of_unknown_outcome_may_be_applied_later(
    etcd: Etcd, make_registry: Any, eventually: Any
) -> None:
    registry = make_registry(etcd, timeout_s=1.0)
    await put(registry, "b")
    etcd.processes[0].pause()
    with pytest.raises(OutcomeUnknown):
        await registry.transact([Compare("a", mod_revision=0)], [Put("a", b"late")])
    etcd.processes[0].resume()

    # Repeating the guarded write tells: done by the first, or by this one, and once.
    async def settled() -> bool:
        with suppress(Unavailable, OutcomeUnknown):
            await registry.transact([Compare("a", mod_revision=0)], [Put("a", b"late")])
            return bool((await registry.list_prefix("a")).items)
        return False

    await eventually(settled)
    item = (await registry.list_prefix("a")).items[0]
    assert item.create_revision == item.mod_revision


async def test_history_compacted_while_a_watch_is_down_is_told_as_a_change(
    etcd: Etcd, servers: Servers, make_registry: Any
) -> None:
    """6: the watch cannot know what it missed, so its reader is made to list again."""
    registry = make_registry(etcd, namespace="test/")
    watch = registry.watch_prefix("a/")
    await hear_of_each_new_key(registry, watch, "a/")
    with Cut(etcd) as proxy:
        through = EtcdRegistry([proxy.address], SystemClock(), namespace="test/")
        async with through:
            behind: Any = through.watch_prefix("a/")
            await hear_of_each_new_key(through, behind, "a/")
            await proxy.cut()
            for n in range(20):
                last = await put(registry, f"a/{n}")
            await put(registry, "elsewhere")
            compact(servers, etcd, last)
            await proxy.mend()
            await hear(behind, last)
            assert len((await through.list_prefix("a/")).items) == 21
            await hear_of_each_new_key(through, behind, "a/")
            await behind.aclose()
    await watch.aclose()


async def test_a_watch_from_compacted_history_tells_of_a_change(
    etcd: Etcd, servers: Servers, make_registry: Any
) -> None:
    """6: at its beginning."""
    writer, reader = make_registry(etcd, "test/"), make_registry(etcd, "test/")
    await reader.list_prefix("a/")
    for n in range(5):
        last = await put(writer, f"a/{n}")
    compact(servers, etcd, last)
    watch = reader.watch_prefix("a/")
    await hear(watch, last)
    await hear_of_each_new_key(writer, watch, "a/")
    await watch.aclose()


async def test_a_wiped_store_is_told_as_a_change_and_followed_from_its_beginning(
    etcd: Etcd, make_registry: Any
) -> None:
    registry = make_registry(etcd)
    watch = registry.watch_prefix("a/")
    for n in range(50):
        before = await put(registry, f"a/{n}")
    await hear(watch, before)

    etcd.processes[0].kill()
    shutil.rmtree(etcd.members[0].directory / "data")
    etcd.start()

    async with asyncio.timeout(PATIENCE_S):
        assert await anext(watch) < before
    listing = await registry.list_prefix("a/")
    assert (list(listing.items), listing.revision < before) == ([], True)
    after = await put(registry, "a/again")
    assert after < before
    await hear(watch, after)
    later = registry.watch_prefix("a/")
    await hear(later, await put(registry, "a/later"))
    for each in (watch, later):
        await each.aclose()


async def test_a_store_wiped_and_filled_again_while_a_watch_is_down_is_told_as_a_change(
    etcd: Etcd, make_registry: Any
) -> None:
    """The revision that the watch goes on from exists again, and means something else."""
    registry = make_registry(etcd, namespace="test/")
    with Cut(etcd) as proxy:
        async with EtcdRegistry([proxy.address], SystemClock(), namespace="test/") as through:
            watch: Any = through.watch_prefix("a/")
            await hear_of_each_new_key(through, watch, "a/")
            await proxy.cut()
            etcd.processes[0].kill()
            shutil.rmtree(etcd.members[0].directory / "data")
            etcd.start()
            await put(registry, "a/new")
            for n in range(20):
                await put(registry, f"elsewhere/{n}")
            await proxy.mend()
            async with asyncio.timeout(PATIENCE_S):
                await anext(watch)
            assert [item.key for item in (await through.list_prefix("a/")).items] == ["a/new"]
            await watch.aclose()


async def test_a_lease_that_ended_unnoticed_is_lost(
    etcd: Etcd, make_registry: Any, eventually: Any
) -> None:
    """9: etcd answers a late renewal with nothing left instead of an error."""
    registry = make_registry(etcd)
    lease = await registry.grant_lease(2.0)
    await registry.transact([], [Put("a", b"1", lease)])

    async def ended() -> bool:
        return not (await registry.list_prefix("a")).items

    await eventually(ended)
    assert not await registry.keep_alive(lease)


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


async def test_a_killed_leader_is_followed_and_its_late_write_refused(
    etcd: Etcd, make_registry: Any
) -> None:
    """1 and 2, seen from the registry: a leader falls silent, another leads when the lease is over;
    what the first still writes is not applied."""
    registry, other = make_registry(etcd, "test/"), make_registry(etcd, "test/")

    def candidate(name: str, at: Registry) -> LeaderElection:
        described = NodeRegistration(name, NodeRole.COORDINATOR, f"{name}:1")
        return LeaderElection(at, described, SystemClock(), ttl_s=2.0, margin_s=0.5)

    silent, successor = candidate("a", registry), candidate("b", other)
    assert await silent.try_to_lead()
    async with asyncio.timeout(PATIENCE_S):
        await successor.campaign()
    assert successor.token > silent.token
    assert not silent.leads()
    late = await registry.transact([silent.fence()], [Put("map/1", b"late")])
    assert not late.succeeded


class Cut:
    """A TCP way to etcd that can be cut: connections end and new ones are refused."""

    def __init__(self, etcd: Etcd) -> None:
        self._target = etcd.members[0]
        self._port = free_port()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.address = f"127.0.0.1:{self._port}"

    def __enter__(self) -> "Cut":
        listener = socket.create_server(("127.0.0.1", self._port))
        self._starting = asyncio.get_running_loop().create_task(self._serve(listener))
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()

    async def _serve(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(self._connected, sock=listener)

    async def _connected(self, near: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        target = self._target
        far, back = await asyncio.open_connection(target.host, target.client_port)
        self._open |= {out, back}
        with suppress(OSError):
            await asyncio.gather(self._pump(near, back), self._pump(far, out))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
        sink.close()

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            cast(Any, writer.transport).abort()
        self._open.clear()

    async def cut(self) -> None:
        self._close()

    async def mend(self) -> None:
        await self._serve(socket.create_server(("127.0.0.1", self._port)))


async def test_an_address_that_is_none_is_refused() -> None:
    for wrong in ([], ["nowhere"], ["host:port"]):
        with pytest.raises(Exception, match="etcd"):
            EtcdRegistry(wrong, SystemClock())


async def test_a_watch_is_closed_while_etcd_is_away(etcd: Etcd, make_registry: Any) -> None:
    registry = make_registry(etcd)
    etcd.processes[0].kill()
    watch = registry.watch_prefix("")
    async with aclosing(watch):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(watch)
    assert [revision async for revision in watch] == []
