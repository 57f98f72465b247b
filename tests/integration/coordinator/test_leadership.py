"""Coordinators and what survives them: another leader, a wiped registry, a restart, late writes."""

from typing import Any

import pytest

from flightmesh.errors import ConfigurationError
from flightmesh.journal import Claim, ClaimChange, DirectoryRow, SegmentState
from flightmesh.registry import Compare, Delete, Put
from flightmesh.sharding.shard_map import (
    LEADER_KEY,
    MAP_PREFIX,
    ShardAssignment,
    ShardState,
    encode_assignment,
    map_key,
)

Mesh = Any


async def _dead_session(mesh: Mesh, node: str, shards: range) -> int:
    """A session of a process that is gone, with its ledger and claims."""
    session: int = await mesh.journal.allocate_session()
    await mesh.journal.add_to_directory(DirectoryRow(session, node))
    await mesh.journal.open_segment(session, 0, b"gone", 0)
    claims = [ClaimChange(None, Claim(s, session, 1, False, (session,))) for s in shards]
    assert await mesh.claims.change_claims(claims)
    return session


async def _wipe(mesh: Mesh) -> None:
    items = (await mesh.registry.list_prefix("")).items
    await mesh.registry.transact([], [Delete(item.key) for item in items])


async def test_a_restart_with_the_claims_of_dead_sessions_seals_them_and_serves_at_once(
    mesh: Mesh,
) -> None:
    dead = [
        await _dead_session(mesh, "a", range(32)),
        await _dead_session(mesh, "b", range(32, 64)),
    ]
    await mesh.coordinator(shard_count=64)
    await mesh.node("a")
    await mesh.node("b")

    assert await mesh.until_served(1.0) < 0.5

    for session in dead:
        assert (await mesh.journal.read_segment(session, 0)).state is SegmentState.SEALED
    assert await mesh.counts() == {"a": 32, "b": 32}


async def test_a_leader_reads_the_registry_once_a_second_where_nothing_happens_and_at_once_else(
    mesh: Mesh,
) -> None:
    await mesh.node("a")
    await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(3.0)

    before = mesh.registry.reads
    await mesh.clock.advance(10.0)
    assert 9 <= mesh.registry.reads - before <= 12

    await mesh.node("b")
    before = mesh.registry.reads
    await mesh.clock.settle()
    assert mesh.registry.reads > before


async def test_a_node_that_the_registrys_watch_does_not_tell_of_gets_its_shards_all_the_same(
    mesh: Mesh,
) -> None:
    mesh.registry.is_mute = True
    await mesh.node("a")
    await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(3.0)

    await mesh.node("b")
    await mesh.clock.advance(3.0)
    assert await mesh.serves()
    assert await mesh.counts() == {"a": 8, "b": 8}


async def test_a_dead_session_of_a_node_that_does_not_come_back_is_sealed_after_the_grace(
    mesh: Mesh,
) -> None:
    dead = await _dead_session(mesh, "x", range(16))
    await mesh.coordinator()
    await mesh.node("a")

    assert await mesh.until_served(6.0) > 1.0
    assert (await mesh.journal.read_segment(dead, 0)).state is SegmentState.SEALED


async def test_a_wiped_registry_is_written_again_from_the_claims_and_nobody_is_fenced(
    mesh: Mesh,
) -> None:
    nodes = [await mesh.node("a"), await mesh.node("b")]
    await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(1.0)
    owned = [set(node.owned) for node in nodes]

    await _wipe(mesh)
    for node in nodes:
        await node.register()
    await mesh.clock.advance(15.0)

    assert await mesh.serves()
    assert [set(node.owned) for node in nodes] == owned
    for node in nodes:
        assert (await mesh.journal.read_segment(node.session, 0)).state is SegmentState.OPEN


async def test_a_wiped_map_is_written_again_under_the_same_leader(mesh: Mesh) -> None:
    nodes = [await mesh.node("a"), await mesh.node("b")]
    await mesh.coordinator()
    await mesh.until_served(1.0)
    owned = [set(node.owned) for node in nodes]

    items = (await mesh.registry.list_prefix(MAP_PREFIX)).items
    await mesh.registry.transact([], [Delete(item.key) for item in items])
    await mesh.clock.advance(3.0)

    assert await mesh.serves()
    assert [set(node.owned) for node in nodes] == owned


async def test_a_restored_map_that_names_one_who_released_is_corrected(mesh: Mesh) -> None:
    node = await mesh.node("a")
    await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(1.0)
    row = next(r for r in (await mesh.map()).assignments if r.node == "a")
    await coordinator.move_shard(row.shard, "b")
    await mesh.clock.advance(3.0)
    assert row.shard in node.released

    # An older copy of the row comes back: "active at a", who has released it; b holds the claim.
    await mesh.registry.transact([], [Put(map_key(row.shard), encode_assignment(row))])
    await mesh.until_served(10.0)

    restored = (await mesh.map()).assignments[row.shard]
    assert restored.node == "b"
    assert restored.epoch > row.epoch


async def test_an_assignment_that_a_live_claim_stands_against_goes_to_the_holder(
    mesh: Mesh,
) -> None:
    holder = await mesh.node("a")
    other = await mesh.node("b")
    await mesh.coordinator()
    await mesh.until_served(1.0)
    shard = next(iter(holder.owned))

    wrong = ShardAssignment(shard, 40, other.session, "b", other.address, ShardState.ACTIVE)
    await mesh.registry.transact([], [Put(map_key(shard), encode_assignment(wrong))])
    await mesh.until_served(5.0)

    assert (await mesh.map()).assignments[shard].session == holder.session
    assert (await mesh.map()).assignments[shard].epoch > 40


async def test_a_standby_takes_over_at_once_when_the_leader_stops(mesh: Mesh) -> None:
    await mesh.node("a")
    first = await mesh.coordinator("c1")
    await mesh.clock.settle()
    second = await mesh.coordinator("c2")
    await mesh.until_served(1.0)
    before = (await mesh.map()).assignments
    assert (first.leader is not None, second.leader is not None) == (True, False)

    await first.stop()
    await mesh.clock.advance(0.1)

    assert second.leader is not None
    await mesh.clock.advance(5.0)
    assert (await mesh.map()).assignments == before, "a new leader changes nothing that is right"


async def test_a_killed_leader_is_followed_when_its_lease_ends_and_nodes_go_on(
    mesh: Mesh,
) -> None:
    nodes = [await mesh.node("a"), await mesh.node("b")]
    first = await mesh.coordinator("c1")
    await mesh.clock.settle()
    second = await mesh.coordinator("c2")
    await mesh.until_served(1.0)
    owned = [dict(node.owned) for node in nodes]

    # Killed, so it cannot give up its lease of five seconds.
    mesh.registry.keeps_revoked = True
    await first.stop()
    mesh.registry.keeps_revoked = False
    await mesh.clock.advance(3.0)
    assert second.leader is None
    assert await mesh.serves()
    await mesh.clock.advance(4.0)

    assert second.leader is not None, "lease and two seconds"
    await mesh.clock.advance(5.0)
    assert [node.owned for node in nodes] == owned


async def test_a_new_leader_finishes_a_move_that_the_old_one_began(mesh: Mesh) -> None:
    source = await mesh.node("a")
    await mesh.node("b")
    first = await mesh.coordinator("c1")
    await mesh.until_served(1.0)
    await mesh.clock.advance(1.0)
    shard = next(iter(source.owned))
    source.refuses_release = True
    await first.move_shard(shard, "b")
    await mesh.clock.advance(0.5)
    assert (await mesh.map()).assignments[shard].state is ShardState.MOVING

    await first.stop()
    source.refuses_release = False
    await mesh.coordinator("c2")
    await mesh.until_served(3.0)

    assert (await mesh.map()).assignments[shard].node == "b"


async def test_a_new_leader_finishes_a_take_over_that_the_old_one_began(mesh: Mesh) -> None:
    victim = await mesh.node("a")
    await mesh.node("b")
    first = await mesh.coordinator("c1")
    await mesh.until_served(1.0)
    await first.stop()
    await victim.kill()
    for row in (await mesh.map()).assignments:
        if row.session == victim.session:
            begun = ShardAssignment(
                row.shard, row.epoch, row.session, "a", row.address, ShardState.TAKING_OVER
            )
            await mesh.registry.transact([], [Put(map_key(row.shard), encode_assignment(begun))])

    await mesh.coordinator("c2")

    await mesh.until_served(1.0)
    assert await mesh.counts() == {"a": 0, "b": 16}


async def test_a_new_leader_waits_for_nodes_to_connect_before_it_suspects_them(
    mesh: Mesh,
) -> None:
    slow = await mesh.node("a")
    await mesh.node("b")
    first = await mesh.coordinator("c1")
    await mesh.until_served(1.0)
    await first.stop()
    slow.awake.clear()
    await mesh.coordinator("c2")

    await mesh.clock.advance(1.5)
    slow.awake.set()
    await mesh.clock.advance(5.0)

    assert (await mesh.journal.read_segment(slow.session, 0)).state is SegmentState.OPEN
    assert (await mesh.counts())["a"] == 8


async def test_a_leader_that_misses_most_nodes_waits_before_it_fences_them(mesh: Mesh) -> None:
    nodes = [await mesh.node(name) for name in "abc"]
    await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(2.0)

    for node in nodes[:2]:
        node.awake.clear()
    await mesh.clock.advance(3.0)
    for node in nodes[:2]:
        node.awake.set()
    await mesh.clock.advance(5.0)

    for node in nodes:
        assert (await mesh.journal.read_segment(node.session, 0)).state is SegmentState.OPEN


async def test_a_late_write_of_a_deposed_leader_is_not_applied(mesh: Mesh) -> None:
    await mesh.node("a")
    first = await mesh.coordinator("c1")
    await mesh.until_served(1.0)
    old_leader = (await mesh.registry.list_prefix(LEADER_KEY)).items[0]
    row = (await mesh.registry.list_prefix(map_key(3))).items[0]
    await first.stop()
    await mesh.coordinator("c2")
    await mesh.clock.advance(1.0)

    late = await mesh.registry.transact(
        [
            Compare(LEADER_KEY, create_revision=old_leader.create_revision),
            Compare(row.key, mod_revision=row.mod_revision),
        ],
        [Put(row.key, b"{}")],
    )

    assert not late.succeeded


async def test_a_store_with_another_shard_count_is_refused(mesh: Mesh) -> None:
    await mesh.coordinator("c1", shard_count=16)

    with pytest.raises(ConfigurationError):
        await mesh.coordinator("c2", shard_count=32)


async def test_a_leader_whose_lease_ended_unnoticed_steps_down_and_stands_again(
    mesh: Mesh,
) -> None:
    await mesh.node("a")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)
    leader = (await mesh.registry.list_prefix(LEADER_KEY)).items[0]

    await mesh.registry.revoke_lease(leader.lease)
    await mesh.clock.advance(15.0)

    assert coordinator.leader is not None
    again = (await mesh.registry.list_prefix(LEADER_KEY)).items[0]
    assert again.create_revision > leader.create_revision
    assert await mesh.serves()
