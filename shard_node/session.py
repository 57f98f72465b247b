"""One session: a ledger and everything that lives and dies with it.

A session ends when its ledger is sealed (it is fenced) or when its node stops. Nothing of it is
used afterwards: completions hold this object, so an old one's cannot touch the new (rule 10).
"""

import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, final

from flightmesh.clock import Clock
from flightmesh.errors import (
    CorruptData,
    OutcomeUnknown,
    ProtocolViolation,
    SessionFenced,
    ShardMoving,
    StoreUnavailable,
)
from flightmesh.event_bus import EventBus, LedgerHeartbeat, PublishedEntry
from flightmesh.eventsourcing import DomainModel
from flightmesh.eventsourcing.cell import AggregateCell, rebuild
from flightmesh.eventsourcing.record import PlacedRecord
from flightmesh.ids import AggregateId
from flightmesh.journal import AggregateIndex, Claims, Journal, Snapshots
from flightmesh.runtime.logs import fields
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.runtime.trouble import Trouble
from shard_node.aggregate_loader import AggregateLoader
from shard_node.config import ShardNodeConfig
from shard_node.counters import ShardNodeCounters
from shard_node.entry_queue import EntryQueue, EntryWriter, OpenEntry
from shard_node.index_flusher import IndexFlusher, flush_quietly
from shard_node.intake import Intake
from shard_node.ownership import Ownership
from shard_node.passivation import passivate
from shard_node.recovery import ShardRecovery
from shard_node.replies import ReplyEncoder
from shard_node.scope_directory import CONFIRMED_S, ScopeDirectory
from shard_node.sealed_ledgers import SealedLedgers
from shard_node.slot import ShardSlot, SlotStatus, Task

_log = logging.getLogger(__name__)

_TRIM_EVERY_S = 10.0
# Pause before what was damaged is read again: a person may have mended it.
_DAMAGED_S = 60.0


class SessionPorts:
    """What a session is wired to.

    Args:
        journal: the ledgers.
        claims: who owns which shard.
        index: the aggregate index.
        snapshots: saved states.
        bus: where committed entries are published.
        domain: the domain.
        replies: writes replies.
        scope_type: type of scope aggregates.
        exists: whether the state of a scope aggregate lets its scope be used.
        ask_scope: asks the owner elsewhere for the committed state of a scope, in so many seconds.
        clock: source of time.
        counters: where it counts; none of the others' if not given.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        claims: Claims,
        index: AggregateIndex,
        snapshots: Snapshots,
        bus: EventBus,
        domain: DomainModel,
        replies: ReplyEncoder,
        scope_type: str,
        exists: Callable[[Any], bool],
        ask_scope: Callable[[str, float], Awaitable[Any]],
        clock: Clock,
        counters: ShardNodeCounters | None = None,
    ) -> None:
        self.journal = journal
        self.claims = claims
        self.index = index
        self.snapshots = snapshots
        self.bus = bus
        self.domain = domain
        self.replies = replies
        self.scope_type = scope_type
        self.exists = exists
        self.ask_scope = ask_scope
        self.clock = clock
        self.counters = ShardNodeCounters() if counters is None else counters


@final
class Session:
    """A session from the birth of its ledger to its end.

    Args:
        writer: the ledger's writer.
        ports: see SessionPorts.
        config: settings of the node.
        shard_of: shard of an aggregate.
        on_end: told once when the session is fenced or fails.

    Attributes:
        queue: entries on their way.
        ownership: the shards.
        failed: whether it ended by a failure of its own, not by being fenced.
    """

    def __init__(
        self,
        writer: EntryWriter,
        ports: SessionPorts,
        config: ShardNodeConfig,
        shard_of: Callable[[str], int],
        on_end: Callable[["Session"], None],
    ) -> None:
        self._ports = ports
        self._config = config
        self._shard_of = shard_of
        self._on_end = on_end
        self._ended = False
        self.failed = False
        self._tasks = TaskOwner(f"session-{writer.ledger}", self._fail)
        self._parked = TaskOwner(f"session-{writer.ledger}-commands", self._fail)
        self.queue = EntryQueue(
            writer,
            ports.clock,
            max_commands=config.entry_commands,
            max_bytes=config.entry_bytes,
            max_queued=config.queued_commands,
            max_pause_s=config.gather_s,
        )
        self._seals = SealedLedgers(ports.journal)
        # Of its own, so that it never waits for the others' ledgers.
        self._own_seal = SealedLedgers(ports.journal)
        self._unsealed_s = -math.inf
        self._recovery = ShardRecovery(ports.journal, ports.index, writer.ledger, ports.clock)
        self.ownership = Ownership(
            ports.claims,
            self._seals,
            self.queue,
            ports.domain,
            clock=ports.clock,
            counters=ports.counters,
            recover=self._recover,
        )
        self._loader = AggregateLoader(
            ports.index,
            ports.snapshots,
            ports.domain,
            snapshot_every=config.snapshot_every,
            concurrent=config.concurrent_loads,
        )
        self._scopes = ScopeDirectory(self._ask_scope, ports.exists, ports.clock, self._parked)
        self._intake = Intake(
            ports.domain,
            self.queue,
            self._loader,
            self._scopes,
            ports.replies,
            clock=ports.clock,
            tasks=self._parked,
            counters=ports.counters,
            max_parked=config.queued_commands,
        )
        self.flusher = IndexFlusher(
            ports.index,
            ports.snapshots,
            ports.domain,
            self.queue,
            self.ownership,
            idle_lag=config.idle_watermark_entries,
            snapshot_every=config.snapshot_every,
        )
        self._index_trouble = Trouble(
            _log, "the aggregate index lags behind", ports.clock.monotonic_s
        )

    @property
    def id(self) -> int:
        """The session's number, which is its ledger's."""
        return self.queue.ledger

    @property
    def ended(self) -> bool:
        """Whether the session is over."""
        return self._ended

    @property
    def parked(self) -> int:
        """Commands that wait for their aggregate or its scope."""
        return self._intake.parked

    # --- life -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to write, publish and flush."""
        if self._ports.counters.flushed_at_s is None:
            # The index lacks nothing of a node that has not committed anything yet.
            self._ports.counters.flushed_at_s = self._ports.clock.monotonic_s()
        self._tasks.start(self._write(), "write")
        self._tasks.start(self._beat(), "heartbeat")
        self._tasks.start(self._watch_seal(), "seal")
        self._tasks.start(self._follow(), "index")

    async def _write(self) -> None:
        try:
            await self.queue.run(self)
        except SessionFenced as error:
            self.fence(error)

    async def _beat(self) -> None:
        while True:
            await self._ports.bus.publish(LedgerHeartbeat(self.id, self.queue.head))
            self._ports.counters.dropped += passivate(
                self.ownership.slots.values(),
                now_s=self._ports.clock.monotonic_s(),
                committed=self.queue.head,
                config=self._config,
            )
            await self._ports.clock.sleep(self._config.heartbeat_s)

    async def _watch_seal(self) -> None:
        """Finds out that the ledger was sealed though nothing is being written (rule 10)."""
        head = self.queue.head
        while True:
            await self._ports.clock.sleep(self._config.heartbeat_s)
            # A session that writes learns it from its appends.
            idle = not self.queue.queued and self.queue.head == head
            head = self.queue.head
            if idle and await self._is_known_sealed():
                self.fence(SessionFenced(f"ledger {self.id} was sealed"))
                return

    async def _is_sealed(self) -> bool:
        began_s = self._ports.clock.monotonic_s()
        if await self._own_seal.among((self.id,)):
            return True
        self._unsealed_s = max(self._unsealed_s, began_s)
        return False

    async def _is_known_sealed(self) -> bool:
        try:
            return await self._is_sealed()
        except (StoreUnavailable, OutcomeUnknown):
            return False

    async def _follow(self) -> None:
        clock, config = self._ports.clock, self._config
        trimmed_s = clock.monotonic_s()
        while True:
            await clock.sleep(config.flush_s)
            await self._flush()
            self.queue.paused = self.flusher.backlog > config.unindexed_records
            now_s = clock.monotonic_s()
            if now_s - trimmed_s >= _TRIM_EVERY_S:
                trimmed_s = now_s
                # A store that does not answer is no failure, the next round tries again.
                with contextlib.suppress(StoreUnavailable, OutcomeUnknown):
                    await self.ownership.find_sealed()
            await self.ownership.trim()

    def _recover(self, slots: Sequence[ShardSlot]) -> None:
        self._tasks.start(self._recover_or_end(slots), "recover")

    async def _recover_or_end(self, slots: Sequence[ShardSlot]) -> None:
        try:
            began_s = self._ports.clock.monotonic_s()
            await self._recovery.recover(slots)
            seconds = self._ports.clock.monotonic_s() - began_s
            shards = [(slot.shard, slot.epoch) for slot in slots]
            named = fields(session=self.id, shards=shards, seconds=round(seconds, 6))
            _log.info("shards recovered", extra=named)
        except CorruptData as error:
            await self._recover_apart(slots, error)
        except ProtocolViolation as error:
            # One that was deposed meanwhile reads a part of what its heirs have written.
            if not await self._is_known_sealed():
                raise
            self.fence(SessionFenced(f"ledger {self.id} was sealed: {error}"))

    async def _recover_apart(self, slots: Sequence[ShardSlot], error: CorruptData) -> None:
        """Recovers one by one what cannot be recovered together.

        What cannot be read holds up its own shards and no others: a session that ended by it would
        lose all of its shards, and so would, one after another, each node that they are given to.
        """
        if len(slots) == 1:
            (slot,) = slots
            named = fields(session=self.id, shard=slot.shard, epoch=slot.epoch)
            _log.error("shard cannot be recovered", exc_info=error, extra=named)
            await self._ports.clock.sleep(_DAMAGED_S)
        for slot in slots:
            if slot.status is SlotStatus.RECOVERING:
                self._recover([slot])

    def _fail(self, error: BaseException) -> None:
        """A task of the session failed: end the session rather than go on in part."""
        self.failed = not self._ended or self.failed
        self.fence(SessionFenced(f"the session failed: {error}"))

    def fence(self, error: SessionFenced) -> None:
        """Drops all speculative state and tells the callers to retry with the same id."""
        if self._ended:
            return
        self._ended = True
        shards = [(slot.shard, slot.epoch) for slot in self.ownership.slots.values()]
        named = fields(session=self.id, ledger=self.id, entry=self.queue.head, shards=shards)
        _log.warning("session over: %s", error, extra=named)
        self._drop(error)
        self._on_end(self)

    def _drop(self, error: SessionFenced) -> None:
        self._ports.counters.answered(error, self.queue.queued)
        self._intake.abandon(self.ownership.slots.values(), error)
        self.ownership.fence()
        self.queue.abandon(error)

    async def stop(self) -> None:
        """Ends the session: what is decided is still written, then all tasks end."""
        if not self._ended:
            await self._finish()
        self._ended = True
        await self._tasks.stop()
        self._drop(SessionFenced(f"session {self.id} has stopped"))
        await self._parked.stop()

    async def _finish(self) -> None:
        for slot in self.ownership.slots.values():
            slot.status = SlotStatus.DRAINING
        with contextlib.suppress(SessionFenced):  # its callers have been told
            await self.queue.wait_committed(self.queue.newest)
            await self._flush()

    async def _flush(self) -> None:
        clock, counters = self._ports.clock, self._ports.counters
        began_s = clock.monotonic_s()
        if await flush_quietly(self.flusher, self._index_trouble):
            counters.flushed_at_s = began_s
            counters.flushes_s.observe(clock.monotonic_s() - began_s)
        else:
            counters.flush_failures += 1

    # --- commands ---------------------------------------------------------------------------

    def slot(self, shard: int) -> ShardSlot | None:
        """The shard, if the session holds it."""
        return self.ownership.slots.get(shard)

    def take(self, slot: ShardSlot, task: Task) -> None:
        """Takes a command for a shard of this session; its batch gets the result some time."""
        self._intake.take(slot, task)

    def entry_committed(self, entry: OpenEntry, committed_at_us: int) -> None:
        """Called by the queue."""
        self._intake.answer_entry(entry, committed_at_us)

    async def entry_answered(self, number: int, data: bytes) -> None:
        """Called by the queue: publishes, which is a hint and may be lost (rule 22: after)."""
        await self._ports.bus.publish(PublishedEntry(self.id, number, data))

    # --- questions --------------------------------------------------------------------------

    async def committed_state(self, slot: ShardSlot, aggregate_id: AggregateId) -> AggregateCell:
        """The aggregate with committed events only, to be read at once and not kept.

        A session that was fenced without knowing it yet may answer from before its end.

        Raises:
            ShardMoving, SessionFenced, StoreError.
        """
        self._check(slot)
        await self._intake.settled(slot, aggregate_id)
        cell = await self._intake.cell(slot, aggregate_id)
        if cell.last_entry > self.queue.head:
            await self.queue.wait_committed(cell.last_entry)
        self._check(slot)
        is_kept = slot.memory.cells.get(aggregate_id) is cell
        if is_kept and cell.last_entry <= self.queue.head:
            return cell
        # It is never without uncommitted events just now, or was dropped half changed by a command
        # that failed: fold what is committed.
        return await self.past_state(slot, aggregate_id, None)

    async def scope_cell(self, slot: ShardSlot, aggregate_id: AggregateId) -> AggregateCell:
        """A scope aggregate as `committed_state` gives it, for those who rely on it elsewhere.

        The ledger was not sealed yet CONFIRMED_S before the question came, so nobody else can have
        changed the scope until then; where it does not exist, not until the question came.

        Raises:
            ShardMoving, SessionFenced, StoreError.
        """
        asked_s = self._ports.clock.monotonic_s()
        await self._confirm(asked_s - CONFIRMED_S)
        cell = await self.committed_state(slot, aggregate_id)
        if cell.state is not None and self._ports.exists(cell.state):
            return cell
        await self._confirm(asked_s)
        # Once more: the cell may have changed meanwhile.
        return await self.committed_state(slot, aggregate_id)

    async def _confirm(self, since_s: float) -> None:
        """Makes sure that the ledger was not sealed yet at that time."""
        if max(self.queue.appended_s, self._unsealed_s) < since_s and await self._is_sealed():
            error = SessionFenced(f"ledger {self.id} was sealed")
            self.fence(error)
            raise error

    async def history(self, slot: ShardSlot, aggregate_id: AggregateId) -> list[PlacedRecord]:
        """The aggregate's committed records in order; raises as `committed_state` does."""
        self._check(slot)
        records = await self._loader.records(slot, aggregate_id)
        self._check(slot)
        return records

    async def aggregate_ids(
        self, slot: ShardSlot, scope: str | None, aggregate_type: str, after: str, limit: int
    ) -> list[AggregateId]:
        """Ids of a shard's aggregates, ascending from `after`; raises as `committed_state` does."""
        self._check(slot)
        ids = await self._loader.ids(slot, scope, aggregate_type, after, limit)
        self._check(slot)
        return ids

    async def past_state(
        self, slot: ShardSlot, aggregate_id: AggregateId, sequence: int | None
    ) -> AggregateCell:
        """The aggregate after the event of that sequence; raises as `committed_state` does."""
        records = await self.history(slot, aggregate_id)
        return rebuild(aggregate_id, records, self._ports.domain, committed_to=sequence)

    def _check(self, slot: ShardSlot) -> None:
        if slot.status is not SlotStatus.ACTIVE:
            raise ShardMoving(slot.shard, slot.epoch)

    async def scope_state(self, scope: str) -> Any:
        """The committed state of a scope, from its owner.

        Raises:
            FlightmeshError: the owner cannot be reached.
        """
        now_s = self._ports.clock.monotonic_s()
        state = self._scopes.now(scope, now_s, firm=False)
        return await self._scopes.find(scope, now_s, firm=False) if state is None else state

    # --- scopes -----------------------------------------------------------------------------

    async def _ask_scope(self, scope: str, timeout_s: float) -> Any:
        scope_id = self._ports.domain.scope_aggregate(scope)
        assert scope_id is not None
        slot = self.slot(self._shard_of(scope_id))
        if slot is None or slot.status is not SlotStatus.ACTIVE:
            return await self._ports.ask_scope(scope, timeout_s)
        cell = await self.committed_state(slot, scope_id)
        if cell.state is None:
            return self._ports.domain.initial(self._ports.scope_type)
        return cell.state
