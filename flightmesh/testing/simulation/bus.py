"""The event bus between simulated processes: messages are lost, doubled, late, or all wiped."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, final

from flightmesh.clock import Randomness
from flightmesh.event_bus import BusMessage, EventBus
from flightmesh.event_bus.memory import InMemoryEventBus, InMemorySubscription
from flightmesh.testing.simulation.chance import Chance
from flightmesh.testing.simulation.chronicle import Chronicle
from flightmesh.testing.simulation.loop import VirtualLoop, current_process
from flightmesh.testing.simulation.network import Network

BUS: Final = "bus"


@dataclass(frozen=True, slots=True)
class BusTrouble:
    """What the bus does to messages for a while: probabilities, and the longest delay."""

    lost: float = 0.0
    doubled: float = 0.0
    late_s: float = 0.0


@final
class SimulatedBus:
    """See the module's text; an `EventBus` for all processes.

    Attributes:
        trouble: what happens now, by fault.
    """

    def __init__(
        self, loop: VirtualLoop, network: Network, randomness: Randomness, chronicle: Chronicle
    ) -> None:
        self.trouble: dict[object, BusTrouble] = {}
        self._loop = loop
        self._network = network
        self._chance = Chance(randomness)
        self._chronicle = chronicle
        self._bus = InMemoryEventBus()
        self._subscriptions: list[tuple[str, InMemorySubscription]] = []
        self._era = 0

    async def publish(self, message: BusMessage) -> None:
        """See the port."""
        source = current_process().name
        cuts = self._network.cuts
        if cuts and self._network.is_cut(source, BUS):
            return
        for target, subscription in self._subscriptions:
            if not cuts or not self._network.is_cut(BUS, target):
                self._offer(subscription, message)

    def _offer(self, subscription: InMemorySubscription, message: BusMessage) -> None:
        delay_s = 0.0003 + self._chance.part() ** 4 * 0.003
        copies = 1
        for trouble in self.trouble.values():
            if self._chance.of(trouble.lost):
                self._chronicle.count("bus: lost")
                return
            if self._chance.of(trouble.doubled):
                self._chronicle.count("bus: doubled")
                copies += 1
            delay_s += self._chance.part() * trouble.late_s
        era = self._era

        def arrive() -> None:
            if era == self._era:
                subscription.offer(message)

        for copy in range(copies):
            self._loop.later(delay_s * (1 + copy), arrive)

    def subscribe(self) -> AsyncIterator[BusMessage]:
        """See the port."""
        subscription = self._bus.subscribe()
        self._subscriptions.append((current_process().name, subscription))
        return subscription

    def wipe(self) -> None:
        """Loses all messages under way and all subscriptions."""
        self._era += 1
        subscriptions, self._subscriptions = self._subscriptions, []
        for _, subscription in subscriptions:
            with suppress(StopIteration):
                # It never waits: one step is the whole of it.
                subscription.aclose().send(None)


_: type[EventBus] = SimulatedBus
