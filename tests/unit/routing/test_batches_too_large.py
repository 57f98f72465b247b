"""What becomes of a batch that is too large for the server: it is sent in parts, in order."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.clock.virtual import ManualClock, SeededRandomness
from flightmesh.errors import FlightmeshError, Refused, ShardMoving
from flightmesh.ids import created_by
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.rpc.errors import error_of, status_of
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import ShardAssignment, ShardMap, ShardState

_LARGEST = 4


class Node:
    """Takes batches up to a size that commands have by their names; refuses some for now."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.busy_for: list[str] = []

    async def execute_batch(
        self, requests: Sequence[pb.ExecuteRequest], timeout_s: float
    ) -> Sequence[pb.ExecuteResult]:
        if sum(len(request.create_rotation.name) for request in requests) > _LARGEST:
            raise Refused("TOO_LARGE", "received message larger than max")
        results: list[pb.ExecuteResult] = []
        for request in requests:
            # An owner that cannot take one takes none after it either.
            moving = bool(results) and results[-1].HasField("error")
            results.append(self._execute(request, moving))
        return results

    def _execute(self, request: pb.ExecuteRequest, moving: bool) -> pb.ExecuteResult:
        name = request.create_rotation.name
        if moving or name in self.busy_for:
            if not moving:
                self.busy_for.remove(name)
            return pb.ExecuteResult(error=status_of(ShardMoving(0, 1)))
        if name not in self.taken:
            self.taken.append(name)
        return pb.ExecuteResult(response=pb.ExecuteResponse(command_id=request.command_id))

    async def ask_aggregate(self, method: str, request: Any, timeout_s: float) -> Any:
        raise NotImplementedError

    async def query_batch(self, request: Any, timeout_s: float) -> Any:
        raise NotImplementedError


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
async def router(node: Node) -> AsyncIterator[CommandRouter]:
    tasks = TaskOwner("test")
    shard_map = ShardMapCache()
    row = ShardAssignment(0, 1, 1, ShardState.ACTIVE, "n1", "n1:1")
    shard_map.replace(ShardMap(1, 1, (row,)))
    yield CommandRouter(
        shard_map, lambda _: node, clock=ManualClock(), randomness=SeededRandomness(1), tasks=tasks
    )
    await tasks.stop()


def commands(*names: str) -> list[pb.ExecuteRequest]:
    return [
        pb.ExecuteRequest(
            schedule="s", aggregate_id=created_by("r"), create_rotation={"name": name}
        )
        for name in names
    ]


def reason_of(result: pb.ExecuteResult) -> str:
    return error_of(result.error).reason if result.HasField("error") else ""


async def test_parts_keep_the_order(router: CommandRouter, node: Node) -> None:
    names = [*"abcdefghijk"]
    results = await router.execute_many(commands(*names), 5.0)
    assert [reason_of(result) for result in results] == [""] * 11
    assert node.taken == names


async def test_no_part_overtakes_one_that_is_to_be_repeated(
    router: CommandRouter, node: Node
) -> None:
    """An edit that came before the creation of its rotation would be refused for good."""
    node.busy_for = ["a", "b", "f"]
    results = await router.execute_many(commands(*"abcdefgh"), 5.0)
    assert [reason_of(result) for result in results] == [""] * 8
    assert node.taken == [*"abcdefgh"]


async def test_a_command_that_is_too_large_alone_is_refused_alone(
    router: CommandRouter, node: Node
) -> None:
    results = await router.execute_many(commands("a", "b", "large", "c", "d", "e"), 5.0)
    assert [reason_of(result) for result in results] == ["", "", "TOO_LARGE", "", "", ""]
    assert node.taken == [*"abcde"]


async def test_callers_who_are_joined_with_it_get_their_own_answers(
    router: CommandRouter, node: Node
) -> None:
    async def answer(command: pb.ExecuteRequest) -> str:
        try:
            await router.execute(command, 5.0)
        except FlightmeshError as error:
            return error.reason
        return ""

    owner = TaskOwner("callers")
    asking = [owner.start(answer(each), "ask") for each in commands("a", "large", "b")]
    assert [await each for each in asking] == ["", "TOO_LARGE", ""]
    await owner.stop()
