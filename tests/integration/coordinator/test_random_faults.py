"""Random faults in stepped time: whatever happens, in the end every shard is served, once."""

import random
from typing import Any

import pytest

from flightmesh.journal import SegmentState
from flightmesh.registry import Delete, Put
from flightmesh.sharding.shard_map import MAP_PREFIX, encode_assignment, map_key

Mesh = Any


class Faults:
    """Does one random thing at a time to a mesh, and undoes them all in the end."""

    def __init__(self, mesh: Mesh, seed: int) -> None:
        self.mesh = mesh
        self.random = random.Random(seed)
        self.log: list[str] = []
        self.leader = 1

    async def one(self) -> None:
        faults = [self.kill, self.restart, self.pause, self.resume, self.change_leader]
        faults += [self.move, self.lose_rows, self.restore_row, self.leave]
        fault = self.random.choice(faults)
        name = self.random.choice(sorted(self.mesh.nodes))
        self.log.append(f"{fault.__name__} {name} at {self.mesh.clock.monotonic_s():.2f}")
        await fault(self.mesh.nodes[name])

    async def kill(self, node: Any) -> None:
        await node.kill()

    async def leave(self, node: Any) -> None:
        await node.leave()

    async def restart(self, node: Any) -> None:
        if node.down:
            node.awake.set()
            await node.start()

    async def pause(self, node: Any) -> None:
        node.awake.clear()

    async def resume(self, node: Any) -> None:
        node.awake.set()
        segment = await self.mesh.journal.read_segment(node.session, 0)
        if not node.down and segment.state is SegmentState.SEALED:
            # A fenced node notices, gives up its registration and begins a new session.
            await node.leave()
            await node.start()

    async def change_leader(self, node: Any) -> None:
        await self.mesh.coordinators[-1].stop()
        self.leader += 1
        await self.mesh.coordinator(f"c{self.leader}")

    async def move(self, node: Any) -> None:
        leader = self.mesh.coordinators[-1].leader
        if leader is not None and not node.down:
            leader.learned.wishes[self.random.randrange(16)] = node.session

    async def lose_rows(self, node: Any) -> None:
        items = (await self.mesh.registry.list_prefix(MAP_PREFIX)).items
        lost = self.random.sample(items, min(len(items), 4))
        await self.mesh.registry.transact([], [Delete(item.key) for item in lost])

    async def restore_row(self, node: Any) -> None:
        """An older proposal comes back: the shard at some session, alive or not."""
        row = self.random.choice((await self.mesh.map()).assignments)
        older = type(row)(
            row.shard, max(0, row.epoch - 1), node.session, node.name, node.address, row.state
        )
        await self.mesh.registry.transact([], [Put(map_key(row.shard), encode_assignment(older))])

    async def heal(self) -> None:
        for node in self.mesh.nodes.values():
            await self.resume(node)
            await self.restart(node)


@pytest.mark.parametrize("seed", range(25))
async def test_every_shard_is_served_again_after_random_faults(mesh: Mesh, seed: int) -> None:
    for name in "abc":
        await mesh.node(name)
    await mesh.coordinator()
    await mesh.until_served(1.0)
    faults = Faults(mesh, seed)

    for _ in range(15):
        await faults.one()
        await mesh.clock.advance(faults.random.choice((0.0, 0.1, 0.5, 2.0)))
        claims = await mesh.claims.read_claims()
        for node in mesh.nodes.values():
            segment = await mesh.journal.read_segment(node.session, 0)
            if segment.state is SegmentState.OPEN:
                for shard in node.owned:
                    assert claims[shard].holder == node.session, (seed, faults.log)
    await faults.heal()
    for _ in range(60):
        await mesh.clock.advance(1.0)
        for node in mesh.nodes.values():
            await faults.resume(node)
        if await mesh.serves():
            break

    assert await mesh.serves(), (seed, faults.log, await mesh.map())
