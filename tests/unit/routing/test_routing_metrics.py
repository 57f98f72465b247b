"""What a process tells of its routing: questions asked again, and those given up."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from flightmesh.api.read.v1 import query_service_pb2 as read_pb
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.clock.virtual import ManualClock, SeededRandomness
from flightmesh.errors import ShardMoving, Unavailable
from flightmesh.ids import created_by
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.routing import metrics
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.kit import RoutingKit
from flightmesh.routing.query_router import QueryRouter
from flightmesh.rpc.errors import status_of
from flightmesh.runtime.process_metrics import ProcessMetrics
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import (
    NodeRegistration,
    NodeRole,
    ShardAssignment,
    ShardMap,
    ShardState,
)
from flightmesh.testing.exposition import told


class BusyNode:
    """Refuses so many calls, then answers; each call takes a second."""

    def __init__(self, clock: ManualClock, refusals: int) -> None:
        self._clock = clock
        self._refusals = refusals

    def _refuses(self) -> bool:
        self._clock.advance(1.0)
        self._refusals -= 1
        return self._refusals >= 0

    async def execute_batch(
        self, requests: Sequence[pb.ExecuteRequest], timeout_s: float
    ) -> Sequence[pb.ExecuteResult]:
        if self._refuses():
            return [pb.ExecuteResult(error=status_of(ShardMoving(0, 1)))] * len(requests)
        return [pb.ExecuteResult(response=pb.ExecuteResponse())] * len(requests)

    async def ask_aggregate(self, method: str, request: Any, timeout_s: float) -> Any:
        raise NotImplementedError

    async def query_batch(
        self, request: read_pb.QueryBatchRequest, timeout_s: float
    ) -> Sequence[read_pb.QueryResult]:
        if self._refuses():
            raise Unavailable("not just now")
        return [read_pb.QueryResult(reply=b"")] * len(request.queries)


@pytest.fixture
async def tasks() -> AsyncIterator[TaskOwner]:
    tasks = TaskOwner("test")
    yield tasks
    await tasks.stop()


class Process:
    """The routing of a process whose only node refuses so many calls."""

    def __init__(self, tasks: TaskOwner, refusals: int) -> None:
        self.clock = ManualClock()
        bits = SeededRandomness(1)
        self.kit = RoutingKit(InMemoryRegistry(self.clock), self.clock, bits, tasks)
        owned = ShardAssignment(0, 1, 1, "a", "a:1", ShardState.ACTIVE)
        self.kit.shard_map.replace(ShardMap.of(1, 1, [owned]))
        node = BusyNode(self.clock, refusals)
        self.commands = CommandRouter(
            self.kit.shard_map,
            lambda _: node,
            clock=self.clock,
            randomness=bits,
            tasks=tasks,
            counters=self.kit.counters,
        )
        self.queries = QueryRouter(
            lambda: ["a:1"],
            lambda _: node,
            clock=self.clock,
            randomness=bits,
            tasks=tasks,
            counters=self.kit.counters,
        )

    def values(self) -> dict[str, float]:
        process = ProcessMetrics(self.clock)
        process.add("a", metrics.DEFINITIONS, self.kit.samples)
        prefix = "flightmesh_routing_"
        return {k.removeprefix(prefix): v for k, v in told(process.registry, "a").items()}

    def counted(self) -> dict[str, float]:
        return {k: v for k, v in self.values().items() if v and "total" in k}


def command() -> pb.ExecuteRequest:
    request = pb.ExecuteRequest(schedule="s", aggregate_id=created_by("x"))
    request.remove_rotation.SetInParent()
    return request


async def test_repeats_of_commands_and_queries_are_counted(tasks: TaskOwner) -> None:
    one, many, asked = Process(tasks, 2), Process(tasks, 1), Process(tasks, 1)
    await one.commands.execute(command(), 60.0)
    assert one.counted() == {'repeats_total{kind="command"}': 2}
    results = await many.commands.execute_many([command(), command()], 60.0)
    assert all(result.HasField("response") for result in results)
    assert many.counted() == {'repeats_total{kind="command"}': 2}
    await asked.queries.query(read_pb.Query(list_schedules={}), 60.0)
    assert asked.counted() == {'repeats_total{kind="query"}': 1}


async def test_what_nobody_answers_in_time_is_counted_as_given_up(tasks: TaskOwner) -> None:
    one, many, asked = (Process(tasks, 1_000) for _ in range(3))
    with pytest.raises(Unavailable):
        await one.commands.execute(command(), 0.5)
    assert one.counted() == {'given_up_total{kind="command"}': 1}
    await many.commands.execute_many([command(), command(), command()], 0.5)
    assert many.counted() == {'given_up_total{kind="command"}': 3}
    with pytest.raises(Unavailable):
        await asked.queries.query(read_pb.Query(list_schedules={}), 0.5)
    assert asked.counted() == {'given_up_total{kind="query"}': 1}


async def test_known_nodes_and_shards_without_owner_are_told(tasks: TaskOwner) -> None:
    process = Process(tasks, 0)
    process.kit.nodes.replace([NodeRegistration("r", NodeRole.READ_NODE, "r:1", 1)])
    assert process.values()['known_nodes{role="read_node"}'] == 1
    assert process.values()["shards_without_owner"] == 0
    process.kit.shard_map.replace(ShardMap.of(2, 9, []), is_newest=True)
    assert process.values()["shards_without_owner"] == 2
