"""What the bus does while NATS is killed, frozen, wiped or full. The numbers are those of the list
of faults that docs/etcd-and-nats.md maps to tests."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats as nats_py
import pytest

from flightmesh.clock import SystemClock
from flightmesh.event_bus import BusMessage, LedgerHeartbeat
from flightmesh.event_bus.jetstream import JetStreamEventBus
from flightmesh.event_bus.jetstream_settings import JetStreamSettings
from flightmesh.testing.event_bus_contract import entry, take
from launcher.servers.install import Servers
from launcher.servers.nats import Nats

PATIENCE_S = 30.0


async def get_through(bus: JetStreamEventBus, subscription: Any, message: BusMessage) -> None:
    """Publishes a message until the subscriber has it; others in between are passed over."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await bus.publish(message)
            try:
                async with asyncio.timeout(0.2):
                    while await anext(subscription) != message:
                        pass
            except TimeoutError:
                continue
            return


async def delete_stream(nats: Nats, name: str) -> None:
    client = await nats_py.connect(nats.url)
    await client.jetstream().delete_stream(name)
    await client.close()


async def test_subscribers_hear_again_after_a_kill_and_a_restart(
    nats: Nats, open_bus: Any, eventually: Any
) -> None:
    """24."""
    async with open_bus(nats, prefix="mesh") as bus:
        subscription = bus.subscribe()
        await bus.publish(entry(0))
        await take(subscription, 1)
        # Heard is not yet acknowledged.
        await eventually(lambda: bus.statistics.stored == 1)

        nats.process.kill()
        await eventually(lambda: not bus.connected.is_set())
        await bus.publish(entry(1))
        assert bus.statistics.dropped == 1, "a hint that is late is worth nothing"
        nats.start()

        await get_through(bus, subscription, entry(2))
        assert bus.statistics.connections == 2
        await eventually(lambda: bus.statistics.stored >= 2)


async def test_a_bus_without_a_server_costs_no_processor_time_and_holds_nobody_up(
    nats: Nats, open_bus: Any, eventually: Any
) -> None:
    """27."""
    async with open_bus(nats) as bus:
        subscription = bus.subscribe()
        nats.process.kill()
        await eventually(lambda: not bus.connected.is_set())

        began = time.process_time()
        for number in range(50):
            await bus.publish(entry(number))
            await asyncio.sleep(0.1)
        spent = time.process_time() - began

        assert bus.statistics.dropped == 50
        assert spent < 0.5, "seconds of 5"
        nats.start()
        await get_through(bus, subscription, entry(50))


async def test_a_bus_may_start_before_its_server(servers: Servers, tmp_path: Path) -> None:
    nats = Nats(servers, tmp_path)
    async with JetStreamEventBus([nats.url], SystemClock()) as bus:
        subscription = bus.subscribe()
        await bus.publish(entry(0))
        with nats.process:
            nats.start()
            await get_through(bus, subscription, entry(1))


async def test_a_frozen_server_is_left_and_taken_up_again(
    nats: Nats, open_bus: Any, eventually: Any
) -> None:
    """29."""
    async with open_bus(nats) as bus:
        subscription = bus.subscribe()
        await get_through(bus, subscription, entry(0))
        nats.process.pause()
        async with asyncio.timeout(PATIENCE_S):
            # More than all buffers on the way hold together.
            for number in range(1, 200):
                await bus.publish(entry(number, data=bytes(200_000)))
                await asyncio.sleep(0.001)
        await eventually(lambda: not bus.connected.is_set(), 15.0)
        assert bus.statistics.unacknowledged > 0
        nats.process.resume()
        await get_through(bus, subscription, entry(200))
        # What was sent into the freeze may still come, once; nothing comes out of order after it.
        await bus.publish(LedgerHeartbeat(1, 200))
        async with asyncio.timeout(PATIENCE_S):
            while await anext(subscription) != LedgerHeartbeat(1, 200):
                pass


@pytest.mark.parametrize("wait_s", [0.0, 1.2])
async def test_a_bus_stops_while_its_server_is_frozen_and_all_buffers_are_full(
    nats: Nats, open_bus: Any, wait_s: float
) -> None:
    """At once, and when it looks at its stream, which waits for the buffers too."""
    async with asyncio.timeout(PATIENCE_S), open_bus(nats, ack_s=0.1, ping_s=1000) as bus:
        nats.process.pause()
        for number in range(100):
            await bus.publish(entry(number, data=bytes(200_000)))
            await asyncio.sleep(0.001)
        await asyncio.sleep(wait_s)


async def test_a_deleted_stream_stops_no_message_and_is_made_again(
    nats: Nats, open_bus: Any, eventually: Any
) -> None:
    """25."""
    async with open_bus(nats, prefix="mesh", ack_s=0.5) as bus:
        subscription = bus.subscribe()
        await get_through(bus, subscription, entry(0))
        await delete_stream(nats, "MESH")

        await bus.publish(entry(1))
        assert await take(subscription, 1) == [entry(1)]

        await eventually(lambda: bus.statistics.unacknowledged + bus.statistics.refused > 0)
        stored = bus.statistics.stored
        for number in range(2, 100):
            await bus.publish(entry(number))
            await asyncio.sleep(0.1)
            if bus.statistics.stored > stored:
                break
        assert bus.statistics.stored > stored


async def test_a_wiped_store_stops_no_message(nats: Nats, open_bus: Any, eventually: Any) -> None:
    """25: killed, its folder removed, started again."""
    async with open_bus(nats, prefix="mesh") as bus:
        subscription = bus.subscribe()
        for number in range(20):
            await bus.publish(entry(number))
        await take(subscription, 20)
        # Heard is not yet acknowledged.
        await eventually(lambda: bus.statistics.stored == 20)
        nats.process.kill()
        shutil.rmtree(nats.store)
        nats.start()

        # An id that the old stream knew: told all the same, and kept by the new stream.
        await get_through(bus, subscription, entry(19))
        # It may have been heard before the new stream was there.
        async with asyncio.timeout(PATIENCE_S):
            while bus.statistics.stored == 20:
                await bus.publish(entry(19))
                await asyncio.sleep(0.1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() or mount is None:
        pytest.skip("a small file system can be mounted by root only")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.decode()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


async def test_a_full_disk_stops_no_message_and_entries_are_kept_again_when_there_is_room(
    servers: Servers, small_disk: Path, open_bus: Any, eventually: Any
) -> None:
    """28."""
    filler = small_disk / "filler"
    filler.write_bytes(bytes(8 * 1024 * 1024))
    nats = Nats(servers, small_disk / "nats")
    with nats.process:
        nats.start()
        async with open_bus(nats, prefix="mesh", ack_s=0.5, stuck_s=1.0) as bus:
            subscription = bus.subscribe()
            sent = [entry(number, data=bytes([number]) * 500_000) for number in range(20)]
            for message in sent:
                await bus.publish(message)
                assert await take(subscription, 1) == [message]
            statistics = bus.statistics
            await eventually(lambda: statistics.stored + failed(bus) == 20)
            assert statistics.stored > 0
            assert failed(bus) > 0

            filler.unlink()
            kept = statistics.stored
            for number in range(20, 200):
                await get_through(bus, subscription, entry(number))
                await asyncio.sleep(0.1)
                if statistics.stored > kept:
                    break
            assert statistics.stored > kept


async def test_a_store_without_room_for_the_stream_stops_no_message(
    servers: Servers, tmp_path: Path, open_bus: Any, eventually: Any
) -> None:
    """28: the server refuses the stream itself."""
    nats = Nats(servers, tmp_path, file_store_bytes=1024 * 1024)
    with nats.process:
        nats.start()
        async with open_bus(nats, ack_s=0.5) as bus:
            subscription = bus.subscribe()
            await get_through(bus, subscription, entry(0))
            await eventually(lambda: failed(bus) > 0)
            assert bus.statistics.stored == 0


def failed(bus: JetStreamEventBus) -> int:
    """Entries that were sent and, as far as is known, not kept."""
    return bus.statistics.refused + bus.statistics.unacknowledged


async def test_settings_name_the_stream() -> None:
    assert JetStreamSettings(prefix="a.b").stream == "A_B"
