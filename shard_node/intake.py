"""From a command to its result: the path every command of a session takes.

A command for an aggregate in memory is decided at once, without a task or a future of its own. One
that must wait (for the aggregate to be loaded, or for its scope's state) is parked, and later ones
for the same aggregate wait behind it, so their order is kept.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, final

from flightmesh.clock import Clock
from flightmesh.codec.entries import encode_indexed, place_prefix
from flightmesh.errors import (
    FlightmeshError,
    InvalidInput,
    Overloaded,
    Refused,
    RetryableError,
    SessionFenced,
    ShardMoving,
    Unavailable,
)
from flightmesh.eventsourcing import CommandEnvelope, DomainModel
from flightmesh.eventsourcing.cell import AggregateCell
from flightmesh.eventsourcing.record import Record
from flightmesh.eventsourcing.window import Remembered, newest_credible
from flightmesh.ids import AggregateId, CommandId
from flightmesh.runtime.logs import fields
from flightmesh.runtime.tasks import TaskOwner
from shard_node.aggregate_loader import RECORD_OVERHEAD, AggregateLoader
from shard_node.counters import REPEATED, ShardNodeCounters
from shard_node.entry_queue import EntryQueue, OpenEntry
from shard_node.known_ids import KnownIds
from shard_node.repeats import Repeats
from shard_node.replies import ReplyEncoder, answer
from shard_node.scope_directory import REOPEN_AFTER_S, ScopeDirectory
from shard_node.slot import ShardSlot, SlotStatus, Task, Worker

_log = logging.getLogger(__name__)

_UNKNOWN: Final = object()
_SECOND_US: Final = 1_000_000
# How often a command that waits looks whether its shard is still held.
_LOOK_S: Final = 0.2
# Notes of scopes' ends in a shard beyond which outdated ones are dropped.
_FEW_NOTES: Final = 64


@final
class Intake:
    """Decides commands and answers them.

    Args:
        domain: the domain.
        queue: where records go.
        loader: builds aggregates that are not in memory.
        scopes: states of scope aggregates.
        replies: writes replies.
        clock: for ages.
        tasks: owns what waits.
        counters: counts commands.
        max_parked: commands that may wait for an aggregate or a scope.
    """

    def __init__(
        self,
        domain: DomainModel,
        queue: EntryQueue,
        loader: AggregateLoader,
        scopes: ScopeDirectory,
        replies: ReplyEncoder,
        *,
        clock: Clock,
        tasks: TaskOwner,
        counters: ShardNodeCounters,
        max_parked: int,
    ) -> None:
        self._domain = domain
        self._queue = queue
        self._loader = loader
        self._scopes = scopes
        self._replies = replies
        self._repeats = Repeats(loader, replies, tasks)
        self._clock = clock
        self._tasks = tasks
        self._counters = counters
        self._max_parked = max_parked
        self._parked = 0
        self._newest_credible = ""
        self._credible_until_us = 0

    @property
    def parked(self) -> int:
        """Commands that wait for their aggregate or its scope."""
        return self._parked

    def _give_up(self, task: Task, error: Exception) -> None:
        self._counters.answered(error)
        task.batch.put(task.place, error)

    # --- in ---------------------------------------------------------------------------------

    def take(self, slot: ShardSlot, task: Task) -> None:
        """Takes a command for a shard of the session; its batch gets the result some time."""
        if slot.status is not SlotStatus.ACTIVE:
            self._give_up(task, ShardMoving(slot.shard, slot.epoch))
            return
        aggregate_id = task.envelope.aggregate_id
        if slot.parked and aggregate_id in slot.parked:
            self._park(slot, task)
            return
        cell = slot.memory.cells.get(aggregate_id)
        if cell is None and (cell := self._unheard_of(slot, aggregate_id)) is None:
            self._park(slot, task)
            return
        scope_state = self._scope_for(cell, task.envelope, task.arrived_s)
        if scope_state is _UNKNOWN:
            self._park(slot, task)
            return
        self._counters.found += 1
        self._decide(slot, cell, task, scope_state)

    def _unheard_of(self, slot: ShardSlot, aggregate_id: AggregateId) -> AggregateCell | None:
        """An aggregate without records, made without a look at the store; None if not sure."""
        # Records of one that was dropped may be under way.
        under_way = aggregate_id in slot.loading or aggregate_id in slot.dropped
        if under_way or not slot.is_unheard_of(aggregate_id):
            return None
        cell = slot.memory.cells[aggregate_id] = AggregateCell(aggregate_id)
        return cell

    def _scope_for(self, cell: AggregateCell, envelope: CommandEnvelope, now_s: float) -> Any:
        """The scope's state for a command; _UNKNOWN if it must wait for that."""
        domain = self._domain
        if domain.scope_aggregate(envelope.scope) in (None, envelope.aggregate_id):
            return _UNKNOWN if self._reopens(cell, envelope) else None
        firm = domain.begins(envelope.command)
        state = self._scopes.now(envelope.scope, now_s, firm=firm)
        if state is None or self._is_ahead(cell, envelope, state):
            return _UNKNOWN
        return state

    def _is_ahead(self, cell: AggregateCell, envelope: CommandEnvelope, scope_state: Any) -> bool:
        """Whether the scope's state is from before the aggregate."""
        is_of_it = cell.sequence and cell.scope == envelope.scope
        return bool(is_of_it and self._domain.is_ahead(cell.state, scope_state))

    def _reopens(self, cell: AggregateCell, envelope: CommandEnvelope) -> bool:
        """Whether a command begins its ended scope again; one known already begins nothing."""
        return bool(
            cell.sequence
            and self._domain.reopens(cell.state, envelope.command)
            and cell.window.get(envelope.command_id) is None
        )

    def _park(self, slot: ShardSlot, task: Task) -> None:
        if self._parked >= self._max_parked:
            self._give_up(task, Overloaded("too many commands wait for their aggregates"))
            return
        self._parked += 1
        aggregate_id = task.envelope.aggregate_id
        queue = slot.parked.get(aggregate_id)
        if queue is not None:
            queue.append(task)
            return
        slot.parked[aggregate_id] = deque((task,))
        holds = asyncio.get_running_loop().create_future()
        worker = self._tasks.start(self._work_off(slot, aggregate_id, holds), "parked")
        slot.workers[aggregate_id] = Worker(worker, holds)

    async def _work_off(
        self, slot: ShardSlot, aggregate_id: AggregateId, holds: "asyncio.Future[None]"
    ) -> None:
        """Loads the aggregate and decides the commands parked for it, in order."""
        queue = slot.parked[aggregate_id]
        error: Exception = SessionFenced("the session ended while the command waited")
        try:
            while queue:
                task = queue[0]
                cell = await self.cell(slot, aggregate_id)
                if self._reopens(cell, task.envelope):
                    if not holds.done():
                        holds.set_result(None)
                    await self._until_forgotten(slot, cell)
                    state = None
                else:
                    state = await self._find_scope(cell, task)
                if slot.status is not SlotStatus.ACTIVE:
                    error = ShardMoving(slot.shard, slot.epoch)
                    break
                self._parked -= 1
                again = self._decide(slot, cell, queue.popleft(), state)
                if again is not None:
                    # The later ones must not overtake the one that is to be repeated.
                    error = again
                    break
        except FlightmeshError as failure:
            error = failure
            names = self._about(slot, aggregate_id)
            # A moving shard or an unreachable owner is told to the callers, one by one.
            level = logging.DEBUG if isinstance(failure, RetryableError) else logging.WARNING
            _log.log(level, "commands cannot be decided: %s", failure, extra=names)
        finally:
            del slot.parked[aggregate_id], slot.workers[aggregate_id]
            self._parked -= len(queue)
            for task in queue:
                self._give_up(task, error)

    async def _find_scope(self, cell: AggregateCell, task: Task) -> Any:
        envelope, now_s = task.envelope, self._clock.monotonic_s()
        state = self._scope_for(cell, envelope, now_s)
        if state is not _UNKNOWN:
            return state
        domain, scope = self._domain, envelope.scope
        firm = domain.begins(envelope.command)
        state = await self._scopes.find(scope, task.arrived_s, firm=firm)
        if self._is_ahead(cell, envelope, state):
            # An answer from before the life that the aggregate belongs to.
            state = await self._scopes.find(scope, now_s, firm=True)
            if self._is_ahead(cell, envelope, state):
                raise Unavailable(f"the owner of {scope} answers from before its last beginning")
        return state

    async def _until_forgotten(self, slot: ShardSlot, cell: AggregateCell) -> None:
        """Waits until no node trusts an answer about the ended life of a scope.

        Raises:
            SessionFenced: the end of that life will not be committed here.
        """
        await self._queue.wait_committed(cell.last_entry)
        ended_s = slot.scope_changed_s.get(cell.aggregate_id, slot.held_since_s)
        while slot.status is SlotStatus.ACTIVE:
            left_s = ended_s + REOPEN_AFTER_S - self._clock.monotonic_s()
            if left_s <= 0:
                break
            await self._clock.sleep(min(left_s, _LOOK_S))

    def abandon(self, slots: Iterable[ShardSlot], error: Exception) -> None:
        """Answers all parked commands with the error: the session is over."""
        for slot in slots:
            for queue in slot.parked.values():
                self._parked -= len(queue)
                while queue:
                    self._give_up(queue.popleft(), error)

    async def settled(self, slot: ShardSlot, aggregate_id: AggregateId) -> None:
        """Waits until the commands that have arrived for an aggregate are decided or held back."""
        worker = slot.workers.get(aggregate_id)
        if worker is not None:
            await asyncio.wait(worker, return_when=asyncio.FIRST_COMPLETED)

    async def cell(self, slot: ShardSlot, aggregate_id: AggregateId) -> AggregateCell:
        """The aggregate in memory, loaded if need be.

        Raises:
            ShardMoving, SessionFenced, StoreUnavailable: not just now.
            CorruptData, UnknownEventType, ProtocolViolation: it cannot be rebuilt.
        """
        cell = slot.memory.cells.get(aggregate_id)
        if cell is not None:
            self._counters.found += 1
            return cell
        # One load at a time: a second, slower one would put an outdated state into memory.
        loading = slot.loading.get(aggregate_id)
        if loading is None:
            if slot.status is SlotStatus.GONE:
                # Whoever asks may have waited while the session ended, and its tasks with it.
                raise ShardMoving(slot.shard, slot.epoch)
            loading = self._tasks.start(self._load(slot, aggregate_id), "load")
            slot.loading[aggregate_id] = loading
        loaded = await asyncio.shield(loading)
        if isinstance(loaded, FlightmeshError):
            raise loaded
        return loaded

    async def _load(
        self, slot: ShardSlot, aggregate_id: AggregateId
    ) -> AggregateCell | FlightmeshError:
        try:
            # The records of one that was dropped after an error may still be under way.
            await self._queue.wait_committed(slot.dropped.get(aggregate_id, -1))
            self._counters.loads += 1
            cell = await self._loader.load(slot, aggregate_id)
        except FlightmeshError as error:
            return error
        finally:
            del slot.loading[aggregate_id]
        slot.dropped.pop(aggregate_id, None)
        if not cell.sequence and slot.ids is None and slot.status is SlotStatus.ACTIVE:
            # Where one is begun, more will be.
            self._tasks.start(self._learn_ids(slot, slot.begin_ids()), "ids")
        cell.last_used_s = self._clock.monotonic_s()
        slot.memory.cells[aggregate_id] = cell
        return cell

    async def _learn_ids(self, slot: ShardSlot, known: KnownIds) -> None:
        try:
            await self._loader.learn_ids(slot, known)
        except FlightmeshError as error:
            # The next aggregate that is not found tries again.
            slot.ids = None
            _log.debug("ids not learnt: %s", error, extra=fields(shard=slot.shard))

    # --- decide -----------------------------------------------------------------------------

    def _decide(
        self, slot: ShardSlot, cell: AggregateCell, task: Task, scope_state: Any
    ) -> RetryableError | None:
        """Decides a command; returns the error if it is to be repeated by its caller."""
        cell.last_used_s = task.arrived_s
        memory, last_entry = slot.memory, cell.last_entry
        next_sequence = memory.next_sequence
        try:
            self._check_time(cell, task.envelope.command_id)
            outcome = memory.decide(
                cell, task.envelope, scope_state, self._queue.ledger, self._queue.next_number()
            )
            if isinstance(outcome, Record):
                cell.size += RECORD_OVERHEAD + self._queue.add(slot, outcome, task)
            else:
                self._repeat(slot, task, outcome)
        except (Refused, InvalidInput) as error:
            self._give_up(task, error)
        except RetryableError as error:
            self._give_up(task, error)
            return error
        except Exception as error:
            # A fault of the domain or of a codec: the state is changed, half or wholly, and the
            # journal is not. So the state goes, and the shard's sequence is where it was (I4).
            command_id = task.envelope.command_id
            names = self._about(slot, cell.aggregate_id, command_id=command_id)
            _log.exception("command failed", extra=names)
            memory.next_sequence = next_sequence
            memory.cells.pop(cell.aggregate_id, None)
            slot.dropped[cell.aggregate_id] = last_entry
            self._give_up(task, error)
        return None

    def _about(
        self, slot: ShardSlot, aggregate_id: AggregateId, **more: object
    ) -> dict[str, dict[str, object]]:
        session = self._queue.ledger
        return fields(
            session=session, shard=slot.shard, epoch=slot.epoch, aggregate_id=aggregate_id, **more
        )

    def _check_time(self, cell: AggregateCell, command_id: CommandId) -> None:
        """Refuses an id of the far future: dropped one day, it would make all others too old."""
        now_us = self._clock.now_us()
        if now_us > self._credible_until_us or now_us < self._credible_until_us - 2 * _SECOND_US:
            self._credible_until_us = now_us + _SECOND_US
            self._newest_credible = newest_credible(now_us)
        if command_id > self._newest_credible and cell.window.get(command_id) is None:
            raise InvalidInput("command_id", "its time lies in the future: is the clock right?")

    # --- out --------------------------------------------------------------------------------

    def answer_entry(self, entry: OpenEntry, committed_at_us: int) -> None:
        """Takes the records of a committed entry in, then answers their commands."""
        ledger, number = self._queue.ledger, entry.number
        counters, now_s = self._counters, self._clock.monotonic_s()
        place, prefix = (ledger, number), place_prefix(ledger, number, committed_at_us)
        for slot, record, data in entry.decided:
            slot.add_committed(record, encode_indexed(prefix, data), place, place)
            if record.events and record.aggregate_id == self._domain.scope_aggregate(record.scope):
                self._scopes.forget(record.scope)
                _note_change(slot, record.aggregate_id, now_s)
        position = self._replies.position(ledger, number)
        counters.records.observe(len(entry.decided))
        for record, task in entry.waiting:
            answer(self._replies, task, record, position)
            counters.recorded(record, now_s - task.arrived_s)
        for slot, task in entry.repeats:
            cell = slot.memory.cells.get(task.envelope.aggregate_id)
            known = cell and cell.window.get(task.envelope.command_id)
            if known:
                self._repeat(slot, task, known)
            else:
                self._give_up(task, ShardMoving(slot.shard, slot.epoch))

    # --- repeats ----------------------------------------------------------------------------

    def _repeat(self, slot: ShardSlot, task: Task, known: Remembered) -> None:
        """Answers a repeated command with its first result, once that is committed (rule 18)."""
        if known.ledger == self._queue.ledger:
            entry = self._queue.find(known.entry)
            if entry is not None:
                self._queue.add_repeat(entry, slot, task)
                return
        self._counters.commands[REPEATED] += 1
        self._repeats.answer(slot, task, known)


def _note_change(slot: ShardSlot, aggregate_id: AggregateId, now_s: float) -> None:
    notes = slot.scope_changed_s
    if len(notes) >= _FEW_NOTES:
        for each in [each for each, at_s in notes.items() if now_s - at_s > REOPEN_AFTER_S]:
            del notes[each]
    notes[aggregate_id] = now_s
