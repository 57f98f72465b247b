"""What a watch does when the history that it goes on from is gone: compacted, or wiped."""

import asyncio
import shutil
from typing import Any

from flightmesh.clock import SystemClock
from flightmesh.registry.etcd import EtcdRegistry
from launcher.servers.etcd import Etcd
from launcher.servers.install import Servers
from tests.servers.registry.verbs import (
    PATIENCE_S,
    Cut,
    compact,
    hear,
    hear_of_each_new_key,
    put,
)


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
            # Of what comes after the compacted history, nothing is under the prefix.
            compact(servers, etcd, await put(registry, "elsewhere"))
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
    compact(servers, etcd, await put(writer, "elsewhere"))
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
