"""What a process tells Prometheus of how it finds owners and read nodes; collected when asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from flightmesh.routing.node_directory import NodeDirectory
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.runtime.metrics import Sample, counter, gauge
from flightmesh.sharding.shard_map import NodeRole

_NAME = "flightmesh_routing"

REPEATED: Final = counter(
    f"{_NAME}_repeats",
    "Commands and queries asked again: wrong owner, moving shard, full queue, broken connection.",
    "kind",
)
GIVEN_UP: Final = counter(
    f"{_NAME}_given_up",
    "Commands and queries that nobody had answered when their deadline came.",
    "kind",
)
NODES: Final = gauge(f"{_NAME}_known_nodes", "Processes that this one knows of, by role.", "role")
OWNERLESS: Final = gauge(
    f"{_NAME}_shards_without_owner", "Shards without an owner in this process's copy of the map."
)
DEFINITIONS: Final = (REPEATED, GIVEN_UP, NODES, OWNERLESS)


@final
@dataclass(slots=True)
class RoutingCounters:
    """Counters of all routers of a process.

    Attributes:
        commands_repeated: commands, and questions about aggregates, sent again.
        commands_given_up: of these, those without an answer at their deadline.
        queries_repeated: queries asked again.
        queries_given_up: queries without an answer at their deadline.
    """

    commands_repeated: int = 0
    commands_given_up: int = 0
    queries_repeated: int = 0
    queries_given_up: int = 0


def samples(
    counters: RoutingCounters, nodes: NodeDirectory, shard_map: ShardMapCache
) -> Iterator[Sample]:
    """All values now."""
    yield Sample(REPEATED, counters.commands_repeated, ("command",))
    yield Sample(REPEATED, counters.queries_repeated, ("query",))
    yield Sample(GIVEN_UP, counters.commands_given_up, ("command",))
    yield Sample(GIVEN_UP, counters.queries_given_up, ("query",))
    for role in NodeRole:
        yield Sample(NODES, len(nodes.nodes(role)), (role.value,))
    yield Sample(OWNERLESS, sum(not row.address for row in shard_map.map.assignments))
