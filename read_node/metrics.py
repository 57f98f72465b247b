"""What a read node tells Prometheus; collected when it is asked."""

from collections.abc import Iterator
from typing import Final

from flightmesh.runtime.metrics import Sample, counter, gauge, histogram
from read_node.counters import QueryCounters
from read_node.finding_lists import Kind
from read_node.follower import Follower
from read_node.lag import LagWatch
from read_node.ordering import shown_kinds, total
from read_node.projection import Projection
from read_node.snapshots import SnapshotStatistics
from read_node.translate.answers import Answers

_NAME = "flightmesh_read_node"

READY: Final = gauge(f"{_NAME}_ready", "1 while it has caught up and answers queries.")
EVENTS: Final = counter(f"{_NAME}_events", "Events applied, those of the replay included.")
ENTRIES: Final = counter(f"{_NAME}_entries", "Entries applied, those of the replay included.")
MESSAGES: Final = counter(f"{_NAME}_bus_messages", "Entries and heartbeats heard from the bus.")
DUPLICATES: Final = counter(
    f"{_NAME}_bus_duplicates", "Messages of the bus whose entry was known already."
)
GAPS: Final = counter(f"{_NAME}_gaps", "Entries heard of before one that is missing.")
REPAIRS: Final = counter(
    f"{_NAME}_repairs", "Reads of the journal that brought entries the bus had not."
)
ALARMS: Final = counter(f"{_NAME}_alarms", "Failures to read an entry, the store or the bus.")
VISIBLE_S: Final = histogram(
    f"{_NAME}_visible_seconds",
    "Time from an entry's commit to its being applied here, since the node is ready.",
)
LAG_S: Final = gauge(
    f"{_NAME}_lag_seconds", "Age of what is committed and not applied, as far as it can know."
)
LAGGING: Final = gauge(
    f"{_NAME}_lagging", "1 while it lags so far that gateways ask the other read nodes."
)
LAGGED: Final = counter(f"{_NAME}_lags", "How often it began to lag that far.")
BEHIND: Final = gauge(
    f"{_NAME}_entries_behind", "Entries known to be committed and not applied yet."
)
LEDGERS: Final = gauge(
    f"{_NAME}_ledgers", "Ledgers known: finished (sealed and wholly read) or open.", "state"
)
HELD: Final = gauge(
    f"{_NAME}_held_records", "Records held back until an earlier one of their shard comes."
)
WAITING: Final = gauge(f"{_NAME}_waiting_queries", "Queries that wait for a position.")
QUERY_S: Final = histogram(
    f"{_NAME}_query_seconds",
    "Time of a call, by method, its wait for a position included.",
    "method",
)
QUERIES_FAILED: Final = counter(
    f"{_NAME}_queries_failed", "Calls that ended with an error, by method.", "method"
)
BATCHED: Final = counter(f"{_NAME}_batched_queries", "Queries answered in batches.", "result")
PAGES: Final = counter(
    f"{_NAME}_pages", "Pages taken from the cache (hit) and made anew (miss).", "result"
)
QUARANTINED: Final = gauge(
    f"{_NAME}_quarantined_aggregates", "Aggregates with an event that cannot be read."
)
LEFT_OUT: Final = counter(
    f"{_NAME}_records_left_out", "Records of quarantined aggregates that were left out."
)
SNAPSHOTS: Final = counter(
    f"{_NAME}_snapshots",
    "Snapshots of the model: saved, failed (not written), passed_over (found and of no use).",
    "result",
)
SNAPSHOT_EVENTS: Final = gauge(
    f"{_NAME}_snapshot_loaded_events", "Events in the snapshot it started from; 0 if from none."
)
SNAPSHOT_REST: Final = gauge(
    f"{_NAME}_snapshot_rest_seconds", "How long nothing was applied while the last was copied."
)
SCHEDULES: Final = gauge(f"{_NAME}_schedules", "Schedules that exist.")
ROTATIONS: Final = gauge(f"{_NAME}_rotations", "Rotations of all schedules.")
LEGS: Final = gauge(f"{_NAME}_legs", "Legs of all schedules.")
AIRPLANES: Final = gauge(
    f"{_NAME}_airplanes", "Airplanes of all schedules, those that only assignments name too."
)
FINDINGS: Final = gauge(f"{_NAME}_findings", "Findings in all schedules, by kind.", "kind")
DEFINITIONS: Final = (
    READY, EVENTS, ENTRIES, MESSAGES, DUPLICATES, GAPS, REPAIRS, ALARMS, VISIBLE_S, LAG_S,
    LAGGING, LAGGED, BEHIND, LEDGERS, HELD, WAITING, QUERY_S, QUERIES_FAILED, BATCHED, PAGES,
    QUARANTINED, LEFT_OUT, SNAPSHOTS, SNAPSHOT_EVENTS, SNAPSHOT_REST, SCHEDULES,
    ROTATIONS, LEGS, AIRPLANES, FINDINGS,
)  # fmt: skip


def samples(
    follower: Follower,
    projection: Projection,
    answers: Answers,
    *,
    queries: QueryCounters,
    lag: LagWatch,
    snapshots: SnapshotStatistics | None,
) -> Iterator[Sample]:
    """All values of a node now."""
    yield from _of_following(follower, projection)
    yield Sample(LAG_S, lag.lag_s)
    yield Sample(LAGGING, lag.lagging)
    yield Sample(LAGGED, lag.marked)
    if snapshots is not None:
        yield from _of_snapshots(snapshots)
    yield from _of_queries(follower, answers, queries)
    yield from _of_models(projection)


def _of_following(follower: Follower, projection: Projection) -> Iterator[Sample]:
    statistics = follower.statistics
    yield Sample(READY, follower.ready.is_set())
    yield Sample(EVENTS, projection.events)
    yield Sample(ENTRIES, statistics.entries)
    yield Sample(MESSAGES, statistics.messages)
    yield Sample(DUPLICATES, statistics.duplicates)
    yield Sample(GAPS, statistics.gaps)
    yield Sample(REPAIRS, statistics.repairs)
    yield Sample(ALARMS, statistics.alarms)
    yield Sample(VISIBLE_S, statistics.visible_s)
    yield Sample(BEHIND, follower.behind)
    known, finished = follower.ledgers
    yield Sample(LEDGERS, finished, ("finished",))
    yield Sample(LEDGERS, known - finished, ("open",))
    yield Sample(HELD, follower.held)
    yield Sample(QUARANTINED, len(projection.quarantined))
    yield Sample(LEFT_OUT, projection.left_out)


def _of_queries(follower: Follower, answers: Answers, queries: QueryCounters) -> Iterator[Sample]:
    yield Sample(WAITING, follower.progress.waiting)
    for method, seconds in sorted(queries.seconds.items()):
        yield Sample(QUERY_S, seconds, (method,))
    for method, failed in sorted(queries.failed.items()):
        yield Sample(QUERIES_FAILED, failed, (method,))
    yield Sample(BATCHED, queries.batched - queries.batched_failed, ("answer",))
    yield Sample(BATCHED, queries.batched_failed, ("error",))
    yield Sample(PAGES, answers.hits, ("hit",))
    yield Sample(PAGES, answers.misses, ("miss",))


def _of_snapshots(statistics: SnapshotStatistics) -> Iterator[Sample]:
    yield Sample(SNAPSHOTS, statistics.saved, ("saved",))
    yield Sample(SNAPSHOTS, statistics.failed, ("failed",))
    yield Sample(SNAPSHOTS, statistics.passed_over, ("passed_over",))
    yield Sample(SNAPSHOT_EVENTS, statistics.loaded_events)
    yield Sample(SNAPSHOT_REST, statistics.rest_s)


def _of_models(projection: Projection) -> Iterator[Sample]:
    models = projection.schedules.current()
    yield Sample(SCHEDULES, len(models))
    yield Sample(ROTATIONS, sum(len(model.rotations) for model in models))
    yield Sample(LEGS, sum(len(model.legs) for model in models))
    yield Sample(AIRPLANES, sum(len(model.airplanes) for model in models))
    for kind in Kind:
        found = sum(total(model, kind) for model in models if kind in shown_kinds(model))
        yield Sample(FINDINGS, found, (kind.name.lower(),))
