"""What a coordinator tells Prometheus; collected when it is asked."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from coordinator.coordinator import Coordinator
from coordinator.leader import Leader
from flightmesh.runtime.metrics import Sample, counter, gauge, histogram
from flightmesh.sharding.shard_map import ShardState

_NAME = "flightmesh_coordinator"

LEADER: Final = gauge(f"{_NAME}_leader", "1 while it leads; one of all coordinators does.")
TOKEN: Final = gauge(f"{_NAME}_leader_token", "Fencing token of its leadership; 0 without one.")
ELECTED: Final = counter(f"{_NAME}_elections_won", "Leaderships begun.")
LOST: Final = counter(f"{_NAME}_leaderships_lost", "Leaderships that ended before it stopped.")
STEP_S: Final = histogram(
    f"{_NAME}_reconcile_seconds", "Time of a leader's step: look, plan, write, begin to act."
)
PUT_OFF: Final = counter(
    f"{_NAME}_reconciles_put_off", "Steps put off: registry or ledger store not reached."
)
ROWS: Final = counter(
    f"{_NAME}_shard_changes",
    "Rows of the shard map written, by the state they got: moving is a move begun, taking_over a "
    "dead owner's shard, active a shard given to a session.",
    "state",
)
SHARDS: Final = gauge(f"{_NAME}_shards", "Shards by state; only a leader knows.", "state")
NODES: Final = gauge(
    f"{_NAME}_sessions",
    "Sessions of shard nodes: registered, alive, draining, and fenced or to be fenced (dead); only "
    "a leader knows.",
    "state",
)
SUSPECTED: Final = counter(f"{_NAME}_sessions_suspected", "Sessions that were to be fenced.")
SEALED: Final = counter(f"{_NAME}_ledgers_sealed", "Ledgers sealed, those left over too.")
DEFINITIONS: Final = (
    LEADER, TOKEN, ELECTED, LOST, STEP_S, PUT_OFF, ROWS, SHARDS, NODES, SUSPECTED, SEALED,
)  # fmt: skip


def samples(coordinator: Coordinator) -> Iterator[Sample]:
    """All values of a coordinator now."""
    counters, leader = coordinator.counters, coordinator.leader
    yield Sample(LEADER, leader is not None)
    yield Sample(TOKEN, 0 if leader is None else leader.token)
    yield Sample(ELECTED, counters.elected)
    yield Sample(LOST, counters.lost)
    yield Sample(STEP_S, counters.steps_s)
    yield Sample(PUT_OFF, counters.put_off)
    for state, count in counters.rows.items():
        yield Sample(ROWS, count, (state.value,))
    yield Sample(SUSPECTED, counters.suspected)
    yield Sample(SEALED, counters.sealed)
    if leader is not None:
        yield from _of_leadership(leader)


def _of_leadership(leader: Leader) -> Iterator[Sample]:
    states = Counter(row.state for row in leader.view.rows.values())
    for state in ShardState:
        yield Sample(SHARDS, states[state], (state.value,))
    view, learned = leader.view, leader.learned
    yield Sample(NODES, len(view.nodes), ("registered",))
    yield Sample(NODES, len(learned.alive), ("alive",))
    yield Sample(NODES, len(view.draining & view.nodes.keys()), ("draining",))
    yield Sample(NODES, len(learned.dead & view.nodes.keys()), ("dead",))
