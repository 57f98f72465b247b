"""The load client against a scripted mesh and a scripted gateway."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from clients.config import ClientConfig
from clients.connection import Connection
from clients.load.grpc_load import GrpcLoad
from clients.load.http_connection import open_http
from clients.load.rest_load import RestLoad
from clients.load.shape import LoadShape
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.errors import Unavailable
from flightmesh.rpc.server import GrpcServer
from flightmesh.runtime.tasks import TaskOwner

SHAPE = LoadShape("load", callers=3, operations=40, seconds=5.0, legs=4, batch=4, page_size=2)


@asynccontextmanager
async def grpc_load(address: str) -> AsyncIterator[GrpcLoad]:
    tasks = TaskOwner("test")
    connection = Connection(ClientConfig((address,)), SystemClock(), tasks)
    yield GrpcLoad(connection, SystemClock(), SystemRandomness())
    await tasks.stop()
    await connection.close()


async def test_unary_commands_are_sent_one_after_another_and_counted(scripted: Any) -> None:
    scripted.execute = scripted.count
    async with grpc_load(scripted.address) as load:
        measured = await load.unary_commands(SHAPE)
    assert (measured.operations, measured.requests, measured.failures) == (40, 40, 0)
    assert 0 < measured.p50_ms <= measured.p99_ms <= measured.max_ms
    ids = [request.command_id for request in scripted.calls["Execute"]]
    assert len(set(ids)) == 40


async def test_a_wrong_reply_ends_its_caller_and_is_told(scripted: Any) -> None:
    async with grpc_load(scripted.address) as load:
        measured = await load.unary_commands(SHAPE)
    assert measured.failures == 3
    assert "create_rotation" in measured.first_failure


async def test_stream_commands_keep_their_batches_under_way(scripted: Any) -> None:
    scripted.execute = scripted.count
    async with grpc_load(scripted.address) as load:
        measured = await load.stream_commands(SHAPE)
    assert measured.first_failure == ""
    assert (measured.operations, measured.requests) == (40, 10)
    assert {len(message.requests) for message in scripted.calls["ExecuteStream"]} == {4}


def with_findings(scripted: Any) -> None:
    scripted.findings = [query.Finding(message=str(number)) for number in range(5)]
    scripted.totals = query.FindingTotals(continuity=5, ground_time=5, designator=5)


async def test_queries_ask_the_three_checks_in_turn(scripted: Any) -> None:
    with_findings(scripted)
    async with grpc_load(scripted.address) as load:
        measured = await load.unary_queries(SHAPE)
        batches = await load.stream_queries(SHAPE)
    assert (measured.operations, measured.failures) == (40, 0)
    assert (batches.operations, batches.requests, batches.failures) == (40, 10, 0)
    assert {request.kind[0] for request in scripted.calls["ListFindings"]} == {1, 2, 3}


async def test_empty_calls_count_what_a_serving_server_answers() -> None:
    server = GrpcServer("127.0.0.1:0")
    await server.start()
    try:
        async with grpc_load(server.address) as load:
            refused = await load.empty_calls(SHAPE)
            await server.set_serving(True)
            measured = await load.empty_calls(SHAPE)
    finally:
        await server.stop(0)
    assert (measured.operations, measured.failures) == (40, 0)
    assert (refused.operations, refused.first_failure) == (0, "the server does not serve")


async def test_a_page_with_too_few_findings_is_a_wrong_reply(scripted: Any) -> None:
    scripted.totals = query.FindingTotals(continuity=5)
    async with grpc_load(scripted.address) as load:
        measured = await load.unary_queries(SHAPE)
    assert "0 findings of kind continuity, not 2" in measured.first_failure


class Gateway:
    """A scripted gateway: answers by a function of method, path and body."""

    def __init__(self) -> None:
        self.sequences: dict[str, int] = defaultdict(int)
        self.heads: list[str] = []
        self.answer: Callable[[str, str, bytes], tuple[int, Any]] = self.accept

    def accept(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if method == "GET":
            totals = dict.fromkeys(("continuity", "ground_time", "designator"), "9")
            return 200, {"position": "1:1", "totals": totals, "findings": [{}, {}]}
        after = path.rpartition("/")[2]
        name = after.partition("=")[2] or after.partition(":")[0]
        self.sequences[name] += 1
        told = {"aggregate_id": name, "sequence": str(self.sequences[name]), "position": "1:1"}
        return 200, {**told, "events": [json.loads(body)]}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.heads.append(head)
                length = next(
                    (int(x[15:]) for x in head.split("\r\n") if x.startswith("Content-Length:")), 0
                )
                method, path, _ = head.split(" ", 2)
                status, told = self.answer(method, path, await reader.readexactly(length))
                body = json.dumps(told).encode()
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n" % (status, len(body)))
                await asyncio.sleep(0)  # replies come in pieces
                writer.write(b"\r\n" + body)
        except asyncio.IncompleteReadError:
            writer.close()


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[str]:
    server = await asyncio.start_server(gateway.serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_rest_commands_and_queries_keep_their_connections(run: Any) -> None:
    run(rest_loads_keep_their_connections())


async def rest_loads_keep_their_connections() -> None:
    gateway = Gateway()
    async with serving(gateway) as address:
        load = RestLoad(address, SystemClock(), SystemRandomness())
        commands = await load.commands(SHAPE)
        queries = await load.queries(SHAPE)
    assert commands.first_failure == queries.first_failure == ""
    assert (commands.operations, queries.operations) == (40, 40)
    assert sum("Idempotency-Key: " in head for head in gateway.heads) == 40
    assert any("findings?kind=FINDING_KIND_DESIGNATOR&page_size=2" in x for x in gateway.heads)


async def test_a_problem_from_the_gateway_ends_the_caller() -> None:
    gateway = Gateway()
    gateway.answer = lambda *_: (409, {"reason": "LEG_OVERLAP"})
    async with serving(gateway) as address:
        load = RestLoad(address, SystemClock(), SystemRandomness())
        measured = await load.commands(SHAPE)
    assert measured.failures == 3
    assert "status 409" in measured.first_failure


async def test_a_server_that_speaks_otherwise_is_refused() -> None:
    async def chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")

    server = await asyncio.start_server(chunks, "127.0.0.1", 0)
    async with server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        connection = await open_http(address, 5)
        with pytest.raises(Unavailable, match="does not read"):
            await connection.request(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(Unavailable, match="closed"):
            await connection.request(b"GET / HTTP/1.1\r\n\r\n")
        connection.close()
