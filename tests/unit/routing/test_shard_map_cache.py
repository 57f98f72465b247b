"""The process's own copy of the map, and its messages."""

import asyncio
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightmesh.clock.virtual import ManualClock
from flightmesh.errors import InvalidInput, NotOwner, Unavailable
from flightmesh.ids import shard_of
from flightmesh.registry import Put
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.routing.followers import follow_registry
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.routing.translate import (
    map_from_proto,
    map_to_get_response,
    map_to_watch_response,
    registration_from_proto,
    registration_to_proto,
)
from flightmesh.sharding.shard_map import (
    CONSTANTS_KEY,
    MeshConstants,
    NodeRegistration,
    NodeRole,
    ShardAssignment,
    ShardMap,
    ShardState,
    encode_assignment,
    encode_constants,
    map_key,
)


def row(shard: int, epoch: int = 1, session: int = 1) -> ShardAssignment:
    return ShardAssignment(shard, epoch, session, f"n{session}", f"n{session}:1", ShardState.ACTIVE)


def shard_map(revision: int, *rows: ShardAssignment) -> ShardMap:
    return ShardMap.of(4, revision, rows or [row(n) for n in range(4)])


def test_an_empty_cache_knows_no_shard() -> None:
    cache = ShardMapCache()
    assert cache.shard_count == 0
    with pytest.raises(Unavailable):
        cache.shard_of(str(uuid.uuid4()))


def test_a_malformed_id_has_no_shard() -> None:
    cache = ShardMapCache(shard_map(1))
    for text in ("", "abc", str(uuid.uuid4()).upper()):
        with pytest.raises(InvalidInput):
            cache.shard_of(text)


def test_an_aggregates_shard_is_remembered_until_the_count_changes() -> None:
    cache = ShardMapCache(shard_map(1))
    aggregate_id = str(uuid.uuid4())
    assert cache.shard_of(aggregate_id) == cache.shard_of(aggregate_id) == shard_of(aggregate_id, 4)
    cache.replace(ShardMap.of(1024, 2, [row(0, 2)]))
    assert cache.shard_of(aggregate_id) == shard_of(aggregate_id, 1024)


def test_an_older_map_does_not_replace_a_newer_one() -> None:
    cache = ShardMapCache(shard_map(5, row(0, 3)))
    assert not cache.replace(shard_map(4, row(0, 2)))
    assert cache.assignment(0).epoch == 3
    assert cache.replace(shard_map(6, row(0, 4)))
    assert cache.assignment(0).epoch == 4


def test_a_map_of_a_wiped_registry_is_taken_for_its_higher_epochs() -> None:
    cache = ShardMapCache(shard_map(500, row(0, 3)))
    assert cache.replace(shard_map(2, row(0, 4)))
    assert cache.map.revision == 2


def test_what_is_known_to_be_the_newest_is_taken_though_its_epochs_are_lower() -> None:
    """A registry was wiped, and no assignment of the last epoch had been claimed before."""
    cache = ShardMapCache(shard_map(100, *[row(n, 5) for n in range(4)]))
    restarted = shard_map(3, *[row(n, 4, session=2) for n in range(4)])
    assert not cache.replace(restarted)
    assert cache.replace(restarted, is_newest=True)
    assert cache.map == restarted
    # Its revisions count from here on.
    assert cache.replace(shard_map(4, *[row(n, 4, session=3) for n in range(4)]))


async def test_a_wiped_registry_is_followed_at_once() -> None:
    clock = ManualClock()
    cache = ShardMapCache(shard_map(1_000, *[row(n, 5) for n in range(4)]))
    registry = InMemoryRegistry(clock)
    constants = encode_constants(MeshConstants(4, 1))
    rows = [Put(map_key(n), encode_assignment(row(n, 4, session=2))) for n in range(4)]
    await registry.transact((), [Put(CONSTANTS_KEY, constants), *rows])
    following = asyncio.ensure_future(follow_registry(cache, registry, clock))
    await cache.wait_change(0, 5)
    following.cancel()
    assert cache.assignment(0).session == 2


def test_the_same_rows_again_are_no_change() -> None:
    cache = ShardMapCache(shard_map(1))
    assert not cache.replace(shard_map(9))
    assert (cache.version, cache.map.revision) == (0, 9)


def test_a_not_owner_answer_of_a_higher_epoch_corrects_the_row() -> None:
    cache = ShardMapCache(shard_map(1))
    assert cache.learn(NotOwner(2, 7, 9, "n9:1"))
    assert (cache.assignment(2).session, cache.assignment(2).address) == (9, "n9:1")
    assert cache.version == 1


@pytest.mark.parametrize(
    "answer",
    [
        NotOwner(2, 0, 9, "n9:1"),  # the answering node lags behind
        NotOwner(2, 1, 9, "n9:1"),  # same epoch: the map knows as much
        NotOwner(2, 7, 1, "n1:1"),  # names whom the map names
        NotOwner(2, 7, 0, ""),  # names nobody
        NotOwner(99, 7, 9, "n9:1"),  # no such shard
    ],
)
def test_a_not_owner_answer_that_knows_no_better_changes_nothing(answer: NotOwner) -> None:
    cache = ShardMapCache(shard_map(1))
    assert not cache.learn(answer)
    assert cache.map == shard_map(1)


async def test_a_change_wakes_those_who_wait() -> None:
    cache = ShardMapCache(shard_map(1))
    waiting = [asyncio.ensure_future(cache.wait_change(cache.version, 5)) for _ in range(3)]
    await asyncio.sleep(0)
    cache.learn(NotOwner(2, 7, 9, "n9:1"))
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await cache.wait_change(0, 5)
    assert not await cache.wait_change(cache.version, 0.0)


assignments = st.builds(
    ShardAssignment,
    st.integers(0, 3),
    st.integers(0, 1 << 60),
    st.integers(0, 1 << 60),
    st.text(max_size=9),
    st.text(max_size=9),
    st.sampled_from(ShardState),
    st.integers(0, 1 << 60),
)


@given(st.lists(assignments, max_size=4), st.integers(0, 1 << 60))
def test_a_map_survives_its_messages(rows: list[ShardAssignment], revision: int) -> None:
    original = ShardMap.of(4, revision, rows)
    assert map_from_proto(map_to_get_response(original)) == original
    assert map_from_proto(map_to_watch_response(original)) == original


@pytest.mark.parametrize("role", NodeRole)
def test_a_registration_survives_its_message(role: NodeRole) -> None:
    node = NodeRegistration("a", role, "a:1", 7, 9, True, {"position": "9:4"})
    assert registration_from_proto(registration_to_proto(node)) == node
