"""The ways into the mesh that a load takes at once: client library, gRPC stream, REST.

Each knows several addresses, and repeats a command with the same id until its deadline, as
docs/api.md tells callers to.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Protocol

import orjson
from google.protobuf.json_format import MessageToJson

from clients import methods
from clients.aio import FlightmeshClient
from clients.config import ClientConfig
from clients.connection import Connection
from clients.load.http_connection import HttpConnection, HttpReply, open_http
from clients.results import CommandResult
from flightmesh.api.shard.v1 import command_service_pb2 as service
from flightmesh.clock import SystemClock
from flightmesh.errors import FlightmeshError, InvalidInput, Refused, RetryableError, Unavailable
from flightmesh.rpc.errors import error_of
from flightmesh.runtime.tasks import TaskOwner
from tests.servers.faults.record import Result

DEADLINE_S = 10.0
_PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.4)
_MAX_CONNECTIONS = 400
_BATCH_EVERY_S = 0.01


class Way(Protocol):
    """Executes a command; raises FlightmeshError when it is refused or the deadline is over."""

    name: str

    async def execute(self, request: service.ExecuteRequest) -> Result: ...

    async def close(self) -> None: ...


class Deadline:
    """Counts down; `pause` waits before the next attempt and ends them when time is up."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + seconds
        self._attempt = 0

    @property
    def left_s(self) -> float:
        return max(0.0, self._end - self._loop.time())

    async def pause(self, error: FlightmeshError) -> None:
        pause_s = _PAUSES_S[min(self._attempt, len(_PAUSES_S) - 1)]
        self._attempt += 1
        if pause_s >= self.left_s:
            raise Unavailable(f"no answer before the deadline; the last: {error.message}")
        await asyncio.sleep(pause_s)


class LibraryWay:
    """The Python client, which goes straight to the owners."""

    name = "library"

    def __init__(self, addresses: tuple[str, ...], deadline_s: float = DEADLINE_S) -> None:
        self.client = FlightmeshClient(
            ClientConfig(addresses, timeout_s=deadline_s, patience_s=deadline_s, actor="planner")
        )

    async def execute(self, request: service.ExecuteRequest) -> Result:
        return Result.of(await self.client.commands.execute(request), request)

    async def close(self) -> None:
        await self.client.close()


_Waiting = tuple[service.ExecuteRequest, "asyncio.Future[CommandResult]"]


class StreamWay:
    """ExecuteStream to one address; another one is taken when the stream breaks."""

    name = "stream"

    def __init__(self, addresses: tuple[str, ...], deadline_s: float = DEADLINE_S) -> None:
        self._addresses = deque(addresses)
        self._deadline_s = deadline_s
        self._tasks = TaskOwner("stream-way")
        self._connection = Connection(ClientConfig(addresses), SystemClock(), self._tasks)
        self._waiting: list[_Waiting] = []
        self._tasks.start(self._run(), "stream")

    async def execute(self, request: service.ExecuteRequest) -> Result:
        deadline = Deadline(self._deadline_s)
        while True:
            answer: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()
            self._waiting.append((request, answer))
            try:
                async with asyncio.timeout(deadline.left_s):
                    return Result.of(await answer, request)
            except TimeoutError:
                raise Unavailable("no answer on the stream before the deadline") from None
            except RetryableError as error:
                await deadline.pause(error)

    async def close(self) -> None:
        await self._tasks.stop()
        await self._connection.close()

    async def _run(self) -> None:
        while True:
            stream = _Stream(self._waiting)
            error = await stream.follow(self._connection, self._addresses[0])
            stream.give_up(error)
            self._addresses.rotate()
            await asyncio.sleep(_PAUSES_S[1])


class _Stream:
    """One stream from its begin to its break, with what was sent on it."""

    def __init__(self, waiting: list[_Waiting]) -> None:
        self._waiting = waiting
        self._sent: deque[list[_Waiting]] = deque()
        self._broken = False

    async def follow(self, connection: Connection, address: str) -> FlightmeshError:
        """Answers what waits until the stream breaks; tells why."""
        try:
            async for response in connection.exchange(
                methods.EXECUTE_STREAM, self._batches(), 600, address
            ):
                for (_, answer), result in zip(self._sent.popleft(), response.results, strict=True):
                    if answer.done():
                        continue
                    if result.HasField("error"):
                        answer.set_exception(error_of(result.error))
                    else:
                        answer.set_result(CommandResult.of(result.response))
        except FlightmeshError as error:
            return error
        return Unavailable("the stream ended")

    def give_up(self, error: FlightmeshError) -> None:
        """Tells all who wait that nobody knows what became of their commands."""
        self._broken = True
        for _, answer in (each for batch in self._sent for each in batch):
            if not answer.done():
                answer.set_exception(Unavailable(error.message))

    async def _batches(self) -> AsyncIterator[service.ExecuteStreamRequest]:
        # gRPC may ask for one more batch of a stream that is broken already: it gets none.
        while not self._broken:
            await asyncio.sleep(_BATCH_EVERY_S)
            batch = [] if self._broken else [each for each in self._waiting if not each[1].done()]
            if batch:
                self._waiting.clear()
                self._sent.append(batch)
                yield service.ExecuteStreamRequest(requests=[request for request, _ in batch])


_PATHS = {
    "create_rotation": "?aggregate_id={}",
    "add_leg": "/{}:addLeg",
    "remove_leg": "/{}:removeLeg",
    "change_leg_times": "/{}:changeLegTimes",
    "assign_rotation_to_airplane": "/{}:assign",
}


class RestWay:
    """REST over keep-alive connections to gateways that are asked in turn."""

    name = "rest"

    def __init__(self, addresses: tuple[str, ...], deadline_s: float = DEADLINE_S) -> None:
        self._addresses = addresses
        self._deadline_s = deadline_s
        self._turn = 0
        self._idle: dict[str, list[HttpConnection]] = {address: [] for address in addresses}
        self._open = asyncio.Semaphore(_MAX_CONNECTIONS)

    async def execute(self, request: service.ExecuteRequest) -> Result:
        kind = request.WhichOneof("command")
        assert kind is not None
        place = _PATHS[kind].format(request.aggregate_id)
        body = MessageToJson(
            getattr(request, kind), preserving_proto_field_name=True, indent=None
        ).encode()
        head = f"Idempotency-Key: {request.command_id}\r\nContent-Type: application/json\r\n"
        if request.HasField("expected_sequence"):
            head += f'If-Match: "{request.expected_sequence}"\r\n'
        path = f"/v1/schedules/{request.schedule}/rotations{place}"
        answer = await self.ask("POST", path, head, body)
        return Result(int(answer["sequence"]), answer["position"])

    async def ask(self, method: str, path: str, head: str = "", body: bytes = b"") -> Any:
        """The JSON of a reply with status 200, asked for again elsewhere until the deadline."""
        deadline = Deadline(self._deadline_s)
        data = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{head}"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        while True:
            self._turn += 1
            address = self._addresses[self._turn % len(self._addresses)]
            try:
                return _answer(await self._exchange(address, data, deadline.left_s))
            except RetryableError as error:
                await deadline.pause(error)

    async def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()

    async def _exchange(self, address: str, data: bytes, left_s: float) -> HttpReply:
        try:
            async with asyncio.timeout(left_s), self._open:
                idle = self._idle[address]
                connection = idle.pop() if idle else await open_http(address, left_s)
                try:
                    reply = await connection.request(data)
                except BaseException:
                    connection.close()
                    raise
        except TimeoutError:
            raise Unavailable("no reply before the deadline") from None
        idle.append(connection)
        return reply


def _answer(reply: HttpReply) -> Any:
    try:
        body = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        body = {"reason": "INTERNAL", "detail": repr(reply.body[:200])}
    if reply.status == 200:
        return body
    reason, detail = str(body.get("reason", "UNKNOWN")), str(body.get("detail", body))
    if reply.status >= 500:
        raise Unavailable(f"{reply.status} {reason}: {detail}")
    if reply.status == 400:
        raise InvalidInput("", f"{reason}: {detail}")
    raise Refused(reason, detail)
