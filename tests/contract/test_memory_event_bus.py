"""The contract suite of the event bus, held against the bus in memory, and what is its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flightmesh.event_bus import EventBus, LedgerHeartbeat, PublishedEntry
from flightmesh.event_bus.memory import InMemoryEventBus
from flightmesh.testing.event_bus_contract import EventBusContract, entry, take


class TestInMemoryEventBus(EventBusContract):
    @asynccontextmanager
    async def create_bus(self) -> AsyncIterator[EventBus]:
        yield InMemoryEventBus()

    async def test_the_same_bytes_are_handed_over(self) -> None:
        bus = InMemoryEventBus()
        subscription = bus.subscribe()
        data = b"x" * 1000
        await bus.publish(PublishedEntry(1, 0, data))
        received = (await take(subscription, 1))[0]
        assert isinstance(received, PublishedEntry)
        assert received.data is data

    async def test_a_full_subscriber_loses_the_newest_and_they_are_counted(self) -> None:
        bus = InMemoryEventBus(bound=3)
        slow, fast = bus.subscribe(), bus.subscribe()
        for number in range(5):
            await bus.publish(entry(number))
            await take(fast, 1)
        assert (slow.lost, fast.lost, bus.lost, bus.published) == (2, 0, 2, 5)
        assert await take(slow, 3) == [entry(0), entry(1), entry(2)]
        await bus.publish(entry(5))
        assert await take(slow, 1) == [entry(5)]
        await slow.aclose()
        assert bus.lost == 2
        assert bus.subscribers == 1

    async def test_waiting_bytes_are_bounded_but_one_large_entry_passes(self) -> None:
        bus = InMemoryEventBus(max_bytes=10)
        subscription = bus.subscribe()
        await bus.publish(entry(0, data=b"x" * 100))
        await bus.publish(entry(1, data=b"x"))
        await bus.publish(LedgerHeartbeat(1, 1))
        assert subscription.lost == 2
        await take(subscription, 1)
        await bus.publish(entry(2, data=b"x" * 9))
        await bus.publish(LedgerHeartbeat(1, 2))
        assert len(subscription) == 2
