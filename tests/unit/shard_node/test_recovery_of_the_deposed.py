"""A session that recovers shards which are no longer its own."""

from typing import Any

import pytest

from flightmesh.errors import ProtocolViolation
from shard_node.recovery import ShardRecovery
from tests.unit.shard_node.mesh import Gate, Mesh, idle


@pytest.mark.parametrize("sealed", [True, False])
async def test_a_gap_is_a_violation_only_to_a_session_that_is_not_deposed(
    sealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh = Mesh()
    node = await mesh.add_node()
    session = node.node.session

    async def finds_a_gap(recovery: Any, slots: Any) -> None:
        if sealed:
            await mesh.seal(session.id)
        raise ProtocolViolation("sequence 40 follows 37 (I4)")

    monkeypatch.setattr(ShardRecovery, "recover", finds_a_gap)
    await node.node.assign(session.id, [(0, 1)])
    await idle()

    assert session.ended
    assert session.failed is not sealed
    monkeypatch.undo()
    await mesh.stop()


async def test_what_others_wrote_on_a_shard_asked_back_is_no_gap_to_its_recovery() -> None:
    mesh = Mesh()
    plain, mesh.index = mesh.index, (reads := Gate(mesh.index, "read_head"))  # type: ignore[assignment]
    slow = await mesh.add_node()
    mesh.index = plain
    one, other = await mesh.add_node(), await mesh.add_node()
    session = slow.node.session
    await mesh.assign(one)
    (rotation,) = await mesh.create(one)
    shard = mesh.map.shard_of(rotation)
    await mesh.release(one, shard)

    reads.close()
    await mesh.assign(slow, shard)
    assert await mesh.release(slow, shard)  # before it has read the tails
    for hour, node in enumerate((other, one)):
        await mesh.assign(node, shard)
        mesh.show(node, shard)
        await mesh.send(node, mesh.add_leg(rotation, hour))
        await mesh.release(node, shard)
    # It knows the ledger of `one`, not that of `other`: to it, the leg of `other` is missing.
    reads.open()
    await idle()

    assert not session.ended
    await mesh.assign(slow, shard)
    assert await mesh.state_of(slow, rotation) == (3, [1, 2])
    await mesh.stop()
