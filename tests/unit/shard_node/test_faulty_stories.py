"""Stories in which every port of the store fails: nothing is lost, doubled or out of order."""

import asyncio
from collections.abc import Awaitable, Sequence
from itertools import chain
from typing import Any, TypeVar

import pytest

from flightmesh.clock.virtual import SeededRandomness
from flightmesh.codec.entries import decode_entry
from flightmesh.errors import FlightmeshError, Refused, RetryableError, StoreError
from flightmesh.ledger.reader import LedgerReader
from flightmesh.testing import faults
from flightmesh.testing.faults import Faults, RandomFaults, ScriptedFaults
from shard_node.batch import Result
from shard_node.handlers import Handlers
from shard_node.translate import wants_events
from tests.unit.shard_node.mesh import SHARDS, Mesh, idle, reply

T = TypeVar("T")


class Story:
    """Two nodes over a faulty store, clients that repeat, and a rough coordinator."""

    def __init__(self, seed: int) -> None:
        self.randomness = SeededRandomness(seed)
        self.mesh = Mesh(snapshot_every=3, idle_watermark_entries=2)
        self.troubles = Faults(ScriptedFaults())
        store, mesh = self.mesh.store, self.mesh
        mesh.journal = faults.FaultyJournal(store.journal, self.troubles)
        mesh.claims = faults.FaultyClaims(store.claims, self.troubles)
        mesh.index = faults.FaultyAggregateIndex(store.index, self.troubles)
        mesh.snapshots = faults.FaultySnapshots(store.snapshots, self.troubles)
        self.told: dict[str, Result] = {}
        self.sent: list[Any] = []

    def below(self, count: int) -> int:
        return self.randomness.bits(32) % count

    async def until(self, work: Awaitable[T]) -> T:
        """Lets time pass until something is done."""
        task = asyncio.ensure_future(work)
        for _ in range(600):
            await idle()
            if task.done():
                return task.result()
            await self.mesh.clock.advance(0.1)
        raise AssertionError("no progress within a minute")

    async def begin(self) -> None:
        self.nodes = [await self.mesh.add_node() for _ in range(2)]
        self.owners = dict.fromkeys(range(SHARDS), self.nodes[0])
        await self.mesh.assign(self.nodes[0])
        self.rotations = await self.mesh.create(self.nodes[0], 6)

    def owner(self, request: Any) -> Handlers:
        return self.owners[self.mesh.map.shard_of(request.aggregate_id)]

    async def commands(self, *others: Awaitable[None]) -> None:
        """Commands at the same time, new or repeated, sent until answered, as clients do."""
        for _ in range(1 + self.below(4)):
            request = self.mesh.add_leg(self.rotations[self.below(6)], self.below(40))
            if self.sent and self.below(4) == 0:
                request = self.sent[-1 - self.below(min(len(self.sent), 12))]
            self.sent.append(request)
        await self.until(asyncio.gather(self.all_answered(self.sent[-4:]), *others))

    async def all_answered(self, requests: Sequence[Any]) -> None:
        async with asyncio.TaskGroup() as clients:
            for request in requests:
                clients.create_task(self.answered(request))

    async def answered(self, request: Any) -> None:
        while True:
            (result,) = await self.owner(request).submit([request], wants_events, 5).wait()
            if not isinstance(result, RetryableError | StoreError):
                known = self.told.setdefault(request.command_id, result)
                assert str(known) == str(result)
                return
            await self.serve_all()
            await self.mesh.clock.sleep(0.1)

    async def serve_all(self) -> None:
        for shard in range(SHARDS):
            await self.serve(shard)

    async def serve(self, shard: int) -> None:
        """Asks for the shard to be served where it belongs, as a leader does with each step."""
        owner = self.owners[shard]
        self.mesh._epoch += 1
        try:
            session = owner.node.session.id
            self.mesh.show(owner, shard)
            _, blocked = await owner.node.assign(session, [(shard, self.mesh._epoch)])
        except FlightmeshError:
            return
        for _, holder in blocked:
            await self.mesh.seal(holder)

    async def move(self) -> None:
        """Hands a shard over, or has the other node take it by force."""
        shard = self.below(SHARDS)
        old = self.owners[shard]
        self.owners[shard] = self.nodes[1 - self.nodes.index(old)]
        try:
            if self.below(2):
                await self.mesh.seal(old.node.session.id)
            else:
                session = old.node.session.id
                await old.node.release(session, [(shard, self.mesh._epoch)])
        except FlightmeshError:
            pass
        await self.serve_all()

    async def check(self) -> None:
        """Every shard sequence once and in order; every command's effect once (I4, I5, I6)."""
        records = []
        for row in await self.mesh.store.journal.list_directory():
            reader = LedgerReader(self.mesh.store.journal, row.ledger)
            async for _, data in reader.entries():
                records += decode_entry(data)[3]
        ids = [bytes(record.command_id) for record in records]
        assert len(set(ids)) == len(ids)
        for shard in range(SHARDS):
            numbers = [
                range(r.first_shard_sequence, r.first_shard_sequence + len(r.events))
                for r in records
                if r.shard == shard and r.events
            ]
            found = sorted(chain.from_iterable(numbers))
            assert found == list(range(1, len(found) + 1))
        for rotation in self.rotations:
            effects = [
                request.command_id
                for request in {request.command_id: request for request in self.sent}.values()
                if request.aggregate_id == rotation
                and isinstance(self.told[request.command_id], bytes)
            ]
            owner = self.owners[self.mesh.map.shard_of(rotation)]
            sequence, legs = await self.mesh.state_of(owner, rotation)
            assert sequence == 1 + len(effects) == 1 + len(legs)
        assert all(isinstance(told, bytes | Refused) for told in self.told.values())
        assert any(
            reply(told).sequence > 1 for told in self.told.values() if isinstance(told, bytes)
        )


@pytest.mark.parametrize("seed", range(8))
async def test_a_store_that_fails_in_every_way_costs_time_and_nothing_else(seed: int) -> None:
    story = Story(seed)
    await story.begin()
    story.troubles.policy = RandomFaults(story.randomness, 0.15)
    for _ in range(80):
        choice = story.below(12)
        if choice < 8:
            await story.commands()
        elif choice < 10:
            await story.mesh.clock.advance(1.1)
        elif choice == 10:
            await story.commands(story.move())
        else:
            await story.troubles.deliver_late()
    story.troubles.policy = ScriptedFaults()
    await story.until(story.serve_all())
    for request in list(story.sent):
        await story.until(story.answered(request))
    await story.troubles.deliver_late()
    await story.check()
    await story.mesh.stop()
