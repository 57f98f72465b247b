"""The whole check of a journal, over the ports: what `flightmesh doctor` does with a store.

The mesh may serve meanwhile. Nothing that is merely in motion is told, because of the order of the
reads, the same for a store at rest:

1. which ledgers have ended, then claims, then watermarks: what a new owner would start from. What
   it would not read from the ledgers is in the index from then on (rules 13, 15).
2. All ledgers, each to its head at that time; then once more what came since. All that precedes an
   entry of the first time has been read after the second, so only there a gap is a violation.
3. Claims again; index and snapshots, shard by shard.
4. Once more what came into the ledgers since. All that was found in step 3 was committed before
   (rule 13, rule 1), so what the ledgers still lack is a violation.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Final, Protocol, final

import msgspec

from flightmesh.eventsourcing import DomainModel
from flightmesh.ids import AggregateId, id_bytes
from flightmesh.journal import (
    AggregateIndex,
    Claim,
    Claims,
    DirectoryRow,
    Journal,
    SegmentState,
    Snapshots,
    StoredSnapshot,
)
from flightmesh.verification import Violation
from flightmesh.verification.claims import CLAIMS, SEALED, check_claims, check_sealed
from flightmesh.verification.contents import LedgerContents, read_rows, walk_ledger
from flightmesh.verification.facts import JournalFacts
from flightmesh.verification.index import INDEX, ShardIndexCheck, ShardTails
from flightmesh.verification.ledgers import NumberCheck, check_segments, check_writers
from flightmesh.verification.records import Place, RecordCheck
from flightmesh.verification.snapshots import BROKEN_SNAPSHOTS, SNAPSHOTS, check_snapshots

Progress = Callable[[str, int, int], None]
"""What is being checked, how much of it is done, and how much there is."""
Serving = Callable[[], Awaitable[frozenset[int] | None]]
"""Asks which sessions are registered."""

_TITLES = {
    "I1": "one writer per ledger",
    "I2": "entry numbers contiguous",
    "I3": "nothing after a seal",
    "I4": "shard sequences contiguous across ledgers",
    "I6": "each command recorded once, each aggregate's events in order",
    CLAIMS: "claims consistent with the ledgers",
    SEALED: "ledgers sealed where they should be",
    INDEX: "aggregate index equal to the ledgers",
    SNAPSHOTS: "snapshots equal to the fold",
    BROKEN_SNAPSHOTS: "snapshots readable",
}
# What is told, but breaks nothing that was promised.
_NOTICES = frozenset({SEALED, BROKEN_SNAPSHOTS})
# Aggregates that are looked at together: hides the store's latency without burdening it.
_AT_ONCE: Final = 16


class Store(Protocol):
    """The four ports of a ledger store."""

    journal: Journal
    claims: Claims
    index: AggregateIndex
    snapshots: Snapshots


class CheckResult(msgspec.Struct, frozen=True):
    """One check's result.

    Attributes:
        invariant: I1 to I7, or the name of another check.
        title: what should be.
        verdict: "ok", "notice" (told, but nothing promised is broken) or "violated".
        evidence: what was found, one violation each; empty if all is well.
    """

    invariant: str
    title: str
    verdict: str
    evidence: tuple[Violation, ...] = ()


class JournalReport(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        checks: all checks.
        counts: how much was looked at.
    """

    checks: tuple[CheckResult, ...]
    counts: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether nothing is violated."""
        return all(check.verdict != "violated" for check in self.checks)


async def check_journal(
    store: Store,
    domain: DomainModel,
    progress: Progress = lambda *_: None,
    serving: Serving | None = None,
) -> JournalReport:
    """Checks all that is stored.

    Args:
        store: the store; it may be in use.
        domain: folds events, for the snapshots.
        progress: told how far the check is.
        serving: asked, after the ledgers have been read, which sessions are registered; None where
            nobody knows.

    Raises:
        StoreUnavailable: the store cannot be read just now.
    """
    walk = _Walk(store, domain, progress)
    await walk.read_start()
    await walk.read_ledgers()
    await walk.read_shards()
    await walk.read_end()
    walk.judge(None if serving is None else await serving())
    return walk.report()


@final
class _LedgerWalk:
    """One ledger: what was read of it, and its checks."""

    def __init__(self, row: DirectoryRow) -> None:
        self.row = row
        self.contents = LedgerContents(row.ledger, row.node)
        self.numbers = NumberCheck(row.ledger)

    def finish(self) -> list[Violation]:
        """What was wrong with it."""
        found = self.numbers.finish(self.contents) + self.contents.unreadable
        return [*found, *check_segments(self.contents)]


class _Suspect(msgspec.Struct, frozen=True):
    """An aggregate whose snapshots have to be looked at again."""

    check: ShardIndexCheck
    aggregate_id: AggregateId
    stored: Sequence[StoredSnapshot]


@final
class _Walk:
    def __init__(self, store: Store, domain: DomainModel, progress: Progress) -> None:
        self._store = store
        self._domain = domain
        self._progress = progress
        self._records = RecordCheck()
        self._facts = JournalFacts(self._in_tail)
        self._ended: frozenset[int] = frozenset()
        self._claims: dict[int, Claim] = {}
        # As it was before the claims were read.
        self._shards_of_ledgers: dict[int, frozenset[int]] = {}
        self._tails: dict[int, ShardTails] = {}
        self._ledgers: dict[int, _LedgerWalk] = {}
        self._heads: dict[int, int] = {}
        # Heads when all ledgers had been read once.
        self._settled: dict[int, int] = {}
        self._shards: list[ShardIndexCheck] = []
        self._suspects: list[_Suspect] = []
        self._entries = 0
        self._expected = 0
        self._snapshots = 0
        self._found: list[Violation] = []

    def _in_tail(self, shard: int, ledger: int, entry: int) -> bool:
        return self._tails_of(shard).holds(ledger, entry)

    def _tails_of(self, shard: int) -> ShardTails:
        tails = self._tails.get(shard)
        if tails is None:
            tails = self._tails[shard] = ShardTails(frozenset(), {}, self._ended)
        return tails

    async def read_start(self) -> None:
        """Step 1."""
        journal = self._store.journal
        ended = set()
        for row in await journal.list_directory():
            rows = await read_rows(journal, row.ledger)
            if rows:
                self._expected += rows[-1].head + 1
            if rows and rows[-1].state is SegmentState.SEALED:
                ended.add(row.ledger)
        self._ended = frozenset(ended)
        for shard, claim in (await self._store.claims.read_claims()).items():
            marks = await self._store.index.read_watermarks(shard)
            self._tails[shard] = ShardTails(frozenset(claim.ledgers), marks, self._ended)

    async def read_ledgers(self) -> None:
        """Step 2."""
        await self._go_on()
        self._settled = dict(self._heads)
        await self._go_on()

    async def _go_on(self) -> None:
        """Reads what came into the ledgers since, and ledgers that are new."""
        for row in await self._store.journal.list_directory():
            walk = self._ledgers.setdefault(row.ledger, _LedgerWalk(row))
            if walk.contents.sealed:
                continue
            async for entry in walk_ledger(self._store.journal, row, walk.contents):
                walk.numbers.see(entry.number)
                self._records.see(entry)
                self._facts.see(entry)
                self._entries += 1
                self._progress("ledgers", self._entries, max(self._entries, self._expected))
            self._heads[row.ledger] = walk.contents.head

    async def read_shards(self) -> None:
        """Step 3."""
        self._shards_of_ledgers = {
            ledger: frozenset(shards) for ledger, shards in self._facts.shards_of_ledgers.items()
        }
        self._claims = await self._store.claims.read_claims()
        total = sum(map(len, self._facts.shards.values()))
        done = 0
        for shard in sorted(self._facts.shards.keys() | self._claims.keys()):
            aggregates = self._facts.shards.setdefault(shard, {})
            check = ShardIndexCheck(
                self._store.index, shard, aggregates, self._tails_of(shard), self._heads
            )
            self._shards.append(check)
            await check.check_head()
            waiting = iter(list(aggregates))
            while together := list(islice(waiting, _AT_ONCE)):
                looks = (self._look_at(check, aggregate_id) for aggregate_id in together)
                # All of them are waited for, also when one has failed.
                for outcome in await asyncio.gather(*looks, return_exceptions=True):
                    if outcome is not None:
                        raise outcome
                done += len(together)
                self._progress("aggregates", done, total)

    async def _look_at(self, check: ShardIndexCheck, aggregate_id: AggregateId) -> None:
        # Snapshots first: what they are made of is in the index or in the ledgers by then.
        stored = await self._store.snapshots.load(id_bytes(aggregate_id))
        records = await check.records(aggregate_id)
        self._snapshots += len(stored)
        if not stored:
            return
        if records is None or any(check_snapshots(aggregate_id, stored, records, self._domain)):
            self._suspects.append(_Suspect(check, aggregate_id, stored))

    async def read_end(self) -> None:
        """Step 4."""
        await self._go_on()
        for suspect in self._suspects:
            records = await suspect.check.records(suspect.aggregate_id, again=True)
            if records is not None:
                self._found += check_snapshots(
                    suspect.aggregate_id, suspect.stored, records, self._domain
                )

    def judge(self, serving: frozenset[int] | None) -> None:
        """What can be said of the whole."""
        for check in self._shards:
            self._found += check.finish()
        for walk in self._ledgers.values():
            self._found += walk.finish()
        ledgers = self._contents()
        self._found += check_writers(ledgers)
        self._found += self._records.finish(self._is_settled)
        self._found += check_claims(self._claims, ledgers, self._facts, self._shards_of_ledgers)
        self._found += check_sealed(self._claims, ledgers, serving)

    def _is_settled(self, place: Place) -> bool:
        ledger, entry = place
        return entry <= self._settled.get(ledger, -1)

    def _contents(self) -> list[LedgerContents]:
        return [self._ledgers[ledger].contents for ledger in sorted(self._ledgers)]

    def report(self) -> JournalReport:
        """All checks with what was found."""
        ledgers = self._contents()
        counts = {
            "ledgers": len(ledgers),
            "sealed_ledgers": sum(contents.sealed for contents in ledgers),
            "entries": self._entries,
            "records": self._records.records,
            "events": self._records.events,
            "shards": len(self._claims),
            "aggregates": sum(map(len, self._facts.shards.values())),
            "snapshots": self._snapshots,
        }
        return JournalReport(tuple(check_results(self._found)), counts)


def check_results(found: Sequence[Violation]) -> list[CheckResult]:
    """One result per check, in their order."""
    results = []
    for invariant, title in _TITLES.items():
        evidence = tuple(each for each in found if each.invariant == invariant)
        bad = "notice" if invariant in _NOTICES else "violated"
        results.append(CheckResult(invariant, title, bad if evidence else "ok", evidence))
    return results
