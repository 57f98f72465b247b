"""The whole check of a journal, over the ports: what `flightmesh doctor` does with a data folder.

One walk over the ledgers, then shard by shard over index and snapshots. Reads claims and watermarks
before the ledgers, as a new owner does (rule 14). For a journal that nobody writes meanwhile: of
one in use, what was flushed during the walk would be told as missing in the ledgers.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, final

import msgspec

from flightmesh.eventsourcing import DomainModel
from flightmesh.ids import id_bytes
from flightmesh.journal import AggregateIndex, Claim, Claims, Journal, Snapshots
from flightmesh.ledger.reader import LedgerReader
from flightmesh.verification import Violation
from flightmesh.verification.claims import CLAIMS, SEALED, check_claims, check_sealed
from flightmesh.verification.contents import LedgerContents, walk_ledger
from flightmesh.verification.facts import JournalFacts
from flightmesh.verification.index import INDEX, ShardIndexCheck, ShardTails
from flightmesh.verification.ledgers import NumberCheck, check_segments, check_writers
from flightmesh.verification.records import RecordCheck
from flightmesh.verification.snapshots import BROKEN_SNAPSHOTS, SNAPSHOTS, check_snapshots

Progress = Callable[[str, int, int], None]
"""What is being checked, how much of it is done, and how much there is."""

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
    store: Store, domain: DomainModel, progress: Progress = lambda *_: None
) -> JournalReport:
    """Checks all that is stored.

    Raises:
        StoreUnavailable: the store cannot be read just now.
    """
    walk = _Walk(store, domain, progress)
    await walk.read_ledgers()
    await walk.read_shards()
    return walk.report()


@final
class _Walk:
    def __init__(self, store: Store, domain: DomainModel, progress: Progress) -> None:
        self._store = store
        self._domain = domain
        self._progress = progress
        self._records = RecordCheck()
        self._facts = JournalFacts(self._in_tail)
        self._claims: dict[int, Claim] = {}
        self._tails: dict[int, ShardTails] = {}
        self._ledgers: list[LedgerContents] = []
        self._entries = 0
        self._snapshots = 0
        self._found: list[Violation] = []

    def _in_tail(self, shard: int, ledger: int, entry: int) -> bool:
        tails = self._tails.get(shard)
        return tails is not None and tails.holds(ledger, entry)

    async def read_ledgers(self) -> None:
        """The walk over all entries."""
        journal = self._store.journal
        self._claims = await self._store.claims.read_claims()
        for shard, claim in self._claims.items():
            marks = await self._store.index.read_watermarks(shard)
            self._tails[shard] = ShardTails(frozenset(claim.ledgers), marks)
        directory = await journal.list_directory()
        total = sum([await LedgerReader(journal, row.ledger).find_head() + 1 for row in directory])
        for row in directory:
            contents = LedgerContents(row.ledger, row.node)
            numbers = NumberCheck(row.ledger)
            async for entry in walk_ledger(journal, row, contents):
                numbers.see(entry.number)
                self._records.see(entry)
                self._facts.see(entry)
                self._entries += 1
                self._progress("ledgers", self._entries, total)
            self._found += numbers.finish(contents) + contents.unreadable
            self._found += check_segments(contents)
            self._ledgers.append(contents)
        self._found += check_writers(self._ledgers)
        self._found += self._records.finish()
        self._found += check_claims(self._claims, self._ledgers, self._facts)
        self._found += check_sealed(self._claims, self._ledgers)

    async def read_shards(self) -> None:
        """Index and snapshots of every shard."""
        heads = {contents.ledger: contents.head for contents in self._ledgers}
        total = sum(map(len, self._facts.shards.values()))
        done = 0
        for shard in sorted(self._facts.shards.keys() | self._claims.keys()):
            aggregates = self._facts.shards.get(shard, {})
            tails = self._tails.get(shard, ShardTails(frozenset(), {}))
            check = ShardIndexCheck(self._store.index, shard, aggregates, tails, heads)
            await check.check_head()
            for aggregate_id in aggregates:
                records = await check.records(aggregate_id)
                stored = await self._store.snapshots.load(id_bytes(aggregate_id))
                self._snapshots += len(stored)
                if stored and records is not None:
                    self._found += check_snapshots(aggregate_id, stored, records, self._domain)
                done += 1
                self._progress("aggregates", done, total)
            self._found += check.found

    def report(self) -> JournalReport:
        """All checks with what was found."""
        counts = {
            "ledgers": len(self._ledgers),
            "sealed_ledgers": sum(contents.sealed for contents in self._ledgers),
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
