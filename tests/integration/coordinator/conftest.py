"""A mesh in one process: coordinators, the registry and journal in memory, fake shard nodes.

Time stands still until a test advances it, so no test depends on the speed of the machine.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import final

import pytest

from coordinator.bootstrap import build_coordinator
from coordinator.config import CoordinatorConfig
from coordinator.coordinator import Coordinator
from coordinator.node_client import AssignAnswer, Heartbeat
from flightmesh.errors import OutcomeUnknown, SessionFenced, Unavailable
from flightmesh.journal import Claim, ClaimChange, DirectoryRow, SegmentState
from flightmesh.journal.memory import InMemoryClaims, InMemoryJournal
from flightmesh.registry import Compare, Delete, Listing, Put, TransactionResult
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.routing.followers import read_map
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import (
    FIRST_SESSION,
    MAP_PREFIX,
    NodeRegistration,
    NodeRole,
    ShardMap,
    ShardState,
    encode_registration,
    registration_key,
)


@final
class SteppedClock:
    """A clock whose sleepers wake, in order, as a test advances it."""

    def __init__(self) -> None:
        self._now_s = 1_000.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        return int(self._now_s * 1e6)

    def monotonic_s(self) -> float:
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_s + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        end = self._now_s + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self._now_s = max(self._now_s, at)
            if not future.done():
                future.set_result(None)
                await self.settle()
        self._now_s = end
        await self.settle()

    def jump(self, seconds: float) -> None:
        """Time passes while nothing in this process runs."""
        self._now_s += seconds

    @staticmethod
    async def settle() -> None:
        for _ in range(12):
            await asyncio.sleep(0)


class FaultyRegistry(InMemoryRegistry):  # type: ignore[misc] # final for users, not here
    """A registry that tests cut off, or whose answers they lose."""

    down = False
    keeps_revoked = False
    is_mute = False
    reads = 0
    lost_answers = 0
    held_requests = 0

    def __init__(self, clock: SteppedClock) -> None:
        super().__init__(clock)
        self.late: list[tuple[Sequence[Compare], Sequence[Put | Delete]]] = []

    async def list_prefix(self, prefix: str) -> Listing:
        self._reach()
        self.reads += prefix == ""
        return await super().list_prefix(prefix)

    async def watch_prefix(self, prefix: str) -> AsyncIterator[int]:
        async for revision in super().watch_prefix(prefix):
            if not self.is_mute:
                yield revision

    async def keep_alive(self, lease: int) -> bool:
        self._reach()
        return await super().keep_alive(lease)

    async def revoke_lease(self, lease: int) -> None:
        if not self.keeps_revoked:
            await super().revoke_lease(lease)

    async def grant_lease(self, ttl_s: float) -> int:
        self._reach()
        return await super().grant_lease(ttl_s)

    async def transact(
        self, compares: Sequence[Compare], writes: Sequence[Put | Delete]
    ) -> TransactionResult:
        self._reach()
        of_map = any(write.key.startswith(MAP_PREFIX) for write in writes)
        if of_map and self.held_requests:
            self.held_requests -= 1
            self.late.append((compares, writes))
            raise OutcomeUnknown("still on its way")
        result = await super().transact(compares, writes)
        if of_map and self.lost_answers:
            self.lost_answers -= 1
            raise OutcomeUnknown("the answer is lost")
        return result

    async def let_late_requests_arrive(self) -> list[bool]:
        late, self.late = self.late, []
        return [(await super(FaultyRegistry, self).transact(*r)).succeeded for r in late]

    def _reach(self) -> None:
        if self.down:
            raise Unavailable("the registry is down")


@final
class FakeShardNode:
    """A shard node reduced to sessions, claims and signs of life; its own client, too."""

    def __init__(self, mesh: "Mesh", name: str) -> None:
        self._mesh = mesh
        self.name = name
        self.address = f"{name}:1"
        self.session = 0
        self.first_session = 0
        self.lease = 0
        self.owned: dict[int, int] = {}
        self.released: dict[int, int] = {}
        self.down = False
        self.awake = asyncio.Event()
        self.awake.set()
        self.refuses_release = False
        self.questions: list[tuple[str, dict[int, int]]] = []
        self._listeners: list[asyncio.Queue[Heartbeat | None]] = []
        self._tasks = TaskOwner(name)

    async def start(self, *, same_process: bool = False) -> None:
        """A new session: number, directory row, ledger, registration."""
        journal = self._mesh.journal
        self.session = await journal.allocate_session()
        self.first_session = self.first_session if same_process else self.session
        await journal.add_to_directory(DirectoryRow(self.session, self.name))
        await journal.open_segment(self.session, 0, b"w%d" % self.session, 0)
        self.owned, self.released, self.down = {}, {}, False
        self._tasks = TaskOwner(self.name)
        await self.register()
        self._tasks.start(self._live(), "live")

    async def register(self, *, draining: bool = False) -> None:
        registration = NodeRegistration(
            self.name,
            NodeRole.SHARD_NODE,
            self.address,
            1,
            self.session,
            draining,
            {FIRST_SESSION: str(self.first_session)},
        )
        self.lease = await self._mesh.registry.grant_lease(10.0)
        await self._mesh.registry.transact(
            [],
            [Put(registration_key(registration), encode_registration(registration), self.lease)],
        )

    async def kill(self) -> None:
        """Ends like a process: connections break, the registration stays until its lease ends."""
        self.down = True
        await self._tasks.stop()
        for listener in self._listeners:
            listener.put_nowait(None)
        self._listeners.clear()

    async def leave(self) -> None:
        """Ends like a process that says so."""
        await self.kill()
        await self._mesh.registry.revoke_lease(self.lease)

    async def assign(
        self, session: int, shards: Mapping[int, int], timeout_s: float
    ) -> AssignAnswer:
        await self._reach(session)
        self.questions.append(("assign", dict(shards)))
        blocked = {}
        for shard, epoch in shards.items():
            if epoch <= self.released.get(shard, -1):
                continue
            holder = await self._claim(shard)
            if holder == self.session:
                self.owned[shard] = max(epoch, self.owned.get(shard, 0))
            else:
                blocked[shard] = holder
        owned = {shard: self.owned[shard] for shard in shards if shard in self.owned}
        return AssignAnswer(owned, blocked)

    async def release(
        self, session: int, shards: Mapping[int, int], timeout_s: float
    ) -> Mapping[int, int]:
        await self._reach(session)
        self.questions.append(("release", dict(shards)))
        if self.refuses_release:
            return {}
        for shard, epoch in shards.items():
            self.released[shard] = max(epoch, self.released.get(shard, 0))
            if self.owned.pop(shard, None) is not None:
                claim = (await self._mesh.claims.read_claims())[shard]
                if claim.holder != self.session:
                    continue  # sealed without knowing it: the shard has gone to another
                done = Claim(shard, claim.holder, claim.generation, True, claim.ledgers)
                assert await self._mesh.claims.change_claims([ClaimChange(claim, done)])
        return dict(shards)

    async def heartbeats(self) -> AsyncIterator[Heartbeat]:
        if self.down:
            raise Unavailable("down")
        listener: asyncio.Queue[Heartbeat | None] = asyncio.Queue()
        self._listeners.append(listener)
        await self.awake.wait()
        yield self._beat()
        while (beat := await listener.get()) is not None:
            yield beat
        raise Unavailable("connection lost")

    def _beat(self) -> Heartbeat:
        return Heartbeat(self.session, 0, dict(self.owned))

    async def _reach(self, session: int) -> None:
        if self.down:
            raise Unavailable("down")
        await self.awake.wait()
        if session != self.session:
            raise SessionFenced(f"{session} is over")

    async def _claim(self, shard: int) -> int:
        claim = (await self._mesh.claims.read_claims()).get(shard)
        if claim is not None and not claim.released:
            if claim.holder == self.session:
                return self.session
            row = await self._mesh.journal.read_segment(claim.holder, 0)
            if row is None or row.state is not SegmentState.SEALED:
                return claim.holder
        generation = claim.generation + 1 if claim else 1
        new = Claim(shard, self.session, generation, False, (self.session,))
        assert await self._mesh.claims.change_claims([ClaimChange(claim, new)])
        return self.session

    async def _live(self) -> None:
        while True:
            await self._mesh.clock.sleep(1.0)
            await self.awake.wait()
            with suppress(Unavailable):
                if not await self._mesh.registry.keep_alive(self.lease):
                    await self.register()
            for listener in self._listeners:
                listener.put_nowait(self._beat())


@final
class Mesh:
    """Everything a test of the coordinator needs."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.registry = FaultyRegistry(self.clock)
        self.journal = InMemoryJournal()
        self.claims = InMemoryClaims()
        self.nodes: dict[str, FakeShardNode] = {}
        self.coordinators: list[Coordinator] = []

    async def node(self, name: str) -> FakeShardNode:
        node = self.nodes[name] = FakeShardNode(self, name)
        await node.start()
        return node

    async def coordinator(self, name: str = "c1", shard_count: int = 16) -> Coordinator:
        coordinator = await build_coordinator(
            CoordinatorConfig(name, f"{name}:1", shard_count),
            registry=self.registry,
            journal=self.journal,
            claims=self.claims,
            clock=self.clock,
            client_factory=lambda address: self.nodes[address.partition(":")[0]],
        )
        self.coordinators.append(coordinator)
        coordinator.start()
        return coordinator

    async def map(self) -> ShardMap:
        shard_map = await read_map(self.registry)
        assert shard_map is not None
        return shard_map

    async def serves(self) -> bool:
        """Whether each shard is active at a session that is alive and holds its claim."""
        sessions = {node.session: node for node in self.nodes.values() if not node.down}
        claims = await self.claims.read_claims()
        for row in (await self.map()).assignments:
            node = sessions.get(row.session)
            if row.state is not ShardState.ACTIVE or node is None:
                return False
            if node.owned.get(row.shard) != row.epoch or claims[row.shard].released:
                return False
            if claims[row.shard].holder != row.session:
                return False
        return True

    async def until_served(self, within_s: float) -> float:
        """Advances until all shards are served; returns how long that took, in mesh time."""
        began_s = self.clock.monotonic_s()
        await self.clock.settle()
        while not await self.serves():
            assert self.clock.monotonic_s() - began_s < within_s, await self.map()
            await self.clock.advance(0.05)
        return self.clock.monotonic_s() - began_s

    async def counts(self) -> dict[str, int]:
        by_session = (await self.map()).counts()
        return {node.name: by_session.get(node.session, 0) for node in self.nodes.values()}

    async def stop(self) -> None:
        for coordinator in self.coordinators:
            await coordinator.stop()
        for node in self.nodes.values():
            await node.kill()


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    mesh = Mesh()
    yield mesh
    await mesh.stop()
