"""Repeated commands whose first try is committed: they get the first result again."""

from typing import final

from flightmesh.errors import FlightmeshError, SessionFenced, ShardMoving
from flightmesh.eventsourcing.record import Record
from flightmesh.eventsourcing.window import Remembered
from flightmesh.ids import AggregateId
from flightmesh.runtime.tasks import TaskOwner
from shard_node.aggregate_loader import AggregateLoader
from shard_node.replies import ReplyEncoder, answer
from shard_node.slot import ShardSlot, Task


@final
class Repeats:
    """Answers repeats.

    What is remembered of a command suffices, unless the reply tells its events: those are in the
    aggregate's records, which are read once for all repeats that wait for them.

    Args:
        loader: reads records.
        replies: writes replies.
        tasks: owns what reads.
    """

    def __init__(self, loader: AggregateLoader, replies: ReplyEncoder, tasks: TaskOwner) -> None:
        self._loader = loader
        self._replies = replies
        self._tasks = tasks
        self._waiting: dict[tuple[ShardSlot, AggregateId], list[Task]] = {}

    def answer(self, slot: ShardSlot, task: Task, known: Remembered) -> None:
        """Answers a repeat with its first result, now or when its events have been read."""
        if not (known.first_shard_sequence and task.full):
            position = self._replies.position(known.ledger, known.entry)
            answer(self._replies, task, _without_events(slot, task, known), position)
            return
        aggregate = slot, task.envelope.aggregate_id
        waiting = self._waiting.get(aggregate)
        if waiting is not None:
            waiting.append(task)
            return
        self._waiting[aggregate] = [task]
        self._tasks.start(self._read(*aggregate), "repeats")

    async def _read(self, slot: ShardSlot, aggregate_id: AggregateId) -> None:
        error: Exception = SessionFenced("the session ended while the repeat waited")
        records = {}
        try:
            placed = await self._loader.records(slot, aggregate_id)
            records = {each.record.command_id: each for each in placed}
            # Not found: the slot was released, and with it what the index did not have.
            error = ShardMoving(slot.shard, slot.epoch)
        except FlightmeshError as failure:
            error = failure
        finally:
            for task in self._waiting.pop((slot, aggregate_id)):
                found = records.get(task.envelope.command_id)
                if found is None:
                    task.batch.put(task.place, error)
                else:
                    position = self._replies.position(found.ledger, found.entry)
                    answer(self._replies, task, found.record, position)


def _without_events(slot: ShardSlot, task: Task, known: Remembered) -> Record:
    envelope = task.envelope
    return Record(
        envelope.command_id,
        known.body_hash,
        slot.shard,
        envelope.aggregate_id,
        envelope.aggregate_type,
        envelope.scope,
        known.first_shard_sequence,
        known.sequence,
        (),
        known.rejection,
        known.warnings,
    )
