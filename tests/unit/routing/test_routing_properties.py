"""Whatever happens to owners and map, a command is executed by its owner or gets a typed answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.clock.virtual import SeededRandomness
from flightmesh.errors import FlightmeshError, NotOwner, ShardMoving, Unavailable
from flightmesh.ids import created_by, shard_of
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.rpc.errors import error_of, status_of
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import ShardAssignment, ShardMap, ShardState
from flightmesh.testing.simulation.loop import SimulatedClock, VirtualLoop

SHARDS, NODES = 4, 3
CHANGES_END_S, DEADLINE_S = 3.0, 12.0


@dataclass(frozen=True)
class Change:
    """From a time on a shard belongs to a node (0: to nobody); the map tells that later."""

    at_s: float
    shard: int
    node: int
    told_after_s: float


@dataclass(frozen=True)
class Command:
    """A command: when it is sent, to which aggregate, and whether alone."""

    at_s: float
    aggregate: int
    alone: bool


changes = st.lists(
    st.builds(
        Change,
        st.floats(0.0, CHANGES_END_S),
        st.integers(0, SHARDS - 1),
        st.integers(0, NODES),
        st.floats(0.0, 2.0),
    ),
    max_size=12,
)
commands = st.lists(
    st.builds(Command, st.floats(0.0, 4.0), st.integers(0, 20), st.booleans()),
    min_size=1,
    max_size=12,
)


class World:
    """The owners as they are, the map as the router knows it, and what nodes executed."""

    def __init__(self, loop: VirtualLoop, lost: frozenset[int]) -> None:
        self.loop = loop
        self.clock = SimulatedClock(loop, loop.environment)
        self.cache = ShardMapCache(ShardMap.of(SHARDS, 1, self._rows({}, {})))
        self.owners: dict[int, int] = {}
        self.epochs: dict[int, int] = {}
        self.executed: dict[str, tuple[int, int]] = {}  # command id → node, owner at that moment
        self.effects = 0
        self._lost = lost
        self._calls = 0
        self._revision = 1

    def _rows(self, owners: dict[int, int], epochs: dict[int, int]) -> list[ShardAssignment]:
        return [
            ShardAssignment(s, epochs.get(s, 0), n, f"n{n}", f"n{n}:1", ShardState.ACTIVE)
            if (n := owners.get(s, 0))
            else ShardAssignment(s, epochs.get(s, 0))
            for s in range(SHARDS)
        ]

    def take(self, change: Change) -> None:
        self.owners[change.shard] = change.node
        self.epochs[change.shard] = self.epochs.get(change.shard, 0) + 1
        owners, epochs = dict(self.owners), dict(self.epochs)
        self._revision += 1
        told = ShardMap.of(SHARDS, self._revision, self._rows(owners, epochs))
        self.loop.environment.later(change.told_after_s, lambda: self.cache.replace(told))

    def tell_at_last(self) -> None:
        rows = self._rows(self.owners, self.epochs)
        self.cache.replace(ShardMap.of(SHARDS, 1_000, rows), is_newest=True)

    async def execute(self, node: int, requests: Sequence[pb.ExecuteRequest]) -> Any:
        await self.clock.sleep(0.01)
        self._calls += 1
        lost_before, lost_after = 2 * self._calls in self._lost, 2 * self._calls + 1 in self._lost
        if lost_before:
            raise Unavailable("the request was lost")
        results = [self._answer(node, request) for request in requests]
        await self.clock.sleep(0.01)
        if lost_after:
            raise Unavailable("the answer was lost")
        return results

    def _answer(self, node: int, request: pb.ExecuteRequest) -> pb.ExecuteResult:
        shard = shard_of(request.aggregate_id, SHARDS)
        owner = self.owners.get(shard, 0)
        if owner != node:
            epoch = self.epochs.get(shard, 0)
            address = f"n{owner}:1" if owner else ""
            known = NotOwner(shard, epoch, owner, address) if owner else ShardMoving(shard, epoch)
            return pb.ExecuteResult(error=status_of(known))
        if request.command_id not in self.executed:
            self.effects += 1
            self.executed[request.command_id] = (node, owner)
        first, _ = self.executed[request.command_id]
        return pb.ExecuteResult(
            response=pb.ExecuteResponse(command_id=request.command_id, position=f"n{first}")
        )


class Node:
    """The client of one node."""

    def __init__(self, world: World, address: str) -> None:
        self._world = world
        self._node = int(address[1:].partition(":")[0])

    async def execute_batch(
        self, requests: Sequence[pb.ExecuteRequest], timeout_s: float
    ) -> Sequence[pb.ExecuteResult]:
        results: Sequence[pb.ExecuteResult] = await self._world.execute(self._node, requests)
        return results

    async def ask_aggregate(self, method: str, request: Any, timeout_s: float) -> Any:
        raise NotImplementedError

    async def query_batch(self, request: Any, timeout_s: float) -> Any:
        raise NotImplementedError


Answer = pb.ExecuteResponse | FlightmeshError


async def _send(
    world: World, router: CommandRouter, command: Command
) -> tuple[pb.ExecuteRequest, Answer, float]:
    await world.clock.sleep(command.at_s)
    request = pb.ExecuteRequest(schedule="s", aggregate_id=created_by(str(command.aggregate)))
    request.remove_rotation.SetInParent()
    try:
        if command.alone:
            answer: Answer = await router.execute(request, DEADLINE_S)
        else:
            (result,) = await router.execute_many([request], DEADLINE_S)
            answered = result.HasField("response")
            answer = result.response if answered else error_of(result.error)
    except FlightmeshError as error:
        answer = error
    return request, answer, world.loop.time() - command.at_s


@settings(max_examples=60)
@examples(changes, commands, st.frozensets(st.integers(2, 60), max_size=15))
def test_every_command_is_executed_by_its_owner_or_gets_a_typed_answer(
    moves: list[Change], sent: list[Command], lost: frozenset[int]
) -> None:
    loop = VirtualLoop()
    world = World(loop, lost)
    tasks = TaskOwner("router")
    router = CommandRouter(
        world.cache,
        lambda address: Node(world, address),
        clock=world.clock,
        randomness=SeededRandomness(1),
        tasks=tasks,
    )
    for move in moves:
        loop.environment.later(move.at_s, lambda move=move: world.take(move))  # type: ignore[misc]
    loop.environment.later(CHANGES_END_S + 2.0, world.tell_at_last)

    async def work() -> list[tuple[pb.ExecuteRequest, Answer, float]]:
        answers = await asyncio.gather(*(_send(world, router, command) for command in sent))
        await tasks.stop()
        return answers

    for request, answer, took_s in loop.run_simulation(work()):
        owner_at_last = world.owners.get(shard_of(request.aggregate_id, SHARDS), 0)
        if isinstance(answer, pb.ExecuteResponse):
            node, owner = world.executed[request.command_id]
            assert (answer.position, owner) == (f"n{node}", node)
        else:
            assert isinstance(answer, Unavailable), answer
            assert took_s <= DEADLINE_S + 0.1
            assert not owner_at_last, "an owner that stays is found before the deadline"
    assert world.effects == len(world.executed) <= len(sent)
