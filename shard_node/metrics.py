"""What a shard node tells Prometheus; collected when it is asked."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from flightmesh.clock import Clock
from flightmesh.runtime.metrics import Sample, counter, gauge, histogram
from shard_node.handlers import Handlers
from shard_node.session import Session
from shard_node.slot import SlotStatus

_NAME = "flightmesh_shard_node"

COMMANDS: Final = counter(f"{_NAME}_commands", "Commands answered, by outcome.", "outcome")
COMMAND_S: Final = histogram(
    f"{_NAME}_command_seconds",
    "Time from a command's arrival to its answer, of those whose result was recorded.",
)
ENTRIES: Final = counter(f"{_NAME}_entries", "Entries appended to the ledger.")
RECORDS: Final = histogram(f"{_NAME}_entry_records", "Records per entry.")
ENTRY_BYTES: Final = histogram(f"{_NAME}_entry_bytes", "Size of an entry.")
APPEND_S: Final = histogram(
    f"{_NAME}_append_seconds", "Time of an append until it is durable, repeats and rolls included."
)
REPEATS: Final = counter(
    f"{_NAME}_append_repeats",
    "Requests to the ledger repeated because their outcome was unknown or the store unavailable.",
)
ROLLS: Final = counter(f"{_NAME}_segment_rolls", "Segments of the ledger rolled.")
SESSION: Final = gauge(f"{_NAME}_session", "Number of the session; 0 if there is none.")
SESSIONS: Final = counter(f"{_NAME}_sessions", "Sessions begun.")
SESSIONS_ENDED: Final = counter(
    f"{_NAME}_sessions_ended",
    "Sessions that ended before their node: fenced by a seal, or failed.",
    "reason",
)
SHARDS: Final = gauge(f"{_NAME}_shards", "Shards held, by state.", "state")
EPOCH: Final = gauge(f"{_NAME}_highest_epoch", "Highest epoch of the shards held.")
CLAIMS: Final = counter(f"{_NAME}_claims", "Claims of shards taken and released.", "change")
QUEUE: Final = gauge(
    f"{_NAME}_queued_commands",
    "Commands that wait: for their entry, for their aggregate, for another node's answer.",
    "reason",
)
PAUSED: Final = gauge(
    f"{_NAME}_paused", "1 while commands are refused because the aggregate index lags too far."
)
AGGREGATES: Final = gauge(f"{_NAME}_aggregates", "Aggregates in memory.")
LOOKUPS: Final = counter(
    f"{_NAME}_aggregate_lookups",
    "Lookups of aggregates: found in memory (hit), loaded from the store (miss).",
    "result",
)
DROPPED: Final = counter(
    f"{_NAME}_aggregates_dropped", "Aggregates that left the memory because of age or size."
)
BACKLOG: Final = gauge(
    f"{_NAME}_index_backlog_records", "Committed records that the aggregate index lacks."
)
FLUSH_S: Final = histogram(f"{_NAME}_index_flush_seconds", "Time of a flush of the index.")
FLUSH_FAILURES: Final = counter(
    f"{_NAME}_index_flush_failures", "Flushes of the index that the store did not take."
)
FLUSH_AGE: Final = gauge(
    f"{_NAME}_index_flush_age_seconds", "Time since the index last had all that was committed."
)
DEFINITIONS: Final = (
    COMMANDS, COMMAND_S, ENTRIES, RECORDS, ENTRY_BYTES, APPEND_S, REPEATS, ROLLS, SESSION,
    SESSIONS, SESSIONS_ENDED, SHARDS, EPOCH, CLAIMS, QUEUE, PAUSED, AGGREGATES, LOOKUPS, DROPPED,
    BACKLOG, FLUSH_S, FLUSH_FAILURES, FLUSH_AGE,
)  # fmt: skip

_HELD: Final = (SlotStatus.RECOVERING, SlotStatus.ACTIVE, SlotStatus.DRAINING)


def samples(handlers: Handlers, clock: Clock) -> Iterator[Sample]:
    """All values of a node now."""
    counters = handlers.node.counters
    for outcome, count in counters.commands.items():
        yield Sample(COMMANDS, count, (outcome,))
    yield Sample(COMMAND_S, counters.command_s)
    yield Sample(RECORDS, counters.records)
    writer = counters.writer
    yield Sample(ENTRIES, writer.entries)
    yield Sample(ENTRY_BYTES, writer.entry_bytes)
    yield Sample(APPEND_S, writer.append_s)
    yield Sample(REPEATS, writer.repeats)
    yield Sample(ROLLS, writer.rolls)
    yield Sample(SESSIONS, counters.sessions)
    yield Sample(SESSIONS_ENDED, counters.fenced, ("fenced",))
    yield Sample(SESSIONS_ENDED, counters.failed, ("failed",))
    yield Sample(CLAIMS, counters.taken, ("taken",))
    yield Sample(CLAIMS, counters.released, ("released",))
    yield Sample(LOOKUPS, counters.found, ("hit",))
    yield Sample(LOOKUPS, counters.loads, ("miss",))
    yield Sample(DROPPED, counters.dropped)
    yield Sample(FLUSH_S, counters.flushes_s)
    yield Sample(FLUSH_FAILURES, counters.flush_failures)
    if counters.flushed_at_s is not None:
        yield Sample(FLUSH_AGE, clock.monotonic_s() - counters.flushed_at_s)
    yield Sample(QUEUE, handlers.passed_on, ("passed_on",))
    node = handlers.node
    yield from _of_session(node.session if node.has_session else None)


def _of_session(session: Session | None) -> Iterator[Sample]:
    slots = () if session is None else session.ownership.slots.values()
    states = Counter(slot.status for slot in slots)
    for state in _HELD:
        yield Sample(SHARDS, states[state], (state.value,))
    yield Sample(EPOCH, max((slot.epoch for slot in slots), default=0))
    yield Sample(AGGREGATES, sum(len(slot.memory.cells) for slot in slots))
    yield Sample(BACKLOG, sum(slot.unflushed for slot in slots))
    yield Sample(SESSION, 0 if session is None else session.id)
    yield Sample(QUEUE, 0 if session is None else session.queue.queued, ("entry",))
    yield Sample(QUEUE, 0 if session is None else session.parked, ("aggregate",))
    yield Sample(PAUSED, session is not None and session.queue.paused)
