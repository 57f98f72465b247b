"""The owner's list of a schedule's aggregates: what is indexed and what only memory has."""

import asyncio

import pytest

from flightmesh.errors import InvalidInput, NotOwner
from tests.unit.shard_node.mesh import SHARDS, Gate, Mesh, idle, reply


async def listed(mesh: Mesh, kind: str = "rotation", page: int = 1000) -> list[str]:
    """All ids that the first node tells, page by page."""
    ids: list[str] = []
    for shard in range(SHARDS):
        session, slot = mesh.nodes[0].own(shard)
        after = ""
        while part := await session.aggregate_ids(slot, "s05", kind, after, page):
            assert part == sorted(part)
            assert len(part) <= page
            ids += part
            after = part[-1]
    return ids


@pytest.mark.parametrize("page", [1, 2, 1000])
async def test_every_aggregate_is_listed_once_indexed_or_not(page: int) -> None:
    mesh = Mesh()
    node = await mesh.add_node()
    await mesh.assign(node)
    rotations = await mesh.create(node, 10)
    assert sorted(await listed(mesh, page=page)) == sorted(rotations)

    await node.node.session.flusher.flush()
    assert sorted(await listed(mesh, page=page)) == sorted(rotations)

    requests = [mesh.request(create_rotation={}) for _ in range(5)]
    more = [reply(result).aggregate_id for result in await mesh.send(node, *requests)]
    await mesh.send(node, mesh.add_leg(rotations[0], 1))
    assert sorted(await listed(mesh, page=page)) == sorted(rotations + more)
    assert len(await listed(mesh, "schedule")) == 1
    assert await listed(mesh, "airport") == []
    await mesh.stop()


async def test_what_is_being_flushed_is_listed() -> None:
    mesh = Mesh()
    gate = Gate(mesh.index, "flush")
    mesh.index = gate  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    rotations = await mesh.create(node, 10)
    gate.close()

    task = asyncio.ensure_future(node.node.session.flusher.flush())
    await idle()

    assert gate.waiting
    assert sorted(await listed(mesh)) == sorted(rotations)
    gate.open()
    await task
    await mesh.stop()


async def test_only_the_owner_answers() -> None:
    mesh = Mesh()
    one, other = await mesh.add_node(), await mesh.add_node()
    await mesh.assign(one, 0)

    assert one.own(0)
    with pytest.raises(NotOwner) as refused:
        other.own(0)
    assert refused.value.owner_address == "node-0"
    with pytest.raises(InvalidInput):
        one.own(SHARDS)
    await mesh.stop()
