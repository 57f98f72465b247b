"""Which aggregates leave a session's memory, by idleness and by size."""

from collections.abc import Iterable, Iterator, Sequence

from flightmesh.eventsourcing.cell import AggregateCell
from shard_node.config import ShardNodeConfig
from shard_node.slot import ShardSlot, SlotStatus


def passivate(
    slots: Iterable[ShardSlot], *, now_s: float, committed: int, config: ShardNodeConfig
) -> int:
    """Drops idle aggregates, then the least recently used while there are too many.

    One with uncommitted records stays: its memory is all there is of them.

    Args:
        slots: the shards.
        now_s: monotonic time.
        committed: number of the last committed entry.
        config: the limits.

    Returns:
        The number of aggregates dropped.
    """
    slots = [slot for slot in slots if slot.status is SlotStatus.ACTIVE]
    idle_before = now_s - config.passivate_after_s
    if not _anything_to_drop(slots, idle_before, config):
        return 0
    clean = list(_clean(slots, committed))
    count = len(clean)
    size = sum(cell.size for _, cell in clean)
    dropped = 0
    clean.sort(key=lambda pair: pair[1].last_used_s)
    for slot, cell in clean:
        full = count > config.max_aggregates or size > config.max_aggregate_bytes
        if not full and cell.last_used_s > idle_before:
            break
        del slot.memory.cells[cell.aggregate_id]
        count -= 1
        size -= cell.size
        dropped += 1
    return dropped


def _anything_to_drop(
    slots: Sequence[ShardSlot], idle_before: float, config: ShardNodeConfig
) -> bool:
    """A quick look, since it is taken each second at tens of thousands of aggregates."""
    size = 0
    for slot in slots:
        for cell in slot.memory.cells.values():
            if cell.last_used_s <= idle_before:
                return True
            size += cell.size
    count = sum(len(slot.memory.cells) for slot in slots)
    return count > config.max_aggregates or size > config.max_aggregate_bytes


def _clean(slots: Sequence[ShardSlot], committed: int) -> Iterator[tuple[ShardSlot, AggregateCell]]:
    for slot in slots:
        for cell in slot.memory.cells.values():
            if cell.last_entry <= committed and cell.aggregate_id not in slot.parked:
                yield slot, cell
