"""The query service over real gRPC, fed by a memory journal and bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

import grpc
import pytest
from google.protobuf import json_format

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.api.read.v1 import query_service_pb2_grpc as services
from flightmesh.clock import SystemClock
from flightmesh.errors import FlightmeshError, InvalidInput, Overloaded, Refused, Unavailable
from flightmesh.event_bus import PublishedEntry
from flightmesh.event_bus.memory import InMemoryEventBus
from flightmesh.journal import DirectoryRow
from flightmesh.journal.memory import InMemoryJournal
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.rpc.errors import error_of, error_of_call
from flightmesh.rpc.server import GrpcServer
from flightmesh.sharding.shard_map import NodeRole, decode_registration, role_prefix
from read_node import grpc_service
from read_node.bootstrap import ReadNode, build_read_node
from read_node.config import ReadNodeConfig
from read_node.grpc_service import LAG_KEY
from read_node.lag import LagLimits
from read_node.translate.batches import QueryBatch
from tests.unit.read_node.stories import Story, a_leg


class Mesh:
    """One ledger, one read node behind a gRPC server, one client."""

    def __init__(self, node: ReadNode, journal: InMemoryJournal, bus: InMemoryEventBus) -> None:
        self.node = node
        self.journal = journal
        self.bus = bus
        self.story = Story()
        self.head = -1
        self.client: Any = None
        self.server: GrpcServer
        self.channel: Any = None

    async def tell(self) -> str:
        """Commits and publishes what is new in the story; returns its position token."""
        self.head += 1
        entry = entry_pb2.Entry(format=1, ledger=1, number=self.head, records=self.story.fresh)
        self.story.fresh.clear()
        data = entry.SerializeToString()
        await self.journal.append(1, 0, b"w", self.head, data)
        await self.bus.publish(PublishedEntry(1, self.head, data))
        return f"1:{self.head}"


@asynccontextmanager
async def running() -> AsyncIterator[Mesh]:
    journal, bus = InMemoryJournal(), InMemoryEventBus()
    await journal.add_to_directory(DirectoryRow(1, "shard-1"))
    await journal.open_segment(1, 0, b"w", 0)
    registry = InMemoryRegistry(SystemClock())
    server = GrpcServer("127.0.0.1:0")
    # Looked at once: a test says itself when the node lags.
    config = ReadNodeConfig("read-1", server.bind(), lag=LagLimits(check_s=3600.0))
    node = build_read_node(config, journal, bus, SystemClock(), registry=registry)
    mesh = Mesh(node, journal, bus)
    node.add_to(server.grpc_server, server.streams)
    mesh.server = server
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        mesh.channel = channel
        mesh.client = services.QueryServiceStub(channel)  # type: ignore[no-untyped-call]
        with pytest.raises(grpc.aio.AioRpcError) as early:
            await mesh.client.ListSchedules(pb.ListSchedulesRequest())
        assert isinstance(error_of_call(early.value), Unavailable)
        changes = registry.watch_prefix(role_prefix(NodeRole.READ_NODE))
        await node.start()
        async with asyncio.timeout(5):
            await anext(changes)
        listing = await registry.list_prefix(role_prefix(NodeRole.READ_NODE))
        assert decode_registration(listing.items[0].value).address == server.address
        mesh.story.create_schedule()
        mesh.story.create_rotation("r", a_leg("1", 0, 60), a_leg("2", 70, 130, number=2))
        await mesh.tell()
        yield mesh
        await node.stop()
        assert not (await registry.list_prefix(role_prefix(NodeRole.READ_NODE))).items
    await server.stop(0)


async def failure(call: Any) -> FlightmeshError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_of_call(caught.value)


async def test_every_rpc_answers() -> None:
    async with running() as mesh:
        for request, rpc in (
            (pb.ListSchedulesRequest(), mesh.client.ListSchedules),
            (pb.GetScheduleRequest(schedule="s05"), mesh.client.GetSchedule),
            (pb.ListFindingsRequest(schedule="s05"), mesh.client.ListFindings),
            (pb.ListLegsRequest(schedule="s05"), mesh.client.ListLegs),
            (pb.ListRotationsRequest(schedule="s05"), mesh.client.ListRotations),
            (pb.ListAirplanesRequest(schedule="s05"), mesh.client.ListAirplanes),
            (pb.ListAirportsRequest(schedule="s05"), mesh.client.ListAirports),
        ):
            request.min_position = "1:0"
            assert (await rpc(request, timeout=5)).position == "1:0"


async def test_a_query_reads_what_was_just_written() -> None:
    async with running() as mesh:
        request = pb.ListFindingsRequest(schedule="s05", kind=[pb.FINDING_KIND_GROUND_TIME])
        request.min_position = "1:1"
        waiting = asyncio.ensure_future(mesh.client.ListFindings(request, timeout=5))
        await asyncio.sleep(0)
        mesh.story.define_airport("BBB", 5)
        assert await mesh.tell() == "1:1"
        reply = await waiting
        assert (reply.position, reply.totals.ground_time) == ("1:1", 0)


async def test_errors_are_typed() -> None:
    async with running() as mesh:
        missing = await failure(mesh.client.ListLegs(pb.ListLegsRequest(schedule="x"), timeout=5))
        assert isinstance(missing, Refused)
        assert missing.reason == "SCHEDULE_NOT_FOUND"
        bad = pb.ListLegsRequest(schedule="s05", min_position="nonsense")
        assert isinstance(await failure(mesh.client.ListLegs(bad, timeout=5)), InvalidInput)
        late = pb.ListLegsRequest(schedule="s05", min_position="1:99")
        error = await failure(mesh.client.ListLegs(late, timeout=0.2))
        assert getattr(error, "reason", "") == "DEADLINE_EXCEEDED"


async def test_a_batch_answers_each_query_for_itself() -> None:
    async with running() as mesh:
        queries = [
            pb.Query(list_legs=pb.ListLegsRequest(schedule="s05", min_position="1:0")),
            pb.Query(get_schedule=pb.GetScheduleRequest(schedule="other")),
            pb.Query(),
            pb.Query(list_findings=pb.ListFindingsRequest(schedule="s05")),
        ]
        batch = pb.QueryBatchRequest(queries=queries)
        results = (await mesh.client.QueryBatch(batch, timeout=5)).results
        assert pb.ListLegsResponse.FromString(results[0].reply).total == 2
        assert [result.WhichOneof("outcome") for result in results] == [
            "reply",
            "error",
            "error",
            "reply",
        ]
        assert error_of(results[1].error).reason == "SCHEDULE_NOT_FOUND"
        assert {result.position for result in results} == {"1:0"}
        batch.reply_format = pb.REPLY_FORMAT_JSON
        as_json = (await mesh.client.QueryBatch(batch, timeout=5)).results
        for kind, at in ((pb.ListLegsResponse, 0), (pb.ListFindingsResponse, 3)):
            parsed = json_format.Parse(as_json[at].reply, kind())
            assert parsed == kind.FromString(results[at].reply)


async def test_a_position_that_never_comes_fails_its_own_query_only() -> None:
    async with running() as mesh:
        queries = [
            pb.Query(list_legs=pb.ListLegsRequest(schedule="s05", min_position="9:9")),
            pb.Query(list_legs=pb.ListLegsRequest(schedule="s05", min_position="9:8")),
            pb.Query(list_legs=pb.ListLegsRequest(schedule="s05", min_position="1:0")),
        ]
        results = await mesh.client.QueryBatch(pb.QueryBatchRequest(queries=queries), timeout=1)
        late, later, good = results.results
        assert error_of(late.error).reason == error_of(later.error).reason == "DEADLINE_EXCEEDED"
        assert pb.ListLegsResponse.FromString(good.reply).total == 2


async def test_a_batch_waits_for_positions_no_longer_than_it_says() -> None:
    async with running() as mesh:
        batch = pb.QueryBatchRequest(
            queries=[
                pb.Query(list_legs=pb.ListLegsRequest(schedule="s05", min_position="9:9")),
                pb.Query(list_legs=pb.ListLegsRequest(schedule="s05", min_position="1:0")),
            ],
            max_wait_ms=1,
        )
        # By the deadline alone it would take 48 minutes.
        with patch.object(mesh.node.servicer, "_max_wait_s", 3600.0):
            async with asyncio.timeout(60):
                answer = await mesh.client.QueryBatch(batch, timeout=3600)
        late, good = answer.results
        assert error_of(late.error).reason == "DEADLINE_EXCEEDED"
        assert pb.ListLegsResponse.FromString(good.reply).total == 2


async def test_the_rest_of_a_batch_whose_answers_are_too_large_is_asked_again() -> None:
    async with running() as mesh:
        query = pb.Query(list_legs=pb.ListLegsRequest(schedule="s05"))
        batch = pb.QueryBatchRequest(queries=[query] * 20)
        with patch.object(grpc_service, "_LARGEST_BATCH", 1_000):
            results = (await mesh.client.QueryBatch(batch, timeout=5)).results
        answered = [each for each in results if each.reply]
        assert 0 < len(answered) < len(results) == 20
        assert sum(len(each.reply) for each in answered[:-1]) <= 1_000
        errors = [error_of(each.error) for each in results if not each.reply]
        assert all(isinstance(error, Overloaded) for error in errors)


async def test_others_have_their_turn_while_a_batch_is_answered() -> None:
    async with running() as mesh:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        other = asyncio.ensure_future(others())
        queries = [pb.Query(list_legs=pb.ListLegsRequest(schedule="s05"))] * 50
        with patch.object(grpc_service, "_STRETCH_S", 0.0):
            await mesh.node.servicer.answer_batch(QueryBatch(queries), 5.0)
        other.cancel()
        assert turns >= 49


async def test_a_stream_answers_batch_by_batch() -> None:
    async with running() as mesh:
        request = pb.QueryStreamRequest(
            queries=[pb.Query(get_schedule=pb.GetScheduleRequest(schedule="s05"))] * 3
        )
        answers = [
            answer async for answer in mesh.client.QueryStream(iter([request] * 4), timeout=5)
        ]
        assert [len(answer.results) for answer in answers] == [3] * 4


async def test_a_stream_that_waits_for_its_caller_ends_with_the_server() -> None:
    async with running() as mesh:
        call = mesh.client.QueryStream(timeout=60)
        query = pb.Query(get_schedule=pb.GetScheduleRequest(schedule="s05"))
        await call.write(pb.QueryStreamRequest(queries=[query]))
        assert len((await call.read()).results) == 1
        async with asyncio.timeout(20):
            await mesh.server.stop(3600.0)
        assert isinstance(await failure(call.read()), Unavailable)


async def test_too_long_a_batch_is_refused() -> None:
    async with running() as mesh:
        batch = pb.QueryBatchRequest(queries=[pb.Query()] * 1001)
        assert isinstance(await failure(mesh.client.QueryBatch(batch, timeout=5)), InvalidInput)


@pytest.mark.parametrize("rpc", ["QueryBatch", "ListFindings"])
async def test_bytes_that_are_no_request_are_refused(rpc: str) -> None:
    async with running() as mesh:
        method = mesh.channel.unary_unary(f"/flightmesh.api.read.v1.QueryService/{rpc}")
        assert isinstance(await failure(method(b"\xff\xff", timeout=5)), InvalidInput)


async def test_answers_of_a_node_that_lags_say_so() -> None:
    async with running() as mesh:
        for request, rpc in (
            (pb.ListLegsRequest(schedule="s05"), mesh.client.ListLegs),
            (pb.QueryBatchRequest(queries=[pb.Query()]), mesh.client.QueryBatch),
        ):
            mesh.node.standing.watch.lagging, mesh.node.standing.watch.lag_s = True, 2.5
            call = rpc(request, timeout=5)
            assert (LAG_KEY, "2500") in tuple(await call.trailing_metadata())
            mesh.node.standing.watch.lagging = False
            call = rpc(request, timeout=5)
            assert LAG_KEY not in dict(await call.trailing_metadata())
