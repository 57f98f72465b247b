"""Puts records in the order of their shards and says how far the reader has come. Pure.

Rule 24: no order of ledgers is an order of events. A shard may be written in ledger 71, then 74,
then 71 again. So records are applied by shard sequence and what comes early is held; an entry
counts in the position only when all its events are applied.
"""

from collections.abc import Callable, Sequence
from typing import final

from flightmesh.errors import ProtocolViolation
from read_node.projection import StoredRecord

NOTHING = -1


@final
class LedgerProgress:
    """How far one ledger is read and applied.

    Attributes:
        next: number of the next entry to read.
        finished: whether the ledger is sealed and read to its end.
        applied: number of the last entry up to which all events are applied; NOTHING at first.
        held: number of records held back, by entry.
    """

    __slots__ = ("applied", "finished", "held", "next")

    def __init__(self) -> None:
        self.next = 0
        self.finished = False
        self.applied = NOTHING
        self.held: dict[int, int] = {}

    def count_applied(self) -> None:
        """Brings `applied` up to date with `next` and `held`."""
        self.applied = min(self.held) - 1 if self.held else self.next - 1


@final
class Sequencer:
    """Applies records in shard order.

    Args:
        apply: applies a record and returns the number of its events.

    Attributes:
        ledgers: progress by ledger.
        held: number of records held back.
    """

    def __init__(self, apply: Callable[[StoredRecord], int]) -> None:
        self.ledgers: dict[int, LedgerProgress] = {}
        self.held = 0
        self._apply = apply
        self._next: dict[int, int] = {}
        # Held records by shard and first shard sequence, each with its ledger and entry.
        self._waiting: dict[int, dict[int, tuple[StoredRecord, LedgerProgress, int]]] = {}

    def ledger(self, ledger: int) -> LedgerProgress:
        """The progress of a ledger, which is known from now on."""
        progress = self.ledgers.get(ledger)
        if progress is None:
            progress = self.ledgers[ledger] = LedgerProgress()
        return progress

    def shards(self) -> dict[int, int]:
        """The shard sequence that each shard goes on with, copied."""
        return dict(self._next)

    def held_records(self) -> list[tuple[int, int, StoredRecord]]:
        """The records held back, each with its ledger and entry."""
        names = {id(progress): ledger for ledger, progress in self.ledgers.items()}
        return [
            (names[id(progress)], number, record)
            for queue in self._waiting.values()
            for record, progress, number in queue.values()
        ]

    def load(self, shards: dict[int, int], held: Sequence[tuple[int, int, StoredRecord]]) -> None:
        """Goes on where `shards` and `held_records` were taken; must be new.

        `ledgers` says already how far each of them was read.
        """
        self._next.update(shards)
        for ledger, number, record in held:
            self._hold(self.ledgers[ledger], number, record)
        for progress in self.ledgers.values():
            progress.count_applied()

    def accept(self, progress: LedgerProgress, records: Sequence[StoredRecord]) -> None:
        """Takes over the records of the ledger's next entry.

        Raises:
            ProtocolViolation: a shard sequence comes a second time.
        """
        number = progress.next
        following, waiting = self._next, self._waiting
        for record in records:
            first = record.first_shard_sequence
            if not first:
                continue  # a refusal, or no effect
            shard = record.shard
            expected = following.get(shard, 1)
            if first == expected:
                following[shard] = first + self._apply(record)
                if shard in waiting:
                    self._release(shard)
            elif first > expected:
                self._hold(progress, number, record)
            else:
                raise ProtocolViolation(
                    f"shard {shard} sequence {first} comes again, {expected} is next"
                )
        progress.next = number + 1
        progress.applied = min(progress.held) - 1 if progress.held else number

    def _hold(self, progress: LedgerProgress, number: int, record: StoredRecord) -> None:
        queue = self._waiting.setdefault(record.shard, {})
        if record.first_shard_sequence in queue:
            raise ProtocolViolation(
                f"shard {record.shard} sequence {record.first_shard_sequence} comes twice"
            )
        queue[record.first_shard_sequence] = record, progress, number
        progress.held[number] = progress.held.get(number, 0) + 1
        self.held += 1

    def _release(self, shard: int) -> None:
        queue = self._waiting[shard]
        while (found := queue.pop(self._next[shard], None)) is not None:
            record, progress, number = found
            self._next[shard] += self._apply(record)
            self.held -= 1
            progress.held[number] -= 1
            if not progress.held[number]:
                del progress.held[number]
                progress.count_applied()
        if not queue:
            del self._waiting[shard]
