"""Rules 1 to 10: who may write, and how that changes hands."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from coordinator import bootstrap as coordinator_bootstrap
from coordinator.node_link import NodeLink
from flightmesh.journal import Conditional, SegmentRow, SegmentState
from flightmesh.journal.memory import InMemoryJournal
from flightmesh.registry.registration import RegistrationKeeper
from shard_node.ownership import Ownership
from shard_node.session import Session

Patches = Iterator[Any]


def no_claim() -> Patches:
    claim, find_sealed = Ownership._claim, Ownership.find_sealed

    async def anybody(ledgers: Any) -> set[int]:
        return set(ledgers)

    async def take(self: Any, wanted: Any) -> Any:
        self.__dict__.setdefault("seals", self._seals)
        self._seals = SimpleNamespace(among=anybody)
        return await claim(self, wanted)

    async def find(self: Any) -> None:
        self._seals = self.__dict__.get("seals", self._seals)
        await find_sealed(self)

    yield patch.object(Ownership, "_claim", take)
    yield patch.object(Ownership, "find_sealed", find)


def sealer_does_not_create() -> Patches:
    seal = InMemoryJournal.seal

    async def only_present(self: Any, ledger: int, segment: int, first: int) -> Conditional:
        if (ledger, segment) not in self._segments:
            return Conditional(True, SegmentRow(SegmentState.SEALED, b"", first, first - 1))
        return await seal(self, ledger, segment, first)

    yield patch.object(InMemoryJournal, "seal", only_present)


def no_seal_before_reassign() -> Patches:
    async def nothing(journal: Any, ledger: int, clock: Any) -> int:
        return -1

    yield patch.object(coordinator_bootstrap, "seal_ledger", nothing)


def no_claim_and_no_seal() -> Patches:
    yield from no_claim()
    yield from no_seal_before_reassign()


def release_without_gathering() -> Patches:
    give_back = Ownership._give_back

    async def at_once(self: Any, slots: Any) -> None:
        async def no_wait(number: int) -> None: ...

        queue = self._queue
        self._queue = SimpleNamespace(ledger=queue.ledger, wait_committed=no_wait)
        try:
            await give_back(self, slots)
        finally:
            self._queue = queue

    yield patch.object(Ownership, "_give_back", at_once)


def memory_kept() -> Patches:
    drop, begin = Ownership._drop, Ownership._begin

    def keep(self: Any, slots: Any) -> None:
        slots = list(slots)
        kept = self.__dict__.setdefault("kept", {})
        kept.update((slot.shard, slot.memory) for slot in slots)
        drop(self, slots)

    def reuse(self: Any, claims: Any, epochs: Any) -> None:
        begin(self, claims, epochs)
        for claim in claims:
            memory, slot = (
                self.__dict__.get("kept", {}).get(claim.shard),
                self.slots.get(claim.shard),
            )
            if memory is not None and slot is not None:
                slot.memory.cells = memory.cells

    yield patch.object(Ownership, "_drop", keep)
    yield patch.object(Ownership, "_begin", reuse)


def questions_not_repeated() -> Patches:
    assign, release = NodeLink.assign, NodeLink.release

    def once(ask: Any, name: str) -> Any:
        def asked(self: Any, shards: Any, on_answer: Any) -> None:
            known = self.__dict__.setdefault(name, set())
            new = {s: e for s, e in shards.items() if (s, e) not in known}
            known.update(new.items())
            ask(self, new, on_answer)

        return asked

    yield patch.object(NodeLink, "assign", once(assign, "assigned_once"))
    yield patch.object(NodeLink, "release", once(release, "released_once"))


def registration_not_renewed() -> Patches:
    renew = RegistrationKeeper.renew

    async def once(self: Any) -> None:
        if not self._lease or await self._registry.keep_alive(self._lease):
            await renew(self)

    yield patch.object(RegistrationKeeper, "renew", once)


def seal_not_noticed() -> Patches:
    async def never(self: Any) -> None: ...

    yield patch.object(Session, "_watch_seal", never)
