"""A registry that is down, slow or loses answers; and a coordinator that stalls."""

from typing import Any

from flightmesh.journal import SegmentState
from flightmesh.registry import Delete
from flightmesh.sharding.shard_map import LEADER_KEY, ShardState

Mesh = Any


async def _is_open(mesh: Mesh, session: int) -> bool:
    segment = await mesh.journal.read_segment(session, 0)
    return bool(segment.state is SegmentState.OPEN)


async def test_nobody_is_sealed_while_the_registry_is_down(mesh: Mesh) -> None:
    killed = await mesh.node("a")
    other = await mesh.node("b")
    await mesh.coordinator()
    await mesh.until_served(1.0)
    owned = dict(other.owned)

    mesh.registry.down = True
    await killed.kill()
    await mesh.clock.advance(30.0)

    assert await _is_open(mesh, killed.session), "rule 9: sealing needs a leader that can assign"
    assert other.owned == owned

    mesh.registry.down = False
    await mesh.until_served(15.0)
    assert await mesh.counts() == {"a": 0, "b": 16}


async def test_an_outage_of_the_registry_changes_nothing_while_all_nodes_live(
    mesh: Mesh,
) -> None:
    nodes = [await mesh.node("a"), await mesh.node("b")]
    await mesh.coordinator()
    await mesh.until_served(1.0)
    owned = [set(node.owned) for node in nodes]

    mesh.registry.down = True
    await mesh.clock.advance(30.0)
    mesh.registry.down = False
    await mesh.clock.advance(20.0)

    assert await mesh.serves()
    assert [set(node.owned) for node in nodes] == owned
    assert all([await _is_open(mesh, node.session) for node in nodes])


async def test_a_map_write_whose_answer_is_lost_is_found_done(mesh: Mesh) -> None:
    mesh.registry.lost_answers = 3
    await mesh.node("a")
    await mesh.coordinator()

    await mesh.until_served(2.0)


async def test_a_map_write_that_arrives_late_changes_no_row_that_was_written_since(
    mesh: Mesh,
) -> None:
    await mesh.node("a")
    await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(1.0)
    mesh.registry.held_requests = 1
    source = (await mesh.map()).assignments[0].node
    await coordinator.move_shard(0, "")
    await mesh.clock.advance(2.0)
    assert (await mesh.map()).assignments[0].node != source

    arrived = await mesh.registry.let_late_requests_arrive()

    assert arrived == [False]
    assert (await mesh.map()).assignments[0].state is ShardState.ACTIVE
    assert await mesh.serves()


async def test_a_stalled_coordinator_takes_its_own_pause_for_nobodys_silence(
    mesh: Mesh,
) -> None:
    nodes = [await mesh.node(name) for name in "ab"]
    await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(1.0)

    mesh.clock.jump(5.5)
    await mesh.clock.advance(10.0)

    assert all([await _is_open(mesh, node.session) for node in nodes])


async def test_nodes_that_start_one_after_another_share_the_shards_without_moves(
    mesh: Mesh,
) -> None:
    await mesh.coordinator()
    await mesh.clock.advance(1.0)
    first = await mesh.node("a")
    await mesh.clock.advance(0.1)
    await mesh.node("b")

    await mesh.until_served(1.0)

    assert await mesh.counts() == {"a": 8, "b": 8}
    assert not [question for question in first.questions if question[0] == "release"]


async def test_a_node_without_shards_that_is_away_for_a_moment_is_not_lost(mesh: Mesh) -> None:
    await mesh.node("a")
    await mesh.node("b")
    await mesh.coordinator(shard_count=1)
    await mesh.until_served(1.0)
    serving, idle = sorted(mesh.nodes.values(), key=lambda node: -len(node.owned))
    assert not idle.owned

    idle.awake.clear()
    await mesh.clock.advance(5.0)
    assert await _is_open(mesh, idle.session), "there is nothing to take over"
    idle.awake.set()
    await mesh.clock.advance(1.0)
    await serving.kill()

    await mesh.until_served(5.0)
    assert idle.owned


async def test_a_leader_whose_key_was_lost_stands_for_election_again(mesh: Mesh) -> None:
    killed = await mesh.node("a")
    await mesh.node("b")
    await mesh.coordinator()
    await mesh.until_served(1.0)

    # A registry restored from an older copy: the key is gone, the lease is not.
    await mesh.registry.transact([], [Delete(LEADER_KEY)])
    await killed.kill()

    await mesh.until_served(8.0)
