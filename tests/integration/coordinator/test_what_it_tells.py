"""What a coordinator tells of itself, in metrics and in logs, is what happened."""

import logging
from functools import partial
from typing import Any

import pytest

from coordinator import metrics
from coordinator.coordinator import Coordinator
from flightmesh.runtime.process_metrics import ProcessMetrics
from flightmesh.testing.exposition import told

Mesh = Any


def values(mesh: Mesh, coordinator: Coordinator) -> dict[str, float]:
    process = ProcessMetrics(mesh.clock)
    process.add("c", metrics.DEFINITIONS, partial(metrics.samples, coordinator))
    prefix = "flightmesh_coordinator_"
    return {key.removeprefix(prefix): v for key, v in told(process.registry, "c").items()}


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    """The fields of all lines of that message."""
    return [
        getattr(record, "fields", {})
        for record in caplog.records
        if record.getMessage().startswith(message)
    ]


async def test_the_leader_tells_of_shards_and_sessions_and_the_standby_of_none(
    mesh: Mesh,
) -> None:
    leader = await mesh.coordinator("c1")
    standby = await mesh.coordinator("c2")
    await mesh.node("a")
    await mesh.node("b")
    await mesh.until_served(3.0)
    now = values(mesh, leader)
    assert now["leader"] == 1
    assert now["leader_token"] == leader.leader.token
    assert now['shards{state="active"}'] == 16
    assert now['sessions{state="registered"}'] == now['sessions{state="alive"}'] == 2
    assert now['shard_changes_total{state="active"}'] == 16
    assert now["reconcile_seconds_count"] > 0
    other = values(mesh, standby)
    assert (other["leader"], other["leader_token"], other["elections_won_total"]) == (0, 0, 0)
    assert 'shards{state="active"}' not in other


async def test_a_dead_node_is_told_of_from_suspicion_to_the_seal(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    leader = await mesh.coordinator()
    dead = await mesh.node("a")
    await mesh.node("b")
    await mesh.until_served(3.0)
    shards = sorted(dead.owned.items())
    await dead.kill()
    await mesh.until_served(5.0)
    now = values(mesh, leader)
    assert now["sessions_suspected_total"] == 1
    assert now["ledgers_sealed_total"] == 1
    assert now['shard_changes_total{state="taking_over"}'] == len(shards)
    assert now['shard_changes_total{state="active"}'] == 16 + len(shards)
    session = dead.session
    assert lines(caplog, "session is to be fenced") == [{"session": session, "node": "a"}]
    (taken,) = lines(caplog, "shards are taking over")
    assert (taken["session"], taken["node"]) == (session, "a")
    assert [shard for shard, _ in taken["shards"]] == [shard for shard, _ in shards]
    assert lines(caplog, "ledger sealed") == [{"session": session, "ledger": session}]


async def test_a_move_is_told_of_with_its_target(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    leader = await mesh.coordinator()
    source = await mesh.node("a")
    target = await mesh.node("b")
    await mesh.until_served(3.0)
    shard, epoch = min(source.owned.items())
    caplog.clear()
    await leader.move_shard(shard, "b")
    await mesh.clock.advance(1.0)
    await mesh.until_served(3.0)
    assert values(mesh, leader)['shard_changes_total{state="moving"}'] == 1
    (moving,) = lines(caplog, "shards are moving")
    assert moving["shards"] == [(shard, epoch)]
    assert (moving["session"], moving["target"]) == (source.session, target.session)
    (active,) = lines(caplog, "shards are active")
    assert (active["shards"], active["session"]) == ([(shard, epoch + 1)], target.session)


async def test_a_leadership_is_told_of_when_it_begins_and_when_it_is_lost(
    mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    leader = await mesh.coordinator()
    await mesh.node("a")
    await mesh.until_served(3.0)
    token = leader.leader.token
    mesh.registry.down = True
    await mesh.clock.advance(15.0)
    now = values(mesh, leader)
    assert (now["leader"], now["leaderships_lost_total"]) == (0, 1)
    assert now["reconciles_put_off_total"] > 1
    (put_off,) = lines(caplog, "the leader's steps are put off")
    assert put_off == {"token": token, "repeats": 1}
    assert lines(caplog, "leader elected") == [{"node": "c1", "token": token}]
    assert lines(caplog, "leadership lost") == [{"node": "c1", "token": token}]
    mesh.registry.down = False
    await mesh.clock.advance(5.0)
    assert values(mesh, leader)["elections_won_total"] == 2
