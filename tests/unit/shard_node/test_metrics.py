"""What a shard node tells of itself is what happened to it."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from flightmesh.errors import StoreUnavailable
from flightmesh.runtime.process_metrics import ProcessMetrics
from flightmesh.testing.exposition import told
from shard_node import metrics
from shard_node.handlers import Handlers
from tests.unit.shard_node.mesh import SHARDS, Gate, Mesh, idle, reply


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    mesh = Mesh()
    yield mesh
    await mesh.stop()


def values(mesh: Mesh, handlers: Handlers) -> dict[str, float]:
    process = ProcessMetrics(mesh.clock)
    name = handlers.node.config.name
    process.add(name, metrics.DEFINITIONS, partial(metrics.samples, handlers, mesh.clock))
    prefix = "flightmesh_shard_node_"
    return {key.removeprefix(prefix): v for key, v in told(process.registry, name).items()}


def outcomes(mesh: Mesh, handlers: Handlers) -> dict[str, float]:
    """Outcomes of commands that occurred, with their numbers."""
    return {
        key.removeprefix('commands_total{outcome="').removesuffix('"}'): value
        for key, value in values(mesh, handlers).items()
        if key.startswith("commands_total") and value
    }


async def test_every_command_is_counted_by_its_outcome(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    leg = mesh.add_leg(rotation, 1)
    await mesh.send(node, leg)
    assert outcomes(mesh, node) == {"accepted": 3}
    await mesh.send(node, leg)  # the same id again
    await mesh.send(node, mesh.add_leg(rotation, 1))  # overlaps
    await mesh.send(node, mesh.add_leg(rotation, 5, expected_sequence=77))
    assert outcomes(mesh, node) == {"accepted": 3, "repeated": 1, "refused": 2}
    assert values(mesh, node)["command_seconds_count"] == 5


async def test_a_command_that_waits_for_its_entry_is_counted_when_it_is_answered(
    mesh: Mesh,
) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    gate = Gate(mesh.journal, "append")
    node.node.session.queue._writer._journal = gate  # type: ignore[attr-defined]
    gate.close()
    batch = node.submit((mesh.add_leg(rotation, 1),), lambda _: False, 5.0)
    await idle()
    before = values(mesh, node)
    assert (before['queued_commands{reason="entry"}'], before["entries_total"]) == (1, 2)
    mesh.clock.now_s += 3.0
    gate.open()
    await batch.wait()
    after = values(mesh, node)
    assert (after['queued_commands{reason="entry"}'], after["entries_total"]) == (0, 3)
    assert after["command_seconds_sum"] == pytest.approx(3.0)
    assert after["append_seconds_sum"] == pytest.approx(3.0)
    assert after["entry_records_count"] == after["entry_bytes_count"] == 3


async def test_shards_and_epochs_are_told_by_state(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    await mesh.assign(node, 0)
    told_now = values(mesh, node)
    assert told_now['shards{state="active"}'] == SHARDS
    assert told_now["highest_epoch"] == 2
    assert told_now["session"] == node.node.session.id
    await mesh.release(node, 0, 1)
    told_now = values(mesh, node)
    assert told_now['shards{state="active"}'] == SHARDS - 2
    assert told_now['claims_total{change="taken"}'] == SHARDS
    assert told_now['claims_total{change="released"}'] == 2


async def test_a_fenced_session_is_counted_with_its_commands_and_its_heir_counts_on(
    mesh: Mesh,
) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    await mesh.seal(node.node.session.id)
    await mesh.send(node, mesh.add_leg(rotation, 1))
    assert values(mesh, node)["session"] == 0
    await mesh.clock.advance(1.0)
    now = values(mesh, node)
    assert outcomes(mesh, node) == {"accepted": 2, "fenced": 1}
    assert now['sessions_ended_total{reason="fenced"}'] == 1
    assert now['sessions_ended_total{reason="failed"}'] == 0
    assert (now["sessions_total"], now["entries_total"]) == (2, 2)


async def test_lookups_tell_what_memory_spares(mesh: Mesh) -> None:
    node = await mesh.add_node()
    await mesh.assign(node)
    (rotation,) = await mesh.create(node)
    before = values(mesh, node)
    await mesh.send(node, mesh.add_leg(rotation, 1))
    after = values(mesh, node)
    hit, miss = 'aggregate_lookups_total{result="hit"}', 'aggregate_lookups_total{result="miss"}'
    assert (after[hit] - before[hit], after[miss] - before[miss]) == (1, 0)
    mesh.slot_of(node, rotation).memory.cells.clear()
    assert reply((await mesh.send(node, mesh.add_leg(rotation, 4)))[0]).sequence == 3
    last = values(mesh, node)
    assert (last[hit] - after[hit], last[miss] - after[miss]) == (0, 1)
    assert last["aggregates"] == 2


async def test_the_lag_of_the_index_is_told_until_it_has_caught_up(mesh: Mesh) -> None:
    class NoIndex:
        async def flush(self, *_: object) -> None:
            raise StoreUnavailable("no index today")

        async def write_watermarks(self, *_: object) -> None:
            raise StoreUnavailable("no index today")

    node = await mesh.add_node()
    await mesh.assign(node)
    await mesh.create(node, 3)
    assert values(mesh, node)["index_backlog_records"] == 4
    flusher = node.node.session.flusher
    real, flusher._index = flusher._index, NoIndex()  # type: ignore[assignment]
    await mesh.clock.advance(2.0)
    assert values(mesh, node)["index_flush_failures_total"] > 0
    flusher._index = real
    await mesh.clock.advance(1.1)
    told_now = values(mesh, node)
    assert told_now["index_backlog_records"] == 0
    assert told_now["index_flush_age_seconds"] < 1.1
