"""Relays between real gRPC servers: who is asked, what comes back, what is never repeated."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, final

import grpc
import pytest

from flightmesh.api.loading.v1 import loading_service_pb2 as loading_pb
from flightmesh.api.loading.v1 import loading_service_pb2_grpc as loading_services
from flightmesh.api.read.v1 import query_service_pb2 as read_pb
from flightmesh.api.read.v1 import query_service_pb2_grpc as read_services
from flightmesh.clock import SystemClock
from flightmesh.errors import Refused, Unavailable
from flightmesh.process.public_services import ALL, LOADING, QUERIES, PublicService
from flightmesh.process.relay import Relay
from flightmesh.routing.channel_cache import ChannelCache
from flightmesh.rpc.errors import answers_errors, error_of_call, streams_errors
from flightmesh.rpc.server import GrpcServer
from flightmesh.runtime.tasks import TaskOwner


@final
class _Node(read_services.QueryServiceServicer, loading_services.LoadingServiceServicer):
    """Answers with its name, or fails as told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked = 0
        self.error: Exception | None = None
        self.server = GrpcServer("127.0.0.1:0")
        self.server.add(read_services.add_QueryServiceServicer_to_server, self)
        self.server.add(loading_services.add_LoadingServiceServicer_to_server, self)
        self.address = self.server.bind()

    @answers_errors
    async def GetSchedule(  # noqa: N802
        self, _request: read_pb.GetScheduleRequest, _context: Any
    ) -> read_pb.GetScheduleResponse:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return read_pb.GetScheduleResponse(position=self.name)

    @streams_errors
    async def ImportFile(  # noqa: N802
        self, requests: AsyncIterator[loading_pb.ImportFileRequest], _context: Any
    ) -> AsyncIterator[loading_pb.ImportFileResponse]:
        self.asked += 1
        async for request in requests:
            if request.data == b"bad":
                raise Refused("TOO_BAD", "that is bad")
            progress = loading_pb.ImportProgress(done=len(request.data))
            yield loading_pb.ImportFileResponse(progress=progress)


@final
class _Mesh:
    """Two nodes, and a process that relays to them."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.nodes = [_Node("one"), _Node("two")]
        self.addresses = [node.address for node in self.nodes]
        self.lagging: list[str] = []
        self.relay = GrpcServer("127.0.0.1:0")

    async def start(self, service: PublicService) -> grpc.aio.Channel:
        tasks = TaskOwner("test")
        channels = ChannelCache(tasks)
        relay = Relay(
            service.descriptor,
            lambda: self.addresses,
            channels.get,
            SystemClock(),
            repeats=service.repeats,
            lagging=lambda: self.lagging,
        )
        self.relay.grpc_server.add_generic_rpc_handlers((relay.handler(),))
        self._stack.push_async_callback(tasks.stop)
        self._stack.push_async_callback(channels.close)
        for server in (self.relay, *(node.server for node in self.nodes)):
            await server.start()
            self._stack.push_async_callback(server.stop, 0)
        return channels.get(self.relay.address)


@pytest.fixture
async def mesh() -> AsyncIterator[_Mesh]:
    async with AsyncExitStack() as stack:
        yield _Mesh(stack)


async def _ask(channel: grpc.aio.Channel) -> str:
    stub: Any = read_services.QueryServiceStub(channel)  # type: ignore[no-untyped-call]
    try:
        answer = await stub.GetSchedule(read_pb.GetScheduleRequest(), timeout=5)
    except grpc.aio.AioRpcError as error:
        raise error_of_call(error) from None
    return str(answer.position)


async def test_calls_are_spread(mesh: _Mesh) -> None:
    channel = await mesh.start(QUERIES)
    assert {await _ask(channel) for _ in range(4)} == {"one", "two"}


async def test_a_query_is_repeated_where_it_can_be_answered(mesh: _Mesh) -> None:
    channel = await mesh.start(QUERIES)
    mesh.nodes[0].error = Unavailable("catching up")
    assert [await _ask(channel) for _ in range(4)] == ["two"] * 4
    # Once it has said so, it is left alone for a while.
    assert mesh.nodes[0].asked == 1


async def test_those_that_lag_are_asked_only_if_no_other_answers(mesh: _Mesh) -> None:
    channel = await mesh.start(QUERIES)
    mesh.lagging = [mesh.nodes[0].address]
    assert {await _ask(channel) for _ in range(4)} == {"two"}
    mesh.nodes[1].error = Unavailable("catching up")
    assert await _ask(channel) == "one"


async def test_a_refusal_is_passed_back_whole_and_not_repeated(mesh: _Mesh) -> None:
    channel = await mesh.start(QUERIES)
    for node in mesh.nodes:
        node.error = Refused("SCHEDULE_NOT_FOUND", "no such schedule", {"schedule": "x"})
    with pytest.raises(Refused, match="no such schedule") as caught:
        await _ask(channel)
    assert (caught.value.reason, caught.value.details) == ("SCHEDULE_NOT_FOUND", {"schedule": "x"})
    assert sum(node.asked for node in mesh.nodes) == 1


async def test_a_fault_of_the_asked_process_stays_one(mesh: _Mesh) -> None:
    channel = await mesh.start(QUERIES)
    for node in mesh.nodes:
        node.error = ZeroDivisionError()
    stub: Any = read_services.QueryServiceStub(channel)  # type: ignore[no-untyped-call]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetSchedule(read_pb.GetScheduleRequest(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.INTERNAL


async def test_what_may_not_be_repeated_is_asked_once(mesh: _Mesh) -> None:
    once = PublicService(QUERIES.descriptor, QUERIES.role, repeats=False)
    channel = await mesh.start(once)
    for node in mesh.nodes:
        node.error = Unavailable("its outcome is unknown")
    with pytest.raises(Unavailable):
        await _ask(channel)
    assert sum(node.asked for node in mesh.nodes) == 1


async def test_nobody_to_ask_is_unavailable(mesh: _Mesh) -> None:
    channel = await mesh.start(QUERIES)
    mesh.addresses = []
    with pytest.raises(Unavailable, match="nobody"):
        await _ask(channel)


async def test_a_call_is_relayed_once_at_most(mesh: _Mesh) -> None:
    channel = await mesh.start(QUERIES)
    mesh.addresses = [mesh.relay.address]
    with pytest.raises(Unavailable, match="does not answer that itself"):
        await _ask(channel)


async def test_streams_go_both_ways(mesh: _Mesh) -> None:
    channel = await mesh.start(LOADING)
    stub: Any = loading_services.LoadingServiceStub(channel)  # type: ignore[no-untyped-call]
    call = stub.ImportFile(timeout=5)
    sizes = []
    for data in (b"a", b"bb"):
        await call.write(loading_pb.ImportFileRequest(data=data))
        sizes.append((await call.read()).progress.done)
    await call.write(loading_pb.ImportFileRequest(data=b"bad"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert sizes == [1, 2]
    error = error_of_call(caught.value)
    assert isinstance(error, Refused)
    assert error.reason == "TOO_BAD"
    assert sum(node.asked for node in mesh.nodes) == 1


def test_every_public_service_has_somebody_who_answers() -> None:
    names = {service.descriptor.name for service in ALL}
    assert names == {
        "CommandService",
        "AggregateService",
        "QueryService",
        "LoadingService",
        "OperatorService",
    }
