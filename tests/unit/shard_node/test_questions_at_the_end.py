"""A question that waits while the session ends."""

import asyncio

import pytest

from flightmesh.errors import RetryableError
from flightmesh.ids import rotation_id
from tests.unit.shard_node.mesh import Gate, Mesh, idle


async def test_a_question_that_waits_when_the_session_ends_is_told_to_retry() -> None:
    mesh = Mesh()
    chunks = Gate(mesh.index, "read_chunks")
    mesh.index = chunks  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    await mesh.create(node)
    rotation = rotation_id("s05", "never made")
    session, slot = node.node.session, mesh.slot_of(node, rotation)
    chunks.close()
    command = asyncio.ensure_future(mesh.send(node, mesh.add_leg(rotation, 8)))
    await idle()
    question = asyncio.ensure_future(session.committed_state(slot, rotation))
    await idle()

    node.node.fence()
    await idle()

    with pytest.raises(RetryableError):
        await question
    (result,) = await command
    assert isinstance(result, RetryableError)
    await mesh.stop()
