"""The contract suite of the event bus, held against NATS, and what is JetStream's own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import nats as nats_py
import pytest

from flightmesh.event_bus import EventBus, LedgerHeartbeat, PublishedEntry
from flightmesh.testing.event_bus_contract import EventBusContract, entry, take
from launcher.servers.nats import Nats


class TestJetStreamEventBus(EventBusContract):
    @pytest.fixture(autouse=True)
    def _server(self, nats_server: Nats, open_bus: Any) -> None:
        self.open: Callable[[], Any] = lambda: open_bus(nats_server)

    @asynccontextmanager
    async def create_bus(self) -> AsyncIterator[EventBus]:
        async with self.open() as bus:
            yield bus


async def test_another_process_gets_entries_and_heartbeats_in_order(
    nats_server: Nats, open_bus: Any
) -> None:
    async with (
        open_bus(nats_server, prefix="two") as writer,
        open_bus(nats_server, prefix="two") as reader,
    ):
        subscription = reader.subscribe()
        # Its own message comes back only after the server has begun the subscription.
        await reader.publish(LedgerHeartbeat(9, 9))
        await take(subscription, 1)
        large = entry(1, data=b"x" * 600_000)
        sent = [entry(0), LedgerHeartbeat(1, 0), large, LedgerHeartbeat(2, -1)]
        for message in sent:
            await writer.publish(message)
        assert await take(subscription, 4) == sent


async def test_entries_are_kept_once_by_their_number_and_heartbeats_not_at_all(
    nats_server: Nats, open_bus: Any, eventually: Any
) -> None:
    async with open_bus(nats_server, prefix="kept") as bus:
        for number in (0, 1, 1, 2, 0):
            await bus.publish(entry(number, ledger=7))
        await bus.publish(LedgerHeartbeat(7, 2))
        await eventually(lambda: bus.statistics.stored == 5)
        assert bus.statistics.duplicates == 2
    client = await nats_py.connect(nats_server.url)
    stream = await client.jetstream().stream_info("KEPT")
    message = await client.jetstream().get_last_msg("KEPT", "kept.ledger.7")
    await client.close()
    assert stream.state.messages == 3
    assert (message.headers or {})["Nats-Msg-Id"] == "7:2"


async def test_the_stream_is_bounded_and_drops_its_oldest_entries(
    nats_server: Nats, open_bus: Any, eventually: Any
) -> None:
    async with open_bus(nats_server, prefix="bounded", stream_bytes=1_000_000) as bus:
        for number in range(40):
            await bus.publish(entry(number, data=b"x" * 100_000))
        await eventually(lambda: bus.statistics.stored == 40)
        client = await nats_py.connect(nats_server.url)
        state = (await client.jetstream().stream_info("BOUNDED")).state
        await client.close()
        assert state.bytes <= 1_000_000
        assert state.last_seq == 40
        assert bus.statistics.refused == 0


async def test_a_stream_with_other_settings_is_given_ours(nats_server: Nats, open_bus: Any) -> None:
    async with open_bus(nats_server, prefix="other", stream_bytes=1_000_000):
        pass
    async with open_bus(nats_server, prefix="other", stream_bytes=2_000_000):
        client = await nats_py.connect(nats_server.url)
        config = (await client.jetstream().stream_info("OTHER")).config
        await client.close()
        assert config.max_bytes == 2_000_000


async def test_what_is_not_ours_is_counted_and_left_alone(
    nats_server: Nats, open_bus: Any, eventually: Any
) -> None:
    async with open_bus(nats_server, prefix="foreign") as bus:
        subscription = bus.subscribe()
        await bus.publish(entry(0))
        await take(subscription, 1)
        client = await nats_py.connect(nats_server.url)
        await client.publish("foreign.ledger.1", b"without an id")
        await client.publish("foreign.ledger.1", b"x", headers={"Nats-Msg-Id": "2:0"})
        await client.publish("foreign.head.1", b"many")
        await client.publish("foreign.head.x", b"1")
        await client.publish("foreign.other.1", b"1")
        await client.flush()
        await client.close()
        await eventually(lambda: bus.statistics.malformed == 5)
        await bus.publish(entry(1))
        assert await take(subscription, 1) == [entry(1)]


async def test_an_entry_larger_than_the_server_takes_is_dropped_and_counted(
    nats_server: Nats, open_bus: Any, eventually: Any
) -> None:
    async with open_bus(nats_server) as bus:
        subscription = bus.subscribe()
        await bus.publish(PublishedEntry(1, 0, bytes(9 * 1024 * 1024)))
        await bus.publish(entry(1))
        assert await take(subscription, 1) == [entry(1)]
        assert bus.statistics.dropped == 1


async def test_a_subscriber_that_reads_nothing_loses_and_the_loss_is_counted(
    nats_server: Nats, open_bus: Any
) -> None:
    async with open_bus(nats_server, queue_messages=10) as bus:
        slow, fast = bus.subscribe(), bus.subscribe()
        for number in range(30):
            await bus.publish(entry(number))
            await take(fast, 1)
        assert len(slow) == 10
        assert bus.lost == slow.lost == 20
        await slow.aclose()
        assert bus.lost == 20


async def test_a_full_queue_drops_the_newest_and_the_publisher_does_not_wait(
    nats_server: Nats, open_bus: Any
) -> None:
    async with open_bus(nats_server, queue_messages=5) as bus:
        subscription = bus.subscribe()
        for number in range(8):
            await bus.publish(entry(number))
        assert await take(subscription, 5) == [entry(number) for number in range(5)]
        assert (bus.statistics.published, bus.statistics.dropped) == (8, 3)
