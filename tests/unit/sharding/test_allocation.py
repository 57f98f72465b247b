"""Allocation: the peers' vectors (group S5) and properties for every map."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightmesh.sharding.allocation import Candidate, Limits, Move, allocate, least_loaded
from flightmesh.sharding.shard_map import ShardAssignment, ShardMap, ShardState

UNLIMITED = Limits(absolute=1000, relative=1.0)


def map_of(loads: Sequence[int], free: int = 0) -> ShardMap:
    """Sessions 1, 2, … own that many shards each; the last `free` shards are nobody's."""
    owners = [session for session, load in enumerate(loads, 1) for _ in range(load)]
    rows = [
        ShardAssignment(shard, 1, session, f"n{session}", f"n{session}:1", ShardState.ACTIVE)
        for shard, session in enumerate(owners)
    ]
    rows += [ShardAssignment(len(owners) + n) for n in range(free)]
    return ShardMap.of(len(rows), 1, rows)


def candidates(count: int) -> list[Candidate]:
    return [Candidate(session) for session in range(1, count + 1)]


def applied(shard_map: ShardMap, moves: Sequence[Move]) -> ShardMap:
    for move in moves:
        row = shard_map.assignments[move.shard]
        assert row.session == move.source or not move.source
        shard_map = shard_map.with_assignment(
            ShardAssignment(
                move.shard, row.epoch + 1, move.target, "", "x:1", state=ShardState.ACTIVE
            )
        )
    return shard_map


def loads_of(shard_map: ShardMap, count: int) -> list[int]:
    counts = shard_map.counts()
    return [counts.get(session, 0) for session in range(1, count + 1)]


@pytest.mark.parametrize(
    ("loads", "moved", "balanced"),
    [
        ([1, 2, 0], 1, [1, 1, 1]),
        ([2, 0, 0], 1, [1, 0, 1]),
        ([1, 1, 0], 0, [1, 1, 0]),
        ([3, 0, 0], 2, [1, 1, 1]),
        ([4, 4, 0], 2, [3, 3, 2]),
        ([4, 4, 2], 1, [3, 4, 3]),
        ([5, 5, 0], 3, [3, 4, 3]),
        ([50, 50, 0], 33, [33, 34, 33]),
    ],
)
def test_the_peers_vectors_are_balanced(loads: list[int], moved: int, balanced: list[int]) -> None:
    shard_map = map_of(loads)

    moves = allocate(shard_map, candidates(3), (), UNLIMITED)

    assert len(moves) == moved
    assert sorted(loads_of(applied(shard_map, moves), 3)) == sorted(balanced)


@pytest.mark.parametrize(
    ("limits", "moved"),
    [
        (Limits(absolute=10, relative=1.0), 10),
        (Limits(absolute=100, relative=0.1), 10),
        (Limits(absolute=100, relative=0.001), 1),
        (Limits(absolute=0, relative=1.0), 1),
    ],
)
def test_absolute_and_relative_limits_bound_the_moves(limits: Limits, moved: int) -> None:
    assert len(allocate(map_of([50, 50, 0]), candidates(3), (), limits)) == moved


@pytest.mark.parametrize("state", [ShardState.MOVING, ShardState.TAKING_OVER])
def test_nothing_moves_for_balance_while_a_shard_is_under_way(state: ShardState) -> None:
    shard_map = map_of([4, 4, 0])
    row = shard_map.assignments[0]
    under_way = ShardAssignment(0, 1, row.session, row.node, row.address, state, 2)

    assert allocate(shard_map.with_assignment(under_way), candidates(3), (), UNLIMITED) == []


def test_the_most_loaded_node_gives_first() -> None:
    shard_map = map_of([5, 9, 0])

    moves = allocate(shard_map, candidates(3), (), Limits(absolute=3, relative=1.0))

    assert [move.source for move in moves] == [2, 2, 2]


def test_a_draining_node_gives_all_and_takes_none() -> None:
    shard_map = map_of([4, 4, 4], free=2)

    moves = allocate(shard_map, candidates(3), {2}, UNLIMITED)

    assert loads_of(applied(shard_map, moves), 3) == [7, 0, 7]


def test_drains_keep_the_limit_with_the_moves_that_are_under_way() -> None:
    shard_map = map_of([6, 6])
    row = shard_map.assignments[0]
    moving = ShardAssignment(0, 1, 1, row.node, row.address, ShardState.MOVING, 2)

    moves = allocate(
        shard_map.with_assignment(moving), candidates(2), {1}, Limits(absolute=3, relative=1.0)
    )

    assert len(moves) == 2


def test_free_shards_are_placed_without_limit_on_the_least_loaded_nodes() -> None:
    shard_map = map_of([3, 0, 0], free=9)

    moves = allocate(shard_map, candidates(3), (), Limits(absolute=1))

    assert len(moves) == 9
    assert loads_of(applied(shard_map, moves), 3) == [4, 4, 4]


def test_shards_of_a_fenced_session_are_nobodys() -> None:
    shard_map = map_of([2, 2])
    for row in shard_map.assignments[:2]:
        taken = ShardAssignment(row.shard, 1, 1, "n1", "n1:1", ShardState.TAKING_OVER)
        shard_map = shard_map.with_assignment(taken)

    assert allocate(shard_map, [Candidate(2)], (), UNLIMITED) == []
    moves = allocate(shard_map, [Candidate(2)], (), UNLIMITED, fenced={1})
    assert moves == [Move(0, 0, 2), Move(1, 0, 2)]


def test_only_the_newest_version_takes_shards_and_nothing_moves_in_a_rolling_upgrade() -> None:
    old, new = Candidate(1, (1, 9)), Candidate(2, (1, 10))

    assert allocate(map_of([8, 0]), [old, new], (), UNLIMITED) == []
    moves = allocate(map_of([4, 0], free=2), [old, new], (), UNLIMITED)
    assert [move.target for move in moves] == [2, 2]


def test_the_newest_version_alone_can_be_emptied() -> None:
    """An upgrade that is taken back, and a node that dies meanwhile."""
    old, new = Candidate(1, (1, 9)), Candidate(2, (1, 10))

    moves = allocate(map_of([4, 4], free=2), [old, new], {2}, UNLIMITED)

    assert {move.target for move in moves} == {1}
    assert len(moves) == 6


def test_nothing_is_placed_without_nodes() -> None:
    assert allocate(map_of([], free=4), [], (), UNLIMITED) == []
    assert allocate(map_of([2]), [Candidate(1)], {1}, UNLIMITED) == []
    assert least_loaded(map_of([2]), []) is None


@given(
    loads=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    free=st.integers(0, 10),
    draining=st.sets(st.integers(1, 8), max_size=3),
    limits=st.builds(Limits, st.integers(1, 20), st.floats(0, 1)),
)
def test_repeated_allocation_balances_within_bounded_rounds(
    loads: list[int], free: int, draining: set[int], limits: Limits
) -> None:
    count = len(loads)
    shard_map = map_of(loads, free)
    shards = shard_map.shard_count
    takers = [s for s in range(1, count + 1) if s not in draining]
    budget = limits.of(shards)
    rounds = 0
    while moves := allocate(shard_map, candidates(count), draining, limits):
        rounds += 1
        assert rounds <= 3 + -(-shards // budget), "bounded: every round but three uses its budget"
        assert sum(move.source > 0 for move in moves) <= budget
        assert all(move.target in takers for move in moves)
        assert len({move.shard for move in moves}) == len(moves)
        shard_map = applied(shard_map, moves)
    assert len(shard_map.assignments) == shards, "no shard is lost"
    if takers:
        after = loads_of(shard_map, count)
        assert sum(after) == shards
        assert all(after[session - 1] == 0 for session in draining if session <= count)
        kept = [after[session - 1] for session in takers]
        assert max(kept) - min(kept) <= 1


@given(loads=st.lists(st.integers(0, 40), min_size=2, max_size=8))
def test_balancing_moves_no_more_shards_than_balance_needs(loads: list[int]) -> None:
    shard_map = map_of(loads)
    total, count = sum(loads), len(loads)
    # The fewest moves leave the largest loads at the rounded-up mean, the others at the mean.
    above = total % count
    targets = [total // count + (rank < above) for rank in range(count)]
    fewest = sum(
        max(0, load - target)
        for load, target in zip(sorted(loads, reverse=True), targets, strict=True)
    )

    moves = allocate(shard_map, candidates(count), (), UNLIMITED)

    assert len(moves) == fewest
    # Without limits one round is enough, and balance stays as it is.
    balanced = applied(shard_map, moves)
    assert sorted(loads_of(balanced, count)) == sorted(targets)
    assert allocate(balanced, candidates(count), (), UNLIMITED) == []
