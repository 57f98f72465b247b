"""The index follows the ledger also when its writes are slow, lost, or refused again and again."""

import asyncio
from typing import Any

from flightmesh.errors import OutcomeUnknown, StoreUnavailable
from flightmesh.journal import ShardHead
from tests.unit.shard_node.mesh import Mesh, idle, reply


class SteeredIndex:
    """The memory index; writes of chunks of one shard go as a script says.

    Attributes:
        shard: whose; -1 for none.
        script: for each write what it waits for, and whether it is lost.
        tried: shards whose chunks were to be written, in order.
        refused: shards whose chunks are always refused.
    """

    def __init__(self, real: Any) -> None:
        self._real = real
        self.shard = -1
        self.script: list[tuple[asyncio.Event | None, bool]] = []
        self.tried: list[int] = []
        self.refused: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def flush(self, shard: int, chunks: list[Any], head: ShardHead | None) -> None:
        self.tried.append(shard)
        if shard in self.refused:
            raise StoreUnavailable("refused whatever happens")
        if shard == self.shard and self.script:
            waits_for, is_lost = self.script.pop(0)
            if waits_for is not None:
                await waits_for.wait()
            if is_lost:
                raise OutcomeUnknown("lost, and never applied")
        await self._real.flush(shard, chunks, head)


async def test_a_flush_at_the_end_beside_one_under_way_loses_nothing() -> None:
    """Rule 13: no watermark passes a record that the index does not have."""
    mesh = Mesh(flush_s=1.0)
    index = mesh.index = SteeredIndex(mesh.store.index)  # type: ignore[assignment]
    first = await mesh.add_node()
    await mesh.assign(first)
    (rotation,) = await mesh.create(first)
    await mesh.clock.advance(1.2)
    index.shard = mesh.map.shard_of(rotation)
    retry, last = asyncio.Event(), asyncio.Event()
    index.script = [(None, True), (retry, False), (None, False), (last, True)]
    await mesh.send(first, mesh.add_leg(rotation, 0))
    await mesh.clock.advance(1.0)  # the first write is lost
    edit = mesh.add_leg(rotation, 1)
    (acknowledged,) = await mesh.send(first, edit)
    await mesh.clock.advance(1.0)  # its repetition is under way

    session = first.node.session.id
    stopping = asyncio.ensure_future(first.node.stop())
    await idle()
    retry.set()
    await idle()
    last.set()
    await stopping
    await mesh.seal(session)
    second = await mesh.add_node()
    await mesh.assign(second)

    assert reply(acknowledged).sequence == 3
    assert await mesh.state_of(second, rotation) == (3, [1, 2])
    (again,) = await mesh.send(second, edit)
    assert reply(again).sequence == 3
    assert (await mesh.state_of(second, rotation))[0] == 3
    mesh.nodes = [second]
    await mesh.stop()


async def test_a_shard_whose_writes_are_always_refused_keeps_no_other_waiting() -> None:
    mesh = Mesh(flush_s=1.0)
    index = mesh.index = SteeredIndex(mesh.store.index)  # type: ignore[assignment]
    node = await mesh.add_node()
    await mesh.assign(node)
    rotations = await mesh.create(node, 12)
    shards = {mesh.map.shard_of(each) for each in rotations}
    assert len(shards) > 2
    index.refused = {min(shards)}
    for _ in range(3):
        await mesh.clock.advance(1.0)
    slots = node.node.session.ownership.slots.values()

    assert {slot.shard for slot in slots if slot.unflushed or slot.flushing} == index.refused
    index.refused = set()
    await mesh.clock.advance(1.0)
    assert not any(slot.unflushed or slot.flushing for slot in slots)
    await mesh.stop()
