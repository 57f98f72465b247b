"""What the registry does while etcd is killed or frozen, or refuses. The numbers are those of the
list of faults that docs/etcd-and-nats.md maps to tests."""

import asyncio
import time
from contextlib import aclosing, suppress
from typing import Any

import pytest

from flightmesh.clock import SystemClock
from flightmesh.errors import OutcomeUnknown, ProtocolViolation, Unavailable
from flightmesh.registry import Compare, Put
from flightmesh.registry.etcd import EtcdRegistry
from launcher.servers.etcd import Etcd
from tests.servers.registry.verbs import (
    PATIENCE_S,
    a_candidate,
    hear,
    hear_of_each_new_key,
    put,
)


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


async def test_a_transaction_that_etcd_does_not_take_is_a_fault_of_the_program(
    etcd_server: Etcd, make_registry: Any
) -> None:
    registry = make_registry(etcd_server)
    with pytest.raises(ProtocolViolation, match="too many"):
        await registry.transact([], [Put(f"{n}", b"1") for n in range(129)])
    assert (await registry.transact([], [Put(f"{n}", b"1") for n in range(128)])).succeeded


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


async def test_a_killed_leader_is_followed_and_its_late_write_refused(
    etcd: Etcd, make_registry: Any
) -> None:
    """1 and 2, seen from the registry: a leader falls silent, another leads when the lease is over;
    what the first still writes is not applied."""
    registry, other = make_registry(etcd, "test/"), make_registry(etcd, "test/")

    silent, successor = a_candidate("a", registry, 2.0), a_candidate("b", other, 2.0)
    assert await silent.try_to_lead()
    async with asyncio.timeout(PATIENCE_S):
        await successor.campaign()
    assert successor.token > silent.token
    assert not silent.leads()
    late = await registry.transact([silent.fence()], [Put("map/1", b"late")])
    assert not late.succeeded


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
