"""Stores that fail as real ones do: before a request, after it, or with the request arriving late.

A wrapper stands in front of a port and asks a `FaultPolicy` what becomes of each call. The fault
that matters most is the ambiguous one: the request is applied, or will be, and the caller is told
that nobody knows.
"""

import enum
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, final

from flightmesh.clock import Randomness
from flightmesh.errors import OutcomeUnknown, StoreUnavailable
from flightmesh.journal import (
    AggregateIndex,
    Chunk,
    Claim,
    ClaimChange,
    Claims,
    Conditional,
    Constants,
    DirectoryRow,
    Journal,
    SegmentRow,
    ShardHead,
    Snapshots,
    StoredSnapshot,
)

T = TypeVar("T")


class Fault(enum.Enum):
    """What becomes of a call."""

    NONE = "none"
    REFUSED = "refused"  # not applied: StoreUnavailable
    LOST = "lost"  # not applied: OutcomeUnknown
    ANSWER_LOST = "answer lost"  # applied: OutcomeUnknown
    LATE = "late"  # OutcomeUnknown; applied when `Faults.deliver_late` is called
    TWICE = "twice"  # applied and answered; once more when `Faults.deliver_late` is called


class FaultPolicy(Protocol):
    """Decides about each call."""

    def decide(self, method: str) -> Fault:
        """The fate of the next call of that method of the port."""


@final
class ScriptedFaults:
    """Faults by method, in the order of its calls; none when a script has ended."""

    def __init__(self, **scripts: Iterable[Fault]) -> None:
        self._scripts = {method: list(script) for method, script in scripts.items()}

    def decide(self, method: str) -> Fault:
        """See the port."""
        script = self._scripts.get(method)
        return script.pop(0) if script else Fault.NONE


@final
class RandomFaults:
    """Each call meets a fault with a given probability, all kinds alike.

    Args:
        randomness: decides.
        probability: of a fault, 0 to 1.
        kinds: the faults that may happen.
    """

    def __init__(
        self, randomness: Randomness, probability: float, kinds: Sequence[Fault] = tuple(Fault)[1:]
    ) -> None:
        self._randomness = randomness
        self._threshold = int(probability * (1 << 32))
        self._kinds = kinds

    def decide(self, method: str) -> Fault:  # noqa: ARG002 - every method alike
        """See the port."""
        if self._randomness.bits(32) >= self._threshold:
            return Fault.NONE
        return self._kinds[self._randomness.bits(32) % len(self._kinds)]


@dataclass(slots=True)
class Faults:
    """Carries out a policy; one may serve several wrappers.

    Attributes:
        policy: decides about each call; may be exchanged at any time.
        late: requests that were sent and have not arrived.
        calls: names of the methods called, in order.
        met: faults that happened, in order.
    """

    policy: FaultPolicy
    late: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    met: list[Fault] = field(default_factory=list)

    async def call(self, method: str, request: Callable[[], Awaitable[T]]) -> T:
        """Sends a request, or does to it what the policy says."""
        self.calls.append(method)
        fault = self.policy.decide(method)
        if fault is Fault.NONE:
            return await request()
        self.met.append(fault)
        if fault is Fault.REFUSED:
            raise StoreUnavailable(f"{method}: refused, by the fault policy")
        if fault in (Fault.LATE, Fault.TWICE):
            self.late.append(request)
        if fault is Fault.TWICE:
            return await request()
        if fault is Fault.ANSWER_LOST:
            await request()
        raise OutcomeUnknown(f"{method}: {fault.value}, by the fault policy")

    async def deliver_late(self) -> int:
        """Lets all late requests arrive, oldest first; returns how many."""
        arrived, self.late = self.late, []
        for request in arrived:
            await request()
        return len(arrived)


@final
class FaultyJournal:
    """A journal whose calls meet faults; see `flightmesh.journal.Journal`."""

    def __init__(self, journal: Journal, faults: Faults) -> None:
        self._journal = journal
        self._call = faults.call

    async def fix_constants(self, wanted: Constants) -> Constants:
        """See the port."""
        return await self._call("fix_constants", lambda: self._journal.fix_constants(wanted))

    async def allocate_session(self) -> int:
        """See the port."""
        return await self._call("allocate_session", self._journal.allocate_session)

    async def add_to_directory(self, row: DirectoryRow) -> None:
        """See the port."""
        await self._call("add_to_directory", lambda: self._journal.add_to_directory(row))

    async def list_directory(self) -> Sequence[DirectoryRow]:
        """See the port."""
        return await self._call("list_directory", self._journal.list_directory)

    async def open_segment(
        self, ledger: int, segment: int, writer: bytes, first: int
    ) -> Conditional:
        """See the port."""
        return await self._call(
            "open_segment", lambda: self._journal.open_segment(ledger, segment, writer, first)
        )

    async def append(
        self, ledger: int, segment: int, writer: bytes, number: int, data: bytes
    ) -> Conditional:
        """See the port."""
        return await self._call(
            "append", lambda: self._journal.append(ledger, segment, writer, number, data)
        )

    async def roll(self, ledger: int, segment: int, writer: bytes, head: int) -> Conditional:
        """See the port."""
        return await self._call("roll", lambda: self._journal.roll(ledger, segment, writer, head))

    async def seal(self, ledger: int, segment: int, first: int) -> Conditional:
        """See the port."""
        return await self._call("seal", lambda: self._journal.seal(ledger, segment, first))

    async def read_segment(self, ledger: int, segment: int) -> SegmentRow | None:
        """See the port."""
        return await self._call("read_segment", lambda: self._journal.read_segment(ledger, segment))

    async def read_entries(
        self, ledger: int, segment: int, first: int, limit: int
    ) -> Sequence[tuple[int, bytes]]:
        """See the port."""
        return await self._call(
            "read_entries", lambda: self._journal.read_entries(ledger, segment, first, limit)
        )


@final
class FaultyClaims:
    """Claims whose calls meet faults; see `flightmesh.journal.Claims`."""

    def __init__(self, claims: Claims, faults: Faults) -> None:
        self._claims = claims
        self._call = faults.call

    async def read_claims(self) -> dict[int, Claim]:
        """See the port."""
        return await self._call("read_claims", self._claims.read_claims)

    async def change_claims(self, changes: Sequence[ClaimChange]) -> bool:
        """See the port."""
        return await self._call("change_claims", lambda: self._claims.change_claims(changes))


@final
class FaultyAggregateIndex:
    """An index whose calls meet faults; see `flightmesh.journal.AggregateIndex`."""

    def __init__(self, index: AggregateIndex, faults: Faults) -> None:
        self._index = index
        self._call = faults.call

    async def flush(self, shard: int, chunks: Sequence[Chunk], head: ShardHead | None) -> None:
        """See the port."""
        await self._call("flush", lambda: self._index.flush(shard, chunks, head))

    async def read_head(self, shard: int) -> ShardHead | None:
        """See the port."""
        return await self._call("read_head", lambda: self._index.read_head(shard))

    async def write_watermarks(self, shard: int, watermarks: dict[int, int]) -> None:
        """See the port."""
        await self._call(
            "write_watermarks", lambda: self._index.write_watermarks(shard, watermarks)
        )

    async def read_watermarks(self, shard: int) -> dict[int, int]:
        """See the port."""
        return await self._call("read_watermarks", lambda: self._index.read_watermarks(shard))

    async def read_chunks(self, shard: int, aggregate_id: bytes) -> Sequence[bytes]:
        """See the port."""
        return await self._call("read_chunks", lambda: self._index.read_chunks(shard, aggregate_id))

    async def list_aggregates(
        self, shard: int, scope: str | None, aggregate_type: str | None, after: bytes, limit: int
    ) -> Sequence[bytes]:
        """See the port."""
        return await self._call(
            "list_aggregates",
            lambda: self._index.list_aggregates(shard, scope, aggregate_type, after, limit),
        )


@final
class FaultySnapshots:
    """Snapshots whose calls meet faults; see `flightmesh.journal.Snapshots`."""

    def __init__(self, snapshots: Snapshots, faults: Faults) -> None:
        self._snapshots = snapshots
        self._call = faults.call

    async def save(self, aggregate_id: bytes, snapshot: StoredSnapshot) -> None:
        """See the port."""
        await self._call("save", lambda: self._snapshots.save(aggregate_id, snapshot))

    async def load(
        self, aggregate_id: bytes, max_sequence: int | None = None
    ) -> Sequence[StoredSnapshot]:
        """See the port."""
        return await self._call("load", lambda: self._snapshots.load(aggregate_id, max_sequence))

    async def delete(self, aggregate_id: bytes, below_sequence: int) -> None:
        """See the port."""
        await self._call("delete", lambda: self._snapshots.delete(aggregate_id, below_sequence))
