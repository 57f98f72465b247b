"""What rebalancing would move, told in advance. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from coordinator.planner import Learned, View, candidates
from flightmesh.sharding.allocation import Limits, Move, allocate
from flightmesh.sharding.shard_map import (
    NodeRegistration,
    ShardAssignment,
    ShardMap,
    ShardState,
)

# All that is left, not only what may be under way at once.
_NO_LIMIT: Final = Limits(absolute=1 << 16, relative=1.0)


@dataclass(frozen=True, slots=True)
class PlannedMove:
    """A move that is still to be made.

    Attributes:
        shard: number of the shard.
        from_node: name of the node that owns it now; empty if none does.
        to_node: name of the node that is to own it.
    """

    shard: int
    from_node: str
    to_node: str


@dataclass(frozen=True, slots=True)
class Rebalancing:
    """The way to even loads.

    Attributes:
        moves: what is left to be moved, in order.
        under_way: shards that are under way now.
        at_once: how many are moved at once.
    """

    moves: tuple[PlannedMove, ...]
    under_way: int
    at_once: int


def plan_rebalancing(
    view: View, learned: Learned, shard_map: ShardMap, limits: Limits
) -> Rebalancing:
    """The moves until the nodes' loads are even, as the nodes are now.

    What is under way counts as arrived, what has no owner as the first to be placed.
    """
    members = candidates(view, learned)
    reached = ShardMap.of(
        shard_map.shard_count, 0, [_arrived(row) for row in shard_map.assignments]
    )
    moves: list[Move] = []
    while step := allocate(reached, members, view.draining, _NO_LIMIT):
        reached = reached.with_assignments(
            ShardAssignment(move.shard, 0, move.target, state=ShardState.ACTIVE) for move in step
        )
        moves += step
    rows = shard_map.assignments
    return Rebalancing(
        tuple(
            PlannedMove(m.shard, _name(view.nodes, m.source), _name(view.nodes, m.target))
            for m in moves
        ),
        sum(row.state is not ShardState.ACTIVE for row in rows),
        limits.of(shard_map.shard_count),
    )


def _arrived(row: ShardAssignment) -> ShardAssignment:
    if row.state is ShardState.MOVING:
        return replace(row, state=ShardState.ACTIVE, session=row.target_session)
    return row if row.state is ShardState.ACTIVE else ShardAssignment(row.shard)


def _name(nodes: Mapping[int, NodeRegistration], session: int) -> str:
    return nodes[session].name if session in nodes else ""
