"""A read node hears over NATS and misses nothing, whatever NATS loses (24, 26, 27)."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest_asyncio

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.clock import SystemClock
from flightmesh.event_bus import LedgerHeartbeat, PublishedEntry
from flightmesh.event_bus.jetstream import JetStreamEventBus
from flightmesh.journal import DirectoryRow
from flightmesh.journal.memory import InMemoryJournal
from launcher.servers.nats import Nats
from read_node.bootstrap import ReadNode, build_read_node
from read_node.config import ReadNodeConfig
from tests.unit.read_node.stories import Story, a_leg


class Mesh:
    """A journal in memory, a writer's bus, and a read node with a bus of its own."""

    def __init__(self, nats: Nats, writer: JetStreamEventBus, reader: JetStreamEventBus) -> None:
        self.nats = nats
        self.writer = writer
        self.reader = reader
        self.journal = InMemoryJournal()
        self.node: ReadNode = build_read_node(ReadNodeConfig(), self.journal, reader, SystemClock())
        self.records = list(a_story().records())
        self.head = -1

    async def start(self) -> None:
        await self.journal.add_to_directory(DirectoryRow(1, "shard-1"))
        await self.journal.open_segment(1, 0, b"w", 0)
        await self.node.start()
        await self.node.wait_ready()
        # The subscription is in force at the server once a message has come through it.
        async with asyncio.timeout(30):
            while not self.reader.statistics.received:
                await self.writer.publish(LedgerHeartbeat(1, self.head))
                await asyncio.sleep(0.05)
        await self.append(self.records[:1])
        await self.applied(1)

    async def append(self, records: Sequence[entry_pb2.Record], tell: bool = True) -> None:
        self.head += 1
        entry = entry_pb2.Entry(format=1, ledger=1, number=self.head, records=records)
        data = entry.SerializeToString()
        assert (await self.journal.append(1, 0, b"w", self.head, data)).applied
        if tell:
            await self.writer.publish(PublishedEntry(1, self.head, data))

    async def applied(self, events: int) -> None:
        async with asyncio.timeout(30):
            while True:
                if self.node.projection.events >= events:
                    return
                await asyncio.sleep(0.01)

    async def disconnected(self) -> None:
        async with asyncio.timeout(30):
            while self.writer.connected.is_set() or self.reader.connected.is_set():  # noqa: ASYNC110
                await asyncio.sleep(0.05)


def a_story() -> Story:
    story = Story()
    story.create_schedule()
    rotation = story.create_rotation("r")
    for n in range(6):
        story.add_legs(rotation, a_leg(f"{n}", n * 100, n * 100 + 50, number=n + 1))
    return story


@pytest_asyncio.fixture
async def mesh(nats: Nats, open_bus: Any) -> AsyncIterator[Mesh]:
    async with open_bus(nats, prefix="mesh") as writer, open_bus(nats, prefix="mesh") as reader:
        mesh = Mesh(nats, writer, reader)
        await mesh.start()
        yield mesh
        await mesh.node.stop()


async def test_entries_come_over_nats(mesh: Mesh) -> None:
    repairs, received = mesh.node.follower.statistics.repairs, mesh.reader.statistics.received
    for record in mesh.records[1:]:
        await mesh.append([record])
    await mesh.applied(8)
    assert mesh.reader.statistics.received >= received + len(mesh.records) - 1
    assert mesh.node.follower.statistics.repairs == repairs


async def test_a_lost_last_entry_is_shown_by_a_heartbeat(mesh: Mesh) -> None:
    """26."""
    await mesh.append(mesh.records[1:], tell=False)
    await mesh.writer.publish(LedgerHeartbeat(1, mesh.head))
    await mesh.applied(8)
    assert mesh.node.follower.statistics.repairs > 0


async def test_entries_written_while_nats_is_down_are_read_from_the_journal(mesh: Mesh) -> None:
    """27: the writer goes on, and so does the reader, before NATS is back."""
    mesh.nats.process.kill()
    await mesh.disconnected()
    for record in mesh.records[1:]:
        await mesh.append([record])
    await mesh.applied(8)
    assert mesh.writer.statistics.dropped == len(mesh.records) - 1


async def test_live_entries_come_again_over_a_wiped_and_restarted_nats(mesh: Mesh) -> None:
    """24, 25."""
    mesh.nats.process.kill()
    await mesh.append(mesh.records[1:3])
    shutil.rmtree(mesh.nats.store)
    mesh.nats.start()
    async with asyncio.timeout(30):
        await mesh.writer.connected.wait()
        await mesh.reader.connected.wait()
    for record in mesh.records[3:]:
        await mesh.append([record])
    await mesh.applied(8)
    assert mesh.node.follower.progress.token() == f"1:{mesh.head}"
