"""Which read node a query goes to, and with which others."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.clock.virtual import ManualClock, SeededRandomness
from flightmesh.errors import Refused, Unavailable
from flightmesh.routing.node_directory import NodeDirectory
from flightmesh.routing.query_router import PositionTracker, QueryRouter, Wait
from flightmesh.rpc.errors import status_of
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import LAGGING, NodeRegistration, NodeRole

KEEPS_UP, LAGS = {"position": "1:5"}, {"position": "1:2", LAGGING: "yes"}


class Mesh:
    """Read nodes that answer with their address, a list of them, and a router."""

    def __init__(self, tasks: TaskOwner) -> None:
        self.clock = ManualClock()
        self.directory = NodeDirectory()
        self.down: set[str] = set()
        self.asked: list[str] = []
        # Positions that no node ever comes to, and the batches that wait for them.
        self.never: set[str] = set()
        self.held: list[asyncio.Future[None]] = []
        self.waits: list[tuple[int, list[str]]] = []
        self.positions = PositionTracker()
        self.router = QueryRouter(
            lambda: self.directory.addresses(NodeRole.READ_NODE),
            lambda address: Client(self, address),
            clock=self.clock,
            randomness=SeededRandomness(1),
            tasks=tasks,
            positions=self.positions,
            lagging=self.directory.lagging,
        )

    def list(self, **nodes: dict[str, str]) -> None:
        """The nodes that are registered, with their `extra`."""
        self.directory.replace(
            NodeRegistration(name, NodeRole.READ_NODE, name, extra=extra)
            for name, extra in nodes.items()
        )

    async def hold(self) -> None:
        """Returns when the longest wait of a batch is over, which the test decides."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held.append(over)
        await over

    def let_go(self) -> None:
        """Ends the waits of the batches that are held now."""
        held, self.held = self.held, []
        for over in held:
            over.set_result(None)

    async def ask(self, times: int) -> Counter[str]:
        """Who answers so many queries."""
        answers: Counter[str] = Counter()
        for _ in range(times):
            query = pb.Query(list_legs=pb.ListLegsRequest(schedule="s"))
            answers[(await self.router.query(query, 5.0)).reply.decode()] += 1
        return answers


class Client:
    """One read node; only queries are asked of it."""

    def __init__(self, mesh: Mesh, address: str) -> None:
        self.mesh, self.address = mesh, address

    async def query_batch(
        self, request: pb.QueryBatchRequest, timeout_s: float
    ) -> Sequence[pb.QueryResult]:
        self.mesh.asked.append(self.address)
        if self.address in self.mesh.down:
            raise Unavailable("the connection broke")
        wanted = [query.list_legs.min_position for query in request.queries]
        self.mesh.waits.append((request.max_wait_ms, wanted))
        if self.mesh.never & set(wanted):
            await self.mesh.hold()
        return [self._result(position) for position in wanted]

    def _result(self, wanted: str) -> pb.QueryResult:
        if wanted in self.mesh.never:
            return pb.QueryResult(error=status_of(TimeoutError()))
        return pb.QueryResult(reply=self.address.encode(), position="1:2")

    async def execute_batch(self, requests: Any, timeout_s: float) -> Any:
        raise NotImplementedError

    async def ask_aggregate(self, method: str, request: Any, timeout_s: float) -> Any:
        raise NotImplementedError


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    tasks = TaskOwner("test")
    yield Mesh(tasks)
    await tasks.stop()


async def test_nodes_that_lag_are_left_out_and_the_others_share_evenly(mesh: Mesh) -> None:
    mesh.list(a=KEEPS_UP, b=LAGS, c=KEEPS_UP)
    assert await mesh.ask(20) == {"a": 10, "c": 10}


async def test_a_query_that_waits_for_a_position_is_not_sent_to_a_node_that_lags(
    mesh: Mesh,
) -> None:
    mesh.list(a=LAGS, b=KEEPS_UP)
    mesh.positions.observe("1:5")
    assert await mesh.ask(6) == {"b": 6}


async def test_where_all_lag_all_are_asked(mesh: Mesh) -> None:
    mesh.list(a=LAGS, b=LAGS)
    assert await mesh.ask(10) == {"a": 5, "b": 5}


async def test_a_node_that_keeps_up_again_is_asked_again(mesh: Mesh) -> None:
    mesh.list(a=KEEPS_UP, b=LAGS)
    await mesh.ask(3)
    mesh.list(a=KEEPS_UP, b=KEEPS_UP)
    assert await mesh.ask(10) == {"a": 5, "b": 5}


async def test_a_node_that_lags_answers_where_all_others_fail(mesh: Mesh) -> None:
    """Late is better than not at all: the killed one is still in the list for a while."""
    mesh.list(a=KEEPS_UP, b=LAGS)
    mesh.down.add("a")
    assert await mesh.ask(5) == {"b": 5}
    assert mesh.asked.count("a") == 1


async def test_a_node_that_failed_is_asked_again_after_a_while(mesh: Mesh) -> None:
    mesh.list(a=KEEPS_UP, b=KEEPS_UP)
    mesh.down.add("a")
    await mesh.ask(4)
    mesh.down.clear()
    mesh.clock.advance(1.5)
    assert await mesh.ask(10) == {"a": 5, "b": 5}


def test_the_list_tells_which_read_nodes_lag() -> None:
    directory = NodeDirectory()
    directory.replace(
        [
            NodeRegistration("r1", NodeRole.READ_NODE, "r1:1", extra=KEEPS_UP),
            NodeRegistration("r2", NodeRole.READ_NODE, "r2:1", extra=LAGS),
        ]
    )
    assert set(directory.lagging()) == {"r2:1"}
    assert directory.addresses(NodeRole.READ_NODE) == ["r1:1", "r2:1"]


# --- positions ------------------------------------------------------------------------------


def _wanting(position: str) -> pb.Query:
    return pb.Query(list_legs=pb.ListLegsRequest(schedule="s", min_position=position))


async def _settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_query_without_a_position_waits_for_none(mesh: Mesh) -> None:
    mesh.list(a=KEEPS_UP)
    await mesh.router.query(_wanting(""), 5.0)
    assert mesh.waits == [(0, [""])]


async def test_positions_that_never_come_do_not_hold_up_those_that_do(mesh: Mesh) -> None:
    """More of them than batches may be under way: a page that outlived a restore asks again."""
    mesh.list(a=KEEPS_UP)
    mesh.never = {f"9:{n}" for n in range(40)}
    waiting = []
    for position in mesh.never:
        waiting.append(asyncio.ensure_future(mesh.router.query(_wanting(position), 5.0)))
        await _settled()
    for _ in range(5):
        mesh.let_go()
        await _settled()
    assert not any(each.done() for each in waiting)
    assert mesh.held, "they wait on"

    answer = asyncio.ensure_future(mesh.router.query(_wanting("1:1"), 5.0))
    await _settled()
    assert answer.done()
    assert (await answer).reply == b"a"
    assert mesh.waits[-1] == (Wait.SHORT.value, ["1:1"])
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_query_whose_position_never_comes_is_told_so_in_time(mesh: Mesh) -> None:
    mesh.list(a=KEEPS_UP)
    mesh.never = {"9:9"}
    answer = asyncio.ensure_future(mesh.router.query(_wanting("9:9"), 10.0))
    for wait_ms in (250, *[1_000] * 8):
        await _settled()
        assert mesh.waits[-1] == (wait_ms, ["9:9"])
        assert not answer.done()
        mesh.clock.advance(wait_ms / 1000)
        mesh.let_go()
    with pytest.raises(Refused) as told:
        await answer
    assert told.value.reason == "DEADLINE_EXCEEDED"
    assert mesh.asked == ["a"] * 9
