"""What operators ask for: drain and its end, rebalancing; and how long it lasts."""

from typing import Any

import pytest

from flightmesh.errors import Refused, Unavailable
from flightmesh.registry import Put
from flightmesh.sharding.shard_map import DRAIN_PREFIX, ShardState, map_key

Mesh = Any


async def _two_nodes(mesh: Mesh) -> Any:
    """A coordinator that leads, nodes a and b with eight shards each."""
    await mesh.node("a")
    await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)
    await mesh.clock.advance(1.0)
    return coordinator


async def test_a_node_whose_drain_is_ended_takes_its_share_again(mesh: Mesh) -> None:
    coordinator = await _two_nodes(mesh)
    await coordinator.drain_node("a")
    await mesh.clock.advance(10.0)
    assert await mesh.counts() == {"a": 0, "b": 16}

    assert await coordinator.undrain_node("a") is True
    await mesh.clock.advance(10.0)

    assert await mesh.counts() == {"a": 8, "b": 8}
    assert await coordinator.undrain_node("a") is False, "said twice it does nothing more"


async def test_a_drain_that_is_ended_at_once_moves_back_what_had_moved(mesh: Mesh) -> None:
    coordinator = await _two_nodes(mesh)
    await coordinator.drain_node("a")
    await mesh.clock.settle()
    await coordinator.undrain_node("a")
    await mesh.clock.advance(20.0)

    assert await mesh.counts() == {"a": 8, "b": 8}
    assert await mesh.serves()


async def test_a_drain_that_is_ended_while_the_leader_reads_is_ended(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator = await _two_nodes(mesh)
    await coordinator.drain_node("a")
    await mesh.clock.advance(20.0)
    assert await mesh.counts() == {"a": 0, "b": 16}

    read_claims, ended = mesh.claims.read_claims, []

    async def read_and_end_the_drain() -> Any:
        claims = await read_claims()
        if not ended:
            # The leader has read of the drain already, and will act on it.
            ended.append(await coordinator.undrain_node("a"))
        return claims

    monkeypatch.setattr(mesh.claims, "read_claims", read_and_end_the_drain)
    await mesh.clock.advance(12.0)
    assert ended == [True]
    await mesh.clock.advance(10.0)
    assert await mesh.counts() == {"a": 8, "b": 8}


async def test_a_move_that_is_asked_for_during_another_one_is_done_after_it(mesh: Mesh) -> None:
    coordinator = await _two_nodes(mesh)
    await mesh.node("c")
    await mesh.clock.advance(10.0)
    leader = coordinator._leading()
    write_rows, asked = leader._store.write_rows, {}

    async def write_and_ask(rows: Any) -> bool:
        for row in rows:
            if row.state is ShardState.MOVING and not asked:
                # The map does not show yet that it moves, and whither.
                other = "b" if row.target_session == mesh.nodes["c"].session else "c"
                await coordinator.move_shard(row.shard, other)
                asked[row.shard] = other
        return await write_rows(rows)  # type: ignore[no-any-return]

    leader._store.write_rows = write_and_ask
    await coordinator.drain_node("a")
    await mesh.clock.advance(20.0)

    ((shard, wanted),) = asked.items()
    assert shard in mesh.nodes[wanted].owned
    assert mesh.nodes["a"].owned == {}
    assert await mesh.serves()


async def test_a_move_to_a_node_that_is_gone_is_forgotten(mesh: Mesh) -> None:
    coordinator = await _two_nodes(mesh)
    leader = coordinator._leading()
    gone = mesh.nodes["b"]
    leader._store.write_rows = _never
    await coordinator.move_shard(next(iter(mesh.nodes["a"].owned)), "b")
    await gone.kill()
    await mesh.clock.advance(15.0)

    assert leader.learned.wishes == {}


async def _never(_rows: Any) -> bool:
    return False


async def test_a_node_that_stops_by_itself_cannot_be_called_back(mesh: Mesh) -> None:
    coordinator = await _two_nodes(mesh)
    await mesh.nodes["a"].register(draining=True)
    await mesh.clock.advance(1.0)

    with pytest.raises(Refused) as refused:
        await coordinator.undrain_node("a")
    assert refused.value.reason == "NODE_STOPPING"
    with pytest.raises(Refused) as refused:
        await coordinator.undrain_node("nobody")
    assert refused.value.reason == "NODE_NOT_FOUND"


async def test_a_drain_holds_for_the_sessions_that_the_process_begins_anew(mesh: Mesh) -> None:
    node = await mesh.node("a")
    await mesh.node("b")
    coordinator = await mesh.coordinator()
    await mesh.until_served(1.0)
    node.refuses_release = True
    await coordinator.drain_node("a")
    # It does not release, so it is fenced, and begins anew in the same process.
    await mesh.clock.advance(15.0)
    node.refuses_release = False
    await node.kill()
    await node.start(same_process=True)
    await mesh.clock.advance(20.0)

    assert await mesh.counts() == {"a": 0, "b": 16}


async def test_a_drain_holds_while_the_node_has_lost_its_registration(mesh: Mesh) -> None:
    coordinator = await _two_nodes(mesh)
    await coordinator.drain_node("a")
    await mesh.clock.advance(10.0)

    node = mesh.nodes["a"]
    await mesh.registry.revoke_lease(node.lease)
    node.awake.clear()
    await mesh.clock.advance(25.0)
    node.awake.set()
    await mesh.clock.advance(20.0)

    assert await mesh.counts() == {"a": 0, "b": 16}


async def test_a_drain_of_a_process_that_was_started_anew_is_forgotten(mesh: Mesh) -> None:
    coordinator = await _two_nodes(mesh)
    await coordinator.drain_node("a")
    await mesh.clock.advance(5.0)
    await mesh.nodes["a"].leave()
    await mesh.nodes["a"].start()
    await mesh.clock.advance(20.0)

    assert not (await mesh.registry.list_prefix(DRAIN_PREFIX)).items


async def test_rebalancing_after_moves_of_an_operator_makes_the_loads_even(mesh: Mesh) -> None:
    coordinator = await _two_nodes(mesh)
    for shard in mesh.nodes["a"].owned.copy():
        await coordinator.move_shard(shard, "b")
    await mesh.clock.advance(10.0)
    assert await mesh.counts() == {"a": 0, "b": 16}, "what an operator moves stays"

    planned = coordinator.rebalance(dry_run=True)
    await mesh.clock.advance(10.0)
    assert await mesh.counts() == {"a": 0, "b": 16}, "a plan moves nothing"
    assert [(move.from_node, move.to_node) for move in planned.moves] == [("b", "a")] * 8
    assert (planned.under_way, planned.at_once) == (0, 3)

    assert coordinator.rebalance(dry_run=False) == planned
    await mesh.clock.advance(10.0)
    assert await mesh.counts() == {"a": 8, "b": 8}
    moved = {move.shard for move in planned.moves}
    assert moved == set(mesh.nodes["a"].owned), "it was done as it was told"
    assert coordinator.rebalance(dry_run=True).moves == ()


async def test_only_a_leader_rebalances(mesh: Mesh) -> None:
    await _two_nodes(mesh)
    standby = await mesh.coordinator("c2")

    with pytest.raises(Unavailable):
        standby.rebalance(dry_run=True)


async def test_what_somebody_else_wrote_into_the_registry_stops_nothing(mesh: Mesh) -> None:
    await _two_nodes(mesh)

    rubbish = [map_key(3), "nodes/shard_node/x", "drain/a", "unknown"]
    await mesh.registry.transact([], [Put(key, b"rubbish") for key in rubbish])
    await mesh.clock.advance(3.0)
    await mesh.registry.transact([], [Put(map_key(5), b"rubbish")])
    await mesh.nodes["a"].kill()

    await mesh.until_served(10.0)
