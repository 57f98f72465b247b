"""The ledger store as simulated processes reach it: every call may fail in every way.

A call that is under way belongs to the world, not to its caller: it arrives even if the caller has
crashed or given up meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast, final

from flightmesh.clock import Randomness
from flightmesh.errors import OutcomeUnknown, StoreUnavailable
from flightmesh.testing.faults import (
    Fault,
    Faults,
    FaultyAggregateIndex,
    FaultyClaims,
    FaultyJournal,
    FaultySnapshots,
)
from flightmesh.testing.simulation.chance import Chance
from flightmesh.testing.simulation.chronicle import Chronicle
from flightmesh.testing.simulation.loop import Process, VirtualLoop, wake
from flightmesh.testing.simulation.network import Network

T = TypeVar("T")

STORE: Final = "store"


@dataclass(frozen=True, slots=True)
class StoreTrouble:
    """What the store does to calls for a while.

    Attributes:
        probability: of a fault per call.
        kinds: the faults.
        methods: methods that meet them; empty for all.
        processes: names of callers that meet them; empty for all.
        timeout_s: longest wait before a lost answer is noticed.
        late_s: longest time that a late request is under way.
        slow_s: longest extra time of a call that meets no fault.
    """

    probability: float
    kinds: tuple[Fault, ...]
    methods: Collection[str] = ()
    processes: Collection[str] = ()
    timeout_s: float = 0.5
    late_s: float = 4.0
    slow_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Trap:
    """Something that befalls a process at the moment when a call of its has been applied.

    Attributes:
        method: of the call.
        processes: names of the callers.
        spring: what happens then, once.
    """

    method: str
    processes: Collection[str]
    spring: Callable[[Process], object]


@final
class StoreAccess:
    """One process's way to the store: `journal`, `claims`, `index`, `snapshots`.

    Args:
        store: the store that all share.
        network: a process cut off from "store" gets no answers.
        process: the caller.
        trouble: what happens now, by fault; shared.
        traps: what happens at certain calls, by fault; shared.
        randomness: delays and decisions.
        chronicle: counts faults.
    """

    def __init__(
        self,
        store: Any,
        *,
        network: Network,
        process: Process,
        trouble: dict[object, StoreTrouble],
        traps: dict[object, Trap],
        randomness: Randomness,
        chronicle: Chronicle,
    ) -> None:
        self._network = network
        self._loop: VirtualLoop = network.loop
        self._process = process
        self._trouble = trouble
        self._traps = traps
        self._chance = Chance(randomness)
        self._chronicle = chronicle
        faults = cast(Faults, self)
        self.journal = FaultyJournal(store.journal, faults)
        self.claims = FaultyClaims(store.claims, faults)
        self.index = FaultyAggregateIndex(store.index, faults)
        self.snapshots = FaultySnapshots(store.snapshots, faults)

    def _decide(self, method: str) -> tuple[Fault, StoreTrouble | None]:
        name, network = self._process.name, self._network
        if network.cuts and network.is_cut(name, STORE):
            return Fault.LOST, None
        if network.cuts and network.is_cut(STORE, name):
            return Fault.ANSWER_LOST, None
        for trouble in self._concerning(method) if self._trouble else ():
            if self._chance.of(trouble.probability):
                return self._chance.among(trouble.kinds), trouble
        return Fault.NONE, None

    def _concerning(self, method: str) -> list[StoreTrouble]:
        """The troubles that calls of a method meet now."""
        return [
            trouble
            for trouble in self._trouble.values()
            if (not trouble.methods or method in trouble.methods)
            and (not trouble.processes or self._process.name in trouble.processes)
        ]

    async def call(self, method: str, request: Callable[[], Awaitable[T]]) -> T:
        """Sends a request; used by the wrappers of `flightmesh.testing.faults`."""
        fault, trouble = self._decide(method)
        answer: asyncio.Future[T] = asyncio.Future(loop=self._loop)
        chance, later = self._chance, self._loop.later
        takes_s = 0.0003 + chance.part() ** 3 * 0.003
        if fault is Fault.NONE:
            for slow in self._concerning(method) if self._trouble else ():
                takes_s += slow.slow_s * chance.part()
            later(takes_s, self._arrive, method, request, answer)
            return await answer
        self._chronicle.count(f"store: {fault.value}")
        self._chronicle.tell(self._process.name, f"store: {method} {fault.value}")
        timeout_s = takes_s + chance.part() * (trouble.timeout_s if trouble else 2.0)
        if fault is Fault.REFUSED:
            later(takes_s, _fail, answer, StoreUnavailable(f"{method}: refused"))
            return await answer
        if fault is Fault.TWICE:
            later(takes_s, self._do, request, answer)
        elif fault is Fault.ANSWER_LOST:
            later(takes_s, self._do, request, None)
        if fault in (Fault.LATE, Fault.TWICE) and trouble is not None:
            later(takes_s + chance.part() * trouble.late_s, self._do, request, None)
        if fault is not Fault.TWICE:
            unknown = OutcomeUnknown(f"{method}: {fault.value}")
            later(timeout_s, _fail, answer, unknown)
        return await answer

    def _arrive(
        self, method: str, request: Callable[[], Awaitable[T]], answer: "asyncio.Future[T]"
    ) -> None:
        self._do(request, answer)
        for number, trap in list(self._traps.items()) if self._traps else ():
            if trap.method == method and self._process.name in trap.processes:
                del self._traps[number]
                trap.spring(self._process)

    def _do(self, request: Callable[[], Awaitable[T]], answer: "asyncio.Future[T] | None") -> None:
        """Applies a request now; its answer travels."""
        try:
            # The store in memory never waits: one step is the whole of it.
            call: Any = request()
            call.send(None)
        except StopIteration as done:
            if answer is not None:
                travel_s = 0.0001 + self._chance.part() ** 4 * 0.002
                self._loop.later(travel_s, wake, answer, done.value)
        else:
            raise AssertionError("a store in memory must not wait")


def _fail(answer: "asyncio.Future[Any]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # who asked may have crashed meanwhile; that is no failure of ours
