"""A session that recovers shards which are no longer its own."""

from typing import Any

import pytest

from flightmesh.errors import ProtocolViolation
from shard_node.recovery import ShardRecovery
from tests.unit.shard_node.mesh import Mesh, idle


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
