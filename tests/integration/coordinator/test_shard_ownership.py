"""The coordinator and fake shard nodes: start, join, leave, crash, pause, move, drain."""

from typing import Any

import pytest

from flightmesh.errors import Refused
from flightmesh.journal import SegmentState
from flightmesh.sharding.shard_map import ShardState

Mesh = Any


async def test_a_cold_start_shares_the_shards_among_the_nodes(mesh: Mesh) -> None:
    await mesh.node("a")
    await mesh.node("b")
    await mesh.coordinator()

    assert await mesh.until_served(1.0) < 0.5
    assert await mesh.counts() == {"a": 8, "b": 8}


async def test_a_node_that_joins_takes_its_share_a_few_shards_at_a_time(mesh: Mesh) -> None:
    await mesh.node("a")
    await mesh.coordinator()
    await mesh.until_served(1.0)

    joined = await mesh.node("b")
    most_moving = 0
    for _ in range(100):
        await mesh.clock.advance(0.05)
        rows = (await mesh.map()).assignments
        moving = sum(row.state is ShardState.MOVING for row in rows)
        most_moving = max(most_moving, moving)

    assert await mesh.serves()
    assert await mesh.counts() == {"a": 8, "b": 8}
    assert most_moving <= 3  # a fifth of 16
    assert len(joined.owned) == 8


async def test_nothing_moves_once_the_shards_are_shared(mesh: Mesh) -> None:
    await mesh.node("a")
    await mesh.node("b")
    await mesh.coordinator()
    await mesh.until_served(1.0)
    before = await mesh.map()

    await mesh.clock.advance(30)

    assert (await mesh.map()).assignments == before.assignments


async def test_the_shards_of_a_killed_node_serve_again_within_a_second(mesh: Mesh) -> None:
    killed = await mesh.node("a")
    await mesh.node("b")
    await mesh.coordinator()
    await mesh.until_served(1.0)

    await killed.kill()

    assert await mesh.until_served(1.0) < 0.5
    assert await mesh.counts() == {"a": 0, "b": 16}
    segment = await mesh.journal.read_segment(killed.session, 0)
    assert segment.state is SegmentState.SEALED


async def test_the_shards_of_a_paused_node_serve_again_within_five_seconds(mesh: Mesh) -> None:
    paused = await mesh.node("a")
    await mesh.node("b")
    await mesh.node("c")
    await mesh.coordinator()
    await mesh.until_served(1.0)

    paused.awake.clear()
    await mesh.clock.advance(0.5)
    for _ in range(60):
        await mesh.clock.advance(0.05)
        if (await mesh.counts())["a"] == 0 and await mesh.serves():
            break

    assert await mesh.serves()
    assert (await mesh.counts())["a"] == 0
    segment = await mesh.journal.read_segment(paused.session, 0)
    assert segment.state is SegmentState.SEALED


async def test_a_node_that_leaves_and_says_so_is_relieved(mesh: Mesh) -> None:
    left = await mesh.node("a")
    await mesh.node("b")
    await mesh.coordinator()
    await mesh.until_served(1.0)

    await left.leave()

    await mesh.until_served(1.0)
    assert await mesh.counts() == {"a": 0, "b": 16}


async def test_a_restarted_node_supersedes_its_old_session_at_once(mesh: Mesh) -> None:
    node = await mesh.node("a")
    await mesh.coordinator()
    await mesh.until_served(1.0)
    old_session = node.session

    await node.kill()
    await node.start()

    assert await mesh.until_served(2.0) < 1.0
    assert node.session > old_session
    assert (await mesh.journal.read_segment(old_session, 0)).state is SegmentState.SEALED


async def test_epochs_only_grow(mesh: Mesh) -> None:
    node = await mesh.node("a")
    other = await mesh.node("b")
    await mesh.coordinator()
    await mesh.until_served(1.0)
    epochs = [row.epoch for row in (await mesh.map()).assignments]

    for victim in (node, other, node):
        await victim.kill()
        await mesh.until_served(15.0)
        await victim.start()
        await mesh.clock.advance(15.0)
        await mesh.until_served(5.0)
        now = [row.epoch for row in (await mesh.map()).assignments]
        assert all(new >= old for new, old in zip(now, epochs, strict=True))
        assert sum(now) > sum(epochs)
        epochs = now


async def test_a_move_that_an_operator_asks_for_is_made_and_stays(mesh: Mesh) -> None:
    await mesh.node("a")
    target = await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(1.0)
    shard = next(r.shard for r in (await mesh.map()).assignments if r.node == "a")
    epoch = (await mesh.map()).assignments[shard].epoch

    assert await coordinator.move_shard(shard, "b") == epoch
    await mesh.clock.advance(5.0)

    assert await mesh.serves()
    row = (await mesh.map()).assignments[shard]
    assert (row.node, row.epoch) == ("b", epoch + 1)
    assert target.owned[shard] == epoch + 1
    assert await mesh.counts() == {"a": 7, "b": 9}


async def test_a_move_without_a_target_goes_to_the_least_loaded_other_node(mesh: Mesh) -> None:
    await mesh.node("a")
    await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(1.0)
    source = (await mesh.map()).assignments[0].node

    await coordinator.move_shard(0, "")
    await mesh.clock.advance(2.0)

    assert (await mesh.map()).assignments[0].node == {"a": "b", "b": "a"}[source]


@pytest.mark.parametrize(
    ("shard", "node", "reason"),
    [(99, "b", "SHARD_NOT_FOUND"), (0, "nobody", "NODE_NOT_FOUND"), (0, "", "NODE_NOT_FOUND")],
)
async def test_an_impossible_move_is_refused(
    mesh: Mesh, shard: int, node: str, reason: str
) -> None:
    await mesh.node("a")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)

    with pytest.raises(Refused) as refused:
        await coordinator.move_shard(shard, node)

    assert refused.value.reason == reason


async def test_a_drained_node_loses_its_shards_and_gets_none(mesh: Mesh) -> None:
    await mesh.node("a")
    await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)

    assert await coordinator.drain_node("a") == 8
    await mesh.clock.advance(10.0)

    assert await mesh.serves()
    assert await mesh.counts() == {"a": 0, "b": 16}
    segment = await mesh.journal.read_segment(mesh.nodes["a"].session, 0)
    assert segment.state is SegmentState.OPEN, "a drain is no failure"


async def test_a_drained_node_that_starts_again_serves_again(mesh: Mesh) -> None:
    node = await mesh.node("a")
    await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)
    await coordinator.drain_node("a")
    await mesh.clock.advance(10.0)
    drained = node.session

    await node.leave()
    await node.start()
    await mesh.clock.advance(20.0)

    assert await mesh.counts() == {"a": 8, "b": 8}
    segment = await mesh.journal.read_segment(drained, 0)
    assert segment.state is SegmentState.SEALED, "readers need not look at it any more"


async def test_a_node_may_ask_to_be_relieved_by_its_registration(mesh: Mesh) -> None:
    node = await mesh.node("a")
    await mesh.node("b")
    await mesh.coordinator()
    await mesh.until_served(1.0)

    await node.register(draining=True)
    await mesh.clock.advance(10.0)

    assert await mesh.counts() == {"a": 0, "b": 16}


async def test_an_owner_that_does_not_release_in_time_is_fenced(mesh: Mesh) -> None:
    stubborn = await mesh.node("a")
    await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)
    stubborn.refuses_release = True

    await coordinator.drain_node("a")
    await mesh.clock.advance(12.0)

    await mesh.until_served(2.0)
    assert await mesh.counts() == {"a": 0, "b": 16}
    segment = await mesh.journal.read_segment(stubborn.session, 0)
    assert segment.state is SegmentState.SEALED


async def test_a_shard_whose_target_dies_goes_to_another_node(mesh: Mesh) -> None:
    await mesh.node("a")
    await mesh.node("b")
    target = await mesh.node("c")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(1.0)
    shard = next(r.shard for r in (await mesh.map()).assignments if r.node == "a")
    mesh.nodes["a"].awake.clear()
    await coordinator.move_shard(shard, "c")
    await mesh.clock.settle()

    await target.kill()
    mesh.nodes["a"].awake.set()

    await mesh.until_served(5.0)
    assert (await mesh.counts())["c"] == 0


async def test_a_process_without_nodes_waits_and_serves_when_one_comes(mesh: Mesh) -> None:
    await mesh.coordinator()
    await mesh.clock.advance(5.0)

    await mesh.node("a")

    assert await mesh.until_served(1.0) < 0.5
