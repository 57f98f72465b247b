"""The registry as simulated processes reach it, and how it loses what it holds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast, final

from flightmesh.clock import Clock, Randomness
from flightmesh.errors import OutcomeUnknown, Unavailable
from flightmesh.registry import Compare, Delete, Listing, Put, Registry, TransactionResult
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.testing.simulation.chance import Chance
from flightmesh.testing.simulation.chronicle import Chronicle
from flightmesh.testing.simulation.loop import Process
from flightmesh.testing.simulation.network import Network

T = TypeVar("T")

REGISTRY: Final = "registry"


@dataclass(frozen=True, slots=True)
class RegistryTrouble:
    """What the registry does to calls for a while.

    Attributes:
        down: probability that a call is refused.
        lost: probability that a transaction is applied and its answer lost.
        late: probability that a transaction arrives late.
        late_s: how late at most.
        blind: probability that a watch misses a change.
    """

    down: float = 0.0
    lost: float = 0.0
    late: float = 0.0
    late_s: float = 5.0
    blind: float = 0.0


@final
class RegistryCluster:
    """The registry itself.

    Attributes:
        now: its contents now.
        trouble: what happens to calls now, by fault.
    """

    def __init__(self, clock: Clock, observe: Callable[[Sequence[Put | Delete]], None]) -> None:
        self._clock = clock
        self.now = InMemoryRegistry(clock)
        self.trouble: dict[object, RegistryTrouble] = {}
        self.observe = observe
        self._copy: dict[str, Any] = {}
        self._watches: dict[RegistryWatch, None] = {}

    def back_up(self) -> None:
        """Keeps a copy that may be restored."""
        self._copy = _copied(vars(self.now))

    def wipe(self) -> None:
        """Loses everything: revisions begin anew, connections break."""
        # Numbers of leases are random in etcd: one is not given twice.
        leases = self.now._last_lease
        self.now = InMemoryRegistry(self._clock)
        self.now._last_lease = leases
        self.break_watches()

    def restore(self) -> None:
        """Goes back to the copy; leases begin anew, as after etcd's restore."""
        self.wipe()
        for name, value in _copied(self._copy).items():
            setattr(self.now, name, value)
        for lease in self.now._leases.values():
            lease.ends_s = self._clock.monotonic_s() + lease.ttl_s

    def lose_leases(self, chosen: Callable[[int], bool]) -> None:
        """Ends leases before their time."""
        for lease in list(self.now._leases):
            if chosen(lease):
                self.now._end_lease(lease)

    def break_watches(self) -> None:
        """Ends all watches with an error."""
        watches, self._watches = self._watches, {}
        for watch in watches:
            watch.break_off()

    def note(self, watch: "RegistryWatch") -> None:
        """Knows a watch, until it is closed."""
        self._watches[watch] = None

    def forget(self, watch: "RegistryWatch") -> None:
        """Knows it no more."""
        self._watches.pop(watch, None)


def _copied(contents: Mapping[str, Any]) -> dict[str, Any]:
    """What is restored of a registry: only leases change in place."""
    leases = {
        number: replace(lease, keys=set(lease.keys))
        for number, lease in contents["_leases"].items()
    }
    return {
        "_items": dict(contents["_items"]),
        "_leases": leases,
        "_revision": contents["_revision"],
    }


@final
class RegistryWatch(AsyncIterator[int]):
    """A watch that breaks with the registry's connections."""

    def __init__(self, access: "RegistryAccess", prefix: str) -> None:
        self._access = access
        self._inner = cast(Any, access.cluster.now.watch_prefix(prefix))
        self._broken = False
        access.cluster.note(self)

    def break_off(self) -> None:
        """Ends with an error; the caller may be waiting."""
        self._broken = True
        self._inner._closed = True
        self._inner._changed.set()

    async def __anext__(self) -> int:
        while True:
            try:
                revision = await self._inner.__anext__()
            except StopAsyncIteration:
                if self._broken:
                    raise Unavailable("the watch broke") from None
                raise
            if not self._access.misses_news():
                return int(revision)

    async def aclose(self) -> None:
        """Ends it."""
        self._access.cluster.forget(self)
        await self._inner.aclose()


@final
class RegistryAccess:
    """One process's way to the registry; a `flightmesh.registry.Registry`.

    Args:
        cluster: the registry.
        network: a process cut off from "registry" reaches nothing.
        process: the caller.
        randomness: delays and decisions.
        chronicle: counts faults.
    """

    def __init__(
        self,
        cluster: RegistryCluster,
        network: Network,
        process: Process,
        randomness: Randomness,
        chronicle: Chronicle,
    ) -> None:
        self.cluster = cluster
        self._network = network
        self._loop = network.loop
        self._process = process
        self._chance = Chance(randomness)
        self._chronicle = chronicle

    def misses_news(self) -> bool:
        """Whether a watch does not hear of a change."""
        if self._network.is_cut(REGISTRY, self._process.name):
            return True
        blind = any(self._chance.of(t.blind) for t in self.cluster.trouble.values())
        if blind:
            self._chronicle.count("registry: news missed by a watch")
        return blind

    async def list_prefix(self, prefix: str) -> Listing:
        """See the port."""
        return await self._ask(lambda registry: registry.list_prefix(prefix))

    async def grant_lease(self, ttl_s: float) -> int:
        """See the port."""
        return await self._ask(lambda registry: registry.grant_lease(ttl_s))

    async def keep_alive(self, lease: int) -> bool:
        """See the port."""
        return await self._ask(lambda registry: registry.keep_alive(lease))

    async def revoke_lease(self, lease: int) -> None:
        """See the port."""
        await self._ask(lambda registry: registry.revoke_lease(lease))

    def watch_prefix(self, prefix: str) -> AsyncIterator[int]:
        """See the port."""
        return RegistryWatch(self, prefix)

    async def transact(
        self, compares: Sequence[Compare], writes: Sequence[Put | Delete]
    ) -> TransactionResult:
        """See the port."""

        async def transact(registry: InMemoryRegistry) -> TransactionResult:
            result = await registry.transact(compares, writes)
            if result.succeeded:
                self.cluster.observe(writes)
            return result

        chance = self._chance
        for trouble in self.cluster.trouble.values():
            if chance.of(trouble.late):
                self._chronicle.count("registry: transaction arrives late")
                self._later(chance.part() * trouble.late_s, transact, None)
                await asyncio.sleep(chance.part())
                raise OutcomeUnknown("no answer from the registry")
            if chance.of(trouble.lost):
                self._chronicle.count("registry: answer lost")
                self._later(0.001, transact, None)
                await asyncio.sleep(chance.part())
                raise OutcomeUnknown("no answer from the registry")
        return await self._ask(transact, unknown=True)

    async def _ask(
        self, request: Callable[[InMemoryRegistry], Awaitable[T]], *, unknown: bool = False
    ) -> T:
        name, chance, network = self._process.name, self._chance, self._network
        cut_off = network.cuts and network.is_cut(name, REGISTRY)
        if network.cuts and not cut_off and network.is_cut(REGISTRY, name):
            self._later(0.001, request, None)
            cut_off = True
        if cut_off:
            await asyncio.sleep(0.5 + chance.part())
            raise OutcomeUnknown("no answer") if unknown else Unavailable("no answer")
        troubles = self.cluster.trouble.values()
        if troubles and any(chance.of(trouble.down) for trouble in troubles):
            self._chronicle.count("registry: unavailable")
            await asyncio.sleep(0.002 + chance.part() * 0.1)
            raise Unavailable("the registry is down")
        answer: asyncio.Future[T] = asyncio.Future(loop=self._loop)
        self._later(0.0003 + chance.part() ** 3 * 0.003, request, answer)
        return await answer

    def _later(
        self,
        delay_s: float,
        request: Callable[[InMemoryRegistry], Awaitable[T]],
        answer: "asyncio.Future[T] | None",
    ) -> None:
        def arrive() -> None:
            call: Any = request(self.cluster.now)
            try:
                call.send(None)
            except StopIteration as done:
                if answer is not None and not answer.done():
                    answer.set_result(done.value)

        self._loop.later(delay_s, arrive)


_: type[Registry] = RegistryAccess
