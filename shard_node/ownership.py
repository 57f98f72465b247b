"""Claims of one session: taking shards and giving them back (rules 1, 5-8).

Changes run one at a time. An answer may be lost and every question repeated, so each is answered by
what is so, not by what was just done.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import final

from flightmesh.clock import Clock
from flightmesh.errors import OutcomeUnknown, Refused, SessionFenced, StoreUnavailable
from flightmesh.eventsourcing import DomainModel
from flightmesh.journal import Claim, ClaimChange, Claims
from flightmesh.ledger.persistence import Backoff
from flightmesh.runtime.logs import fields
from shard_node.counters import ShardNodeCounters
from shard_node.entry_queue import EntryQueue
from shard_node.sealed_ledgers import SealedLedgers
from shard_node.slot import ShardSlot, SlotStatus

_log = logging.getLogger(__name__)

ShardEpoch = tuple[int, int]

_BACKOFF = Backoff()


@final
class Ownership:
    """The shards of a session.

    Args:
        claims: who owns which shard.
        seals: which sessions' ledgers are sealed.
        queue: the session's entries.
        domain: the domain.
        clock: for pauses while the store cannot be reached.
        counters: counts claims.
        recover: recovers shards in the background.

    Attributes:
        slots: the shards held, by number.
    """

    def __init__(
        self,
        claims: Claims,
        seals: SealedLedgers,
        queue: EntryQueue,
        domain: DomainModel,
        *,
        clock: Clock,
        counters: ShardNodeCounters,
        recover: Callable[[Sequence[ShardSlot]], None],
    ) -> None:
        self.slots: dict[int, ShardSlot] = {}
        self._claims = claims
        self._seals = seals
        self._queue = queue
        self._domain = domain
        self._clock = clock
        self._counters = counters
        self._recover = recover
        self._released: dict[int, int] = {}
        self._lock = asyncio.Lock()
        self._over = False

    @property
    def owned(self) -> list[ShardEpoch]:
        """The shards that are served or being recovered, with their epochs."""
        return [
            (slot.shard, slot.epoch)
            for slot in self.slots.values()
            if slot.status in (SlotStatus.ACTIVE, SlotStatus.RECOVERING)
        ]

    @property
    def served(self) -> list[tuple[int, int, int]]:
        """The shards that take commands: number, epoch, sequence of the newest committed event."""
        return [
            (slot.shard, slot.epoch, slot.head.sequence if slot.head else 0)
            for slot in self.slots.values()
            if slot.status is SlotStatus.ACTIVE
        ]

    def _check_session(self, session: int) -> None:
        if self._over:
            raise SessionFenced(f"session {self._queue.ledger} is over")
        if session != self._queue.ledger:
            raise Refused(
                "SESSION_MISMATCH",
                f"session {session} was meant, this is {self._queue.ledger}",
                {"session": str(self._queue.ledger)},
            )

    # --- assign -----------------------------------------------------------------------------

    async def assign(
        self, session: int, shards: Sequence[ShardEpoch]
    ) -> tuple[list[ShardEpoch], list[tuple[int, int]]]:
        """Claims shards and begins to recover them.

        Returns:
            The shards of the question that are held now, and those blocked with their holder.

        Raises:
            Refused: another session is meant.
            SessionFenced: the session is over.
        """
        self._check_session(session)
        blocked: dict[int, int] = {}
        async with self._lock:
            self._check_session(session)
            # Rule 5: a release cannot be taken back, only a higher epoch gives the shard again.
            wanted = [(s, e) for s, e in shards if e > self._released.get(s, 0)]
            new = self._take_epochs(wanted)
            if new:
                blocked = await self._claim(new)
        held = [
            (shard, self.slots[shard].epoch)
            for shard, _ in wanted
            if shard in self.slots and self.slots[shard].status is not SlotStatus.DRAINING
        ]
        return held, list(blocked.items())

    def _take_epochs(self, wanted: Iterable[ShardEpoch]) -> dict[int, int]:
        """Notes higher epochs of shards that are held; returns the others."""
        new = {}
        for shard, epoch in wanted:
            slot = self.slots.get(shard)
            if slot is None:
                new[shard] = epoch
            else:
                slot.epoch = max(slot.epoch, epoch)
        return new

    async def _claim(self, wanted: dict[int, int]) -> dict[int, int]:
        """Moves claims to this session; returns the shards that others hold."""
        me = self._queue.ledger
        while True:
            present = await self._read_claims()
            holders = {c.holder for s, c in present.items() if s in wanted}
            sealed = await self._seals.among(holders - {me})
            changes, blocked = [], {}
            for shard in wanted:
                claim = present.get(shard)
                if claim is None:
                    changes.append(ClaimChange(None, Claim(shard, me, 1, False, (me,))))
                elif claim.holder == me or claim.released or claim.holder in sealed:
                    ledgers = tuple(sorted({*claim.ledgers, me}))
                    taken = Claim(shard, me, claim.generation + 1, False, ledgers)
                    changes.append(ClaimChange(claim, taken))
                else:
                    blocked[shard] = claim.holder
            if not changes or await self._change(changes):
                break
        self._begin([change.new for change in changes], wanted)
        return blocked

    def _begin(self, claims: Sequence[Claim], epochs: dict[int, int]) -> None:
        if self._over:
            return
        now_s = self._clock.monotonic_s()
        slots = [ShardSlot(c.shard, epochs[c.shard], c, self._domain, now_s) for c in claims]
        self.slots.update((slot.shard, slot) for slot in slots)
        if slots:
            self._tell("shards claimed", slots)
            self._counters.taken += len(slots)
            self._recover(slots)

    # --- release ----------------------------------------------------------------------------

    async def release(self, session: int, shards: Sequence[ShardEpoch]) -> list[ShardEpoch]:
        """Gives shards back; returns those that are released, or are not held and will not be.

        Raises:
            Refused: another session is meant.
            SessionFenced: the session is over.
        """
        self._check_session(session)
        ending = [(s, e) for s, e in shards if s not in self.slots or self.slots[s].epoch <= e]
        for shard, epoch in ending:
            # Rule 5, also for a shard whose assignment is still under way.
            self._released[shard] = max(epoch, self._released.get(shard, 0))
        async with self._lock:
            self._check_session(session)
            slots = [self.slots[s] for s, e in ending if self._is_ending(s, e)]
            if slots:
                await self._give_back(slots)
        return [(s, e) for s, e in ending if s not in self.slots]

    def _is_ending(self, shard: int, epoch: int) -> bool:
        slot = self.slots.get(shard)
        return slot is not None and slot.epoch <= epoch

    async def _give_back(self, slots: Sequence[ShardSlot]) -> None:
        for slot in slots:
            slot.status = SlotStatus.DRAINING
        # Rule 6: the entry in flight and the ones gathering. No record of these shards is decided
        # any more, so their newest entry is the last one.
        await self._queue.wait_committed(max(slot.last_entry for slot in slots))
        while not await self._change(
            [ClaimChange(slot.claim, replace(slot.claim, released=True)) for slot in slots]
        ):
            present = await self._read_claims()
            lost = [s for s in slots if _holder(present, s.shard) != self._queue.ledger]
            if lost:
                # Only a sealed session can lose a claim: the next append will say so.
                slots = [slot for slot in slots if slot not in lost]
                self._tell("shards lost to another session", lost)
                self._drop(lost)
                if not slots:
                    return
            for slot in slots:
                slot.claim = present[slot.shard]
        self._tell("shards released", slots)
        self._counters.released += len(slots)
        self._drop(slots)

    def _tell(self, what: str, slots: Iterable[ShardSlot]) -> None:
        shards = [(slot.shard, slot.epoch) for slot in slots]
        _log.info(what, extra=fields(session=self._queue.ledger, shards=shards))

    def _drop(self, slots: Iterable[ShardSlot]) -> None:
        for slot in slots:
            # Rule 7: nothing is kept; on return the shard is recovered again.
            slot.status = SlotStatus.GONE
            # The session may have ended meanwhile, and with it all its slots.
            if self.slots.get(slot.shard) is slot:
                del self.slots[slot.shard]

    # --- ledgers that are wholly indexed ------------------------------------------------------

    async def trim(self) -> int:
        """Takes wholly indexed, sealed ledgers out of the claims; returns how many claims changed.

        Call it after a flush that wrote the slots' watermarks.
        """
        async with self._lock:
            changes: list[tuple[ShardSlot, Claim]] = []
            for slot in self.slots.values():
                if slot.status is SlotStatus.ACTIVE and slot.sealed and not slot.watermarks:
                    kept = tuple(n for n in slot.claim.ledgers if n not in slot.sealed)
                    changes.append((slot, replace(slot.claim, ledgers=kept)))
            if not changes or not await self._change(
                [ClaimChange(slot.claim, claim) for slot, claim in changes]
            ):
                return 0
            for slot, claim in changes:
                slot.claim = claim
                slot.sealed.clear()
            return len(changes)

    async def find_sealed(self) -> None:
        """Notes which of the others' ledgers have been sealed since they were read.

        Raises:
            StoreUnavailable, OutcomeUnknown: the store cannot be read just now.
        """
        slots = list(self.slots.values())
        listed = {ledger for slot in slots for ledger in slot.claim.ledgers}
        sealed = await self._seals.among(listed - {self._queue.ledger})
        for slot in slots:
            # All of this shard in them was read at recovery: their sessions had given it up.
            slot.sealed |= sealed.intersection(slot.claim.ledgers)

    # --- the end ----------------------------------------------------------------------------

    def fence(self) -> None:
        """Drops everything: the session is over."""
        self._over = True
        self._drop(list(self.slots.values()))

    # --- the store --------------------------------------------------------------------------

    async def _read_claims(self) -> dict[int, Claim]:
        pause_s = _BACKOFF.first_s
        while True:
            try:
                return await self._claims.read_claims()
            except (StoreUnavailable, OutcomeUnknown):
                await self._clock.sleep(pause_s)
                pause_s = _BACKOFF.after(pause_s)

    async def _change(self, changes: Sequence[ClaimChange]) -> bool:
        """Whether the changes are in; what is not known is found out by reading (rule 1)."""
        pause_s = _BACKOFF.first_s
        while True:
            try:
                if await self._claims.change_claims(changes):
                    return True
            except (StoreUnavailable, OutcomeUnknown):
                await self._clock.sleep(pause_s)
                pause_s = _BACKOFF.after(pause_s)
                continue
            # Refused, perhaps because an earlier try is in.
            present = await self._read_claims()
            return all(present.get(change.new.shard) == change.new for change in changes)


def _holder(present: dict[int, Claim], shard: int) -> int:
    claim = present.get(shard)
    return 0 if claim is None or claim.released else claim.holder
