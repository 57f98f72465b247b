"""Nodes and leaders that fail, on real servers; what is lost comes back without human help."""

import asyncio
from typing import Any

from flightmesh.journal import SegmentState
from flightmesh.registry import Delete
from flightmesh.sharding.shard_map import LEADER_KEY, ShardState
from launcher.servers.etcd import Etcd

MakeMesh = Any


async def _with_nodes(make_mesh: MakeMesh, etcd: Etcd, *names: str) -> Any:
    mesh = await make_mesh(etcd)
    await mesh.coordinator("c1")
    for name in names:
        await mesh.node(name)
    await mesh.until_served()
    await mesh.create_schedule()
    await mesh.commands_to_all()
    return mesh


async def test_the_shards_of_a_killed_node_are_served_by_the_others(
    make_mesh: MakeMesh, etcd_server: Etcd
) -> None:
    mesh = await _with_nodes(make_mesh, etcd_server, "a", "b", "c")
    killed = mesh.nodes["a"]
    session = killed.session

    async with asyncio.TaskGroup() as group:
        group.create_task(killed.kill())
        group.create_task(mesh.commands_to_all())

    row = await mesh.store.journal.read_segment(session, 0)
    assert row.state is SegmentState.SEALED
    assert {row.node for row in (await mesh.map()).assignments} == {"b", "c"}


async def test_a_killed_leader_has_a_successor_and_no_command_fails(
    make_mesh: MakeMesh, etcd_server: Etcd
) -> None:
    mesh = await _with_nodes(make_mesh, etcd_server, "a", "b")
    await mesh.coordinator("c2")
    former = mesh.leader
    sessions = [node.session for node in mesh.nodes.values()]

    await former.kill()
    while mesh.leader is None:
        await mesh.commands_to_all(5.0)
    await mesh.commands_to_all()

    assert mesh.leader is not former
    assert [node.session for node in mesh.nodes.values()] == sessions, "nobody was fenced"


async def test_a_leader_that_wakes_up_after_another_one_leads_writes_nothing_more(
    make_mesh: MakeMesh, etcd_server: Etcd
) -> None:
    """Rule 4, and the leader's own clock: each of the two would be enough."""
    mesh = await _with_nodes(make_mesh, etcd_server, "a", "b")
    former = mesh.leader
    election = former.coordinator._election
    token = election.token
    leadership = former.coordinator.leader
    # Frozen: its lease is not renewed, and it does not know; another one is elected.
    election._lease, lease = 0, election._lease
    await former.coordinator._tasks.stop()
    await mesh.coordinator("c2")
    await mesh.until(lambda: mesh.coordinators["c2"].coordinator.leader is not None, 30.0)
    rows = {row.shard: row for row in (await mesh.map()).assignments}

    # It wakes up and takes itself for the leader still: every write it makes is guarded.
    election._lease, election._deadline_s = lease, mesh.clock.monotonic_s() + 60.0
    assert election.leads()
    await leadership._store.read()
    assert not await leadership._store.write_rows(list(rows.values()))
    drained = leadership.view.nodes[mesh.nodes["a"].session]
    assert not await leadership._store.write_drain(drained)
    assert not await leadership._store.still_leads()
    assert not await election.renew(), "its lease has ended"
    assert not election.leads()

    (item,) = (await mesh.client.registry.list_prefix(LEADER_KEY)).items
    assert item.create_revision > token
    assert {row.shard: row for row in (await mesh.map()).assignments} == rows
    await mesh.commands_to_all()


async def test_a_leader_whose_process_was_paused_steps_down_by_itself(
    make_mesh: MakeMesh, etcd_server: Etcd
) -> None:
    mesh = await _with_nodes(make_mesh, etcd_server, "a", "b")
    former = mesh.leader.coordinator
    election = former._election
    sessions = [node.session for node in mesh.nodes.values()]
    other = await mesh.coordinator("c2")
    # As after a long pause: the deadline has passed, the lease has gone, the other one leads.
    election._deadline_s = mesh.clock.monotonic_s() - 1.0
    await mesh.client.registry.revoke_lease(election._lease)

    await mesh.until(lambda: other.coordinator.leader is not None, 10.0)
    await mesh.until(lambda: former.leader is None, 10.0)

    assert [node.session for node in mesh.nodes.values()] == sessions
    await mesh.commands_to_all()


async def test_a_drained_node_is_relieved_and_called_back(
    make_mesh: MakeMesh, etcd_server: Etcd
) -> None:
    mesh = await _with_nodes(make_mesh, etcd_server, "a", "b")
    leader = mesh.leader.coordinator

    await leader.drain_node("a")
    await mesh.until(lambda: not mesh.nodes["a"].service.node.session.ownership.slots, 30.0)
    await mesh.commands_to_all()
    assert await leader.undrain_node("a")
    await mesh.until(lambda: len(mesh.nodes["a"].served) == mesh.shard_count // 2, 30.0)

    await mesh.commands_to_all()


async def test_while_etcd_is_down_nobody_is_sealed_and_afterwards_all_comes_back(
    make_mesh: MakeMesh, own_etcd: Etcd
) -> None:
    mesh = await _with_nodes(make_mesh, own_etcd, "a", "b", "c")
    await mesh.coordinator("c2")
    # Not the schedule's owner: without it nothing is begun in the schedule (ADR 23).
    home = mesh.home_of_the_schedule()
    killed = next(node for node in mesh.nodes.values() if home not in node.served)
    session, lost = killed.session, set(killed.served)
    journal = mesh.store.journal

    own_etcd.stop()
    await killed.kill()
    # Longer than a lease: whoever led knows that it may not lead any more.
    await mesh.until(lambda: mesh.leader is None, 30.0)
    for shard in set(range(mesh.shard_count)) - lost:
        await mesh.command(shard, 10.0)
    row = await journal.read_segment(session, 0)
    assert row.state is SegmentState.OPEN, "rule 9: nobody seals what nobody could give away"
    own_etcd.start()

    await mesh.until_served(60.0)
    assert (await journal.read_segment(session, 0)).state is SegmentState.SEALED
    await mesh.commands_to_all()


async def test_an_etcd_that_lost_everything_is_filled_again_from_the_claims(
    make_mesh: MakeMesh, etcd_server: Etcd
) -> None:
    mesh = await _with_nodes(make_mesh, etcd_server, "a", "b")
    before = {shard: node.name for node in mesh.nodes.values() for shard in node.served}
    sessions = [node.session for node in mesh.nodes.values()]

    await _wipe(mesh)
    await mesh.commands_to_all(10.0)
    await mesh.until(lambda: _has_map(mesh), 30.0)
    await mesh.until_served()

    assert [node.session for node in mesh.nodes.values()] == sessions, "nobody was fenced"
    assert {row.shard: row.node for row in (await mesh.map()).assignments} == before
    await mesh.commands_to_all()


async def _wipe(mesh: Any) -> None:
    """Takes everything away, leases included, as a store does that begins anew."""
    registry = mesh.client.registry
    items = (await registry.list_prefix("")).items
    for lease in {item.lease for item in items if item.lease}:
        await registry.revoke_lease(lease)
    await registry.transact([], [Delete(item.key) for item in items if not item.lease])


async def _has_map(mesh: Any) -> bool:
    rows = (await mesh.map()).assignments
    return all(row.state is ShardState.ACTIVE for row in rows)
