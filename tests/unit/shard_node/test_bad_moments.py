"""Faults at the worst moment: between two steps that belong together."""

from collections.abc import AsyncIterator

import pytest

from flightmesh.errors import StoreError
from flightmesh.testing import faults
from flightmesh.testing.faults import Fault, Faults, ScriptedFaults
from tests.unit.shard_node.mesh import Mesh


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    made = Mesh()
    yield made
    await made.stop()


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.LOST])
async def test_rule_16_no_watermark_outruns_the_head_after_a_failed_flush(
    mesh: Mesh, fault: Fault
) -> None:
    troubles = Faults(ScriptedFaults())
    mesh.index = faults.FaultyAggregateIndex(mesh.store.index, troubles)
    first, second = await mesh.add_node(idle_watermark_entries=3), await mesh.add_node()
    await mesh.assign(first)
    rotations = await mesh.create(first, 8)
    quiet = rotations[0]
    busy = next(r for r in rotations if mesh.map.shard_of(r) != mesh.map.shard_of(quiet))
    following = mesh.slot_of(first, quiet).memory.next_sequence
    flusher = first.node.session.flusher
    troubles.policy = ScriptedFaults(flush=[fault])
    with pytest.raises(StoreError):
        await flusher.flush_slot(mesh.slot_of(first, quiet))
    # The shard is quiet from here on; others go on, and its watermark follows them.
    for hour in range(6):
        await mesh.send(first, mesh.add_leg(busy, hour))
    await flusher.flush()
    await mesh.seal(first.node.session.id)
    await mesh.assign(second)
    assert mesh.slot_of(second, quiet).memory.next_sequence == following
