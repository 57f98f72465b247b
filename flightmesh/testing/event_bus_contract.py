"""What every `EventBus` must do. The bus may lose messages, so only what it hands over is checked
in full, and loss only where nothing gives cause for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest_asyncio

from flightmesh.event_bus import BusMessage, EventBus, LedgerHeartbeat, PublishedEntry

# Long enough for any machine; a bus that needs it has failed.
PATIENCE_S = 10.0


async def take(subscription: AsyncIterator[BusMessage], count: int) -> list[BusMessage]:
    """The next messages of a subscription."""
    async with asyncio.timeout(PATIENCE_S):
        return [await anext(subscription) for _ in range(count)]


async def close(subscription: Any) -> None:
    """Ends a subscription."""
    await subscription.aclose()


def entry(number: int, ledger: int = 1, data: bytes = b"data") -> PublishedEntry:
    """A message."""
    return PublishedEntry(ledger, number, data)


class EventBusContract:
    """Publishing and subscribing; Q names the cases of live streams in other systems."""

    def create_bus(self) -> AbstractAsyncContextManager[EventBus]:
        """A bus without messages; closed on exit."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def bus(self) -> AsyncIterator[EventBus]:
        """A bus without messages."""
        async with self.create_bus() as bus:
            yield bus

    async def test_a_subscriber_gets_what_is_published(self, bus: EventBus) -> None:
        """Q "receive"."""
        subscription = bus.subscribe()
        messages: list[BusMessage] = [entry(0), LedgerHeartbeat(1, 0), entry(1, data=b"")]
        for message in messages:
            await bus.publish(message)
        assert await take(subscription, 3) == messages
        await close(subscription)

    async def test_a_subscription_is_in_force_at_once(self, bus: EventBus) -> None:
        """Q "switch to live": no message falls between subscribing and reading."""
        subscription = bus.subscribe()
        await bus.publish(entry(0))
        assert await take(subscription, 1) == [entry(0)]
        await close(subscription)

    async def test_what_was_published_before_is_not_received(self, bus: EventBus) -> None:
        """Q "others come later": history is the journal's."""
        await bus.publish(entry(0))
        subscription = bus.subscribe()
        await bus.publish(entry(1))
        assert await take(subscription, 1) == [entry(1)]
        await close(subscription)

    async def test_every_subscriber_gets_every_message(self, bus: EventBus) -> None:
        """Q "many consumers"."""
        subscriptions = [bus.subscribe() for _ in range(3)]
        for number in range(10):
            await bus.publish(entry(number))
        for subscription in subscriptions:
            assert await take(subscription, 10) == [entry(number) for number in range(10)]
            await close(subscription)

    async def test_entries_of_one_ledger_stay_in_order(self, bus: EventBus) -> None:
        """Q "order", with two ledgers published at once."""
        subscription = bus.subscribe()

        async def publish_ledger(ledger: int) -> None:
            for number in range(50):
                await bus.publish(entry(number, ledger))
                await asyncio.sleep(0)

        await asyncio.gather(publish_ledger(1), publish_ledger(2))
        received = [m for m in await take(subscription, 100) if isinstance(m, PublishedEntry)]
        for ledger in (1, 2):
            assert [m.number for m in received if m.ledger == ledger] == list(range(50))
        await close(subscription)

    async def test_a_waiting_subscriber_is_woken(self, bus: EventBus) -> None:
        """Q "live"."""
        subscription = bus.subscribe()

        async def publish_later() -> None:
            await asyncio.sleep(0)
            await bus.publish(entry(7))

        received, _ = await asyncio.gather(take(subscription, 1), publish_later())
        assert received == [entry(7)]
        await close(subscription)

    async def test_a_subscriber_that_reads_nothing_holds_nobody_up(self, bus: EventBus) -> None:
        """Q "abort slow consumers, keep fast ones"."""
        slow, fast = bus.subscribe(), bus.subscribe()
        for number in range(20_000):
            await bus.publish(entry(number))
            if number % 100 == 99:
                assert len(await take(fast, 100)) == 100
        await close(slow)
        await close(fast)

    async def test_a_closed_subscription_ends(self, bus: EventBus) -> None:
        """Q "last consumer leaves and others come later"."""
        subscription = bus.subscribe()

        async def close_later() -> None:
            await asyncio.sleep(0)
            await close(subscription)

        async def end_of_subscription() -> BusMessage | None:
            return await anext(subscription, None)

        async with asyncio.timeout(PATIENCE_S):
            last, _ = await asyncio.gather(end_of_subscription(), close_later())
        assert last is None
        await bus.publish(entry(0))
        later = bus.subscribe()
        await bus.publish(entry(1))
        assert await take(later, 1) == [entry(1)]
        await close(later)
        await close(later)
