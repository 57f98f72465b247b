"""Checks of one shard's index against the ledgers: chunks, lists, head, watermarks.

What the index lacks must be in the tails that a new owner reads (rule 15); what it has must be in a
ledger; and a new owner must go on at the right sequence (rule 16).

The index may be written meanwhile: what it has and the ledgers have not is noted, and told by
`finish` if the ledgers still lack it when they have been read once more.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import final

import msgspec

from flightmesh.codec.entries import decode_chunk
from flightmesh.errors import CorruptData
from flightmesh.eventsourcing.record import PlacedRecord
from flightmesh.ids import AggregateId, id_bytes, id_text
from flightmesh.journal import AggregateIndex, ShardHead
from flightmesh.verification import Violation, violation
from flightmesh.verification.facts import AggregateFacts, RecordFacts, digest

INDEX = "INDEX"
_PAGE = 1_000
_NONE = AggregateFacts("", "")


class ShardTails(msgspec.Struct, frozen=True):
    """Which records of a shard a new owner reads from the ledgers.

    Attributes:
        ledgers: the ledgers that the shard's claim lists.
        watermarks: ledger → first entry that is not indexed.
        ended: ledgers that were sealed before the claim was read. Any other may get records of the
            shard, and a place in its claim, at any time.
    """

    ledgers: frozenset[int]
    watermarks: Mapping[int, int]
    ended: frozenset[int]

    def holds(self, ledger: int, entry: int) -> bool:
        """Whether that entry is read, or may have to be."""
        is_read = ledger in self.ledgers or ledger not in self.ended
        return is_read and entry >= self.watermarks.get(ledger, 0)


@final
class ShardIndexCheck:
    """Holds one shard's index against its ledgers.

    Args:
        index: the index.
        shard: the shard.
        aggregates: what the ledgers have of it; it may grow before `finish`.
        tails: what a new owner reads from the ledgers.
        heads: ledger → number of its last entry.

    Attributes:
        found: what was found.
    """

    def __init__(
        self,
        index: AggregateIndex,
        shard: int,
        aggregates: Mapping[AggregateId, AggregateFacts],
        tails: ShardTails,
        heads: Mapping[int, int],
    ) -> None:
        self._index = index
        self._shard = shard
        self._aggregates = aggregates
        self._tails = tails
        self._heads = heads
        self._head: ShardHead | None = None
        self._unknown_ids: set[AggregateId] = set()
        self._unknown: dict[tuple[AggregateId, bytes], PlacedRecord] = {}
        self.found: list[Violation] = []

    async def check_head(self) -> None:
        """The watermarks and the list of ids; reads the head.

        Raises:
            StoreUnavailable: the index cannot be read just now.
        """
        for ledger, mark in sorted(self._tails.watermarks.items()):
            if mark > self._heads.get(ledger, -1) + 1:
                self._tell(
                    "a watermark is beyond the end of its ledger", ledger=ledger, watermark=mark
                )
        self._head = await self._index.read_head(self._shard)
        listed = {AggregateId(id_text(raw)) async for raw in self._listed()}
        self._unknown_ids = listed - self._aggregates.keys()
        for aggregate_id, facts in self._aggregates.items():
            if aggregate_id not in listed and any(self._needed(facts)):
                self._tell("an aggregate is not listed", aggregate_id=aggregate_id)

    def finish(self) -> list[Violation]:
        """All that was found, now that the ledgers have been read to where the index was.

        To be called once.
        """
        self._check_sequences(self._head)
        for aggregate_id in sorted(self._unknown_ids - self._aggregates.keys()):
            self._tell("an aggregate is listed that no ledger has", aggregate_id=aggregate_id)
        for (aggregate_id, key), placed in self._unknown.items():
            if key not in self._aggregates.get(aggregate_id, _NONE).records:
                self._tell(
                    "the index has a record that no ledger has",
                    aggregate_id=aggregate_id,
                    command_id=placed.record.command_id,
                    place=f"{placed.ledger}:{placed.entry}",
                )
        return self.found

    def _check_sequences(self, head: ShardHead | None) -> None:
        ends = {
            kept.last_sequence: kept
            for facts in self._aggregates.values()
            for kept in facts.records.values()
            if kept.last_sequence
        }
        indexed = head.sequence if head is not None else 0
        if head is not None and indexed:
            kept = ends.get(indexed)
            if kept is None or (kept.ledger, kept.entry) != (head.ledger, head.entry):
                self._tell(
                    "the head names an entry that does not end at its sequence",
                    sequence=indexed,
                    place=f"{head.ledger}:{head.entry}",
                )
        in_tails = (end for end, kept in ends.items() if self._tails.holds(kept.ledger, kept.entry))
        next_owner = max(indexed, max(in_tails, default=0)) + 1
        expected = max(ends, default=0) + 1
        if next_owner != expected:
            self._tell(
                "a new owner would not go on where the ledgers end",
                sequence=next_owner,
                expected=expected,
            )

    async def records(
        self, aggregate_id: AggregateId, *, again: bool = False
    ) -> list[PlacedRecord] | None:
        """Checks an aggregate's chunks; its records, or None if not all of them could be had.

        Args:
            aggregate_id: the aggregate.
            again: only give the records; they have been checked.

        Raises:
            StoreUnavailable: the index cannot be read just now.
        """
        facts = self._aggregates.get(aggregate_id, _NONE)
        have: dict[bytes, PlacedRecord] = {}
        for data in await self._index.read_chunks(self._shard, id_bytes(aggregate_id)):
            try:
                have |= {digest(placed): placed for placed in decode_chunk(data)}
            except CorruptData as error:
                if not again:
                    self._tell("a chunk cannot be read", aggregate_id=aggregate_id, error=error)
        unknown = {key: have.pop(key) for key in have.keys() - facts.records.keys()}
        if not again:
            self._unknown |= {(aggregate_id, key): placed for key, placed in unknown.items()}
            self._tell_lost(aggregate_id, facts, have)
        have |= {digest(placed): placed for placed in facts.tail}
        return list(have.values()) if have.keys() >= facts.records.keys() else None

    def _tell_lost(
        self, aggregate_id: AggregateId, facts: AggregateFacts, have: Mapping[bytes, object]
    ) -> None:
        lost = [kept for key, kept in self._needed_items(facts) if key not in have]
        if lost:
            self._tell(
                "records are neither in the index nor in what a new owner reads",
                aggregate_id=aggregate_id,
                records=len(lost),
                first=f"{lost[0].ledger}:{lost[0].entry}",
            )

    def _needed(self, facts: AggregateFacts) -> Iterator[RecordFacts]:
        return (kept for _, kept in self._needed_items(facts))

    def _needed_items(self, facts: AggregateFacts) -> Iterator[tuple[bytes, RecordFacts]]:
        for key, kept in facts.records.items():
            if not self._tails.holds(kept.ledger, kept.entry):
                yield key, kept

    async def _listed(self) -> AsyncIterator[bytes]:
        after = b""
        while page := await self._index.list_aggregates(self._shard, None, None, after, _PAGE):
            for raw in page:
                yield raw
            after = page[-1]

    def _tell(self, what: str, **evidence: object) -> None:
        self.found.append(violation(INDEX, what, shard=self._shard, **evidence))
