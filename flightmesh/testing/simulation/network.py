"""The network between simulated processes, and gRPC channels over it.

Requests, answers and the messages of streams travel one by one: each may be late, lost or doubled,
and none keeps its place. The services and clients on top are the real ones, generated code and
status mapping included; only the sockets are missing.
"""

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn, final

import grpc

from flightmesh.clock import Randomness
from flightmesh.testing.simulation.chance import Chance
from flightmesh.testing.simulation.chronicle import Chronicle
from flightmesh.testing.simulation.loop import VirtualLoop, current_process

# A broken connection is noticed after keepalive time and ping timeout; see flightmesh.rpc.
_BROKEN_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Weather:
    """What the network does to messages for a while.

    Attributes:
        lost: probability that a message is lost.
        doubled: probability that it comes twice.
        late_s: longest extra delay; half of the messages get some.
    """

    lost: float = 0.0
    doubled: float = 0.0
    late_s: float = 0.0


class _Details(NamedTuple):
    method: str
    invocation_metadata: tuple[()] = ()


@final
class SimulatedServer:
    """Takes services as a grpc.aio server does, for the process that it is made in."""

    def __init__(self) -> None:
        self._services: list[Any] = []
        self._methods: dict[str, Any] = {}
        self.process = current_process()

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """As grpc.aio.Server has it."""
        self._services.extend(handlers)

    def add_registered_method_handlers(self, name: str, handlers: Any) -> None:
        """As grpc.aio.Server has it; the generic handlers know the same methods."""

    def method(self, path: str) -> Any:
        """The handler of a method."""
        found = self._methods.get(path)
        if found is None:
            answers = (service.service(_Details(path)) for service in self._services)
            found = self._methods[path] = next(a for a in answers if a is not None)
        return found


@final
class _Context:
    """What servicer methods use of grpc.aio.ServicerContext."""

    def __init__(self, loop: VirtualLoop, timeout_s: float | None) -> None:
        self._loop = loop
        self._ends_s = None if timeout_s is None else loop.time() + timeout_s
        self.status: tuple[grpc.StatusCode, str, Any] | None = None

    def time_remaining(self) -> float | None:
        return None if self._ends_s is None else max(0.0, self._ends_s - self._loop.time())

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def set_trailing_metadata(self, metadata: Any) -> None:
        """What goes with an answer beside it; the simulation's clients do not look at that."""

    async def abort(self, code: grpc.StatusCode, details: str, trailing: Any = ()) -> NoReturn:
        self.status = (code, details, trailing)
        raise grpc.aio.AbortError


_Answer = tuple[grpc.StatusCode, str, Any, Any]


@final
class Network:
    """Carries messages between hosts, which are processes by name.

    Args:
        loop: virtual time.
        randomness: delays and faults.
        chronicle: counts them.

    Attributes:
        weather: what happens to messages now, by fault.
        cuts: source and target → how often nothing gets through just now; empty if all is whole.
    """

    def __init__(self, loop: VirtualLoop, randomness: Randomness, chronicle: Chronicle) -> None:
        self.loop = loop
        self.weather: dict[object, Weather] = {}
        self._chance = Chance(randomness)
        self._chronicle = chronicle
        self._servers: dict[str, SimulatedServer] = {}
        self.cuts: Counter[tuple[str, str]] = Counter()
        self._calls = 0

    def listen(self, host: str, server: SimulatedServer) -> None:
        """A server is reached at the host from now on."""
        self._servers[host] = server

    def close(self, host: str) -> None:
        """The host's server takes no calls any more; those under way go on."""
        self._servers.pop(host, None)

    def cut(self, source: str, target: str) -> None:
        """Nothing gets from source to target until mended as often."""
        self.cuts[source, target] += 1

    def mend(self, source: str, target: str) -> None:
        """Undoes one cut."""
        self.cuts[source, target] -= 1
        if not self.cuts[source, target]:
            del self.cuts[source, target]

    def is_cut(self, source: str, target: str) -> bool:
        """Whether nothing gets from source to target."""
        return (source, target) in self.cuts

    def travel_s(self) -> float:
        """How long a message takes just now."""
        chance = self._chance
        delay_s = 0.0002 + chance.part() ** 4 * 0.004
        for weather in self.weather.values():
            if weather.late_s and chance.of(0.5):
                self._chronicle.count("network: late, out of order")
                delay_s += chance.part() ** 2 * weather.late_s
        return delay_s

    def send(self, source: str, target: str, deliver: Callable[[], object]) -> bool:
        """Takes a message on its way; False if it is lost already."""
        if self.cuts and self.is_cut(source, target):
            self._chronicle.count("network: stopped by a partition")
            return False
        for weather in self.weather.values():
            if self._chance.of(weather.lost):
                self._chronicle.count("network: lost")
                return False
            if self._chance.of(weather.doubled):
                self._chronicle.count("network: doubled")
                self.loop.later(self.travel_s(), deliver)
        self.loop.later(self.travel_s(), deliver)
        return True

    def channel(self, address: str) -> Any:
        """A channel to the host at that address, used as a grpc.aio.Channel."""
        return _Channel(self, address.partition(":")[0])

    # --- calls --------------------------------------------------------------------------------

    async def call(self, host: str, path: str, data: bytes, timeout_s: float | None) -> _Answer:
        """A unary call; its answer, or how it ended."""
        source = current_process()
        answer: asyncio.Future[_Answer] = asyncio.Future(loop=self.loop)
        handling: list[asyncio.Task[Any]] = []

        def settle(result: _Answer) -> None:
            if not answer.done():
                answer.set_result(result)

        def arrive() -> None:
            server = self._servers.get(host)
            if server is None or not server.process.alive:
                refused = (grpc.StatusCode.UNAVAILABLE, "connection refused", (), None)
                self.send(host, source.name, lambda: settle(refused))
                return

            def reply(result: _Answer) -> None:
                self.send(host, source.name, lambda: settle(result))

            work = self._handle(server, path, data, timeout_s, reply)
            handling.append(server.process.spawn(work, path.rpartition("/")[2]))

        self.send(source.name, host, arrive)
        limit_s = _BROKEN_S if timeout_s is None else timeout_s
        late = (grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", (), None)
        timer = self.loop.call_later(limit_s, settle, late)
        answered = False
        try:
            result = await answer
            answered = result is not late
            return result
        finally:
            timer.cancel()
            if not answered:
                self.send(source.name, host, lambda: _cancel(handling))

    async def _handle(
        self,
        server: SimulatedServer,
        path: str,
        data: bytes,
        timeout_s: float | None,
        reply: Callable[[_Answer], None],
    ) -> None:
        self._calls += 1
        call, process = self._calls, server.process
        broken = (grpc.StatusCode.UNAVAILABLE, "Socket closed", (), None)
        process.on_crash[call] = lambda: reply(broken)
        context = _Context(self.loop, timeout_s)
        method = server.method(path)
        read, write = method.request_deserializer, method.response_serializer
        try:
            answer = await method.unary_unary(read(data) if read else data, context)
            reply((grpc.StatusCode.OK, "", (), write(answer) if write else answer))
        except grpc.aio.AbortError:
            assert context.status is not None
            reply((*context.status, None))
        finally:
            process.on_crash.pop(call, None)

    # --- streams ------------------------------------------------------------------------------

    async def stream(self, host: str, path: str, data: bytes) -> AsyncIterator[Any]:
        """A call with a stream of answers: each message of it, until it breaks."""
        source = current_process()
        arrived: asyncio.Queue[Any] = asyncio.Queue()
        handling: list[asyncio.Task[Any]] = []

        def breaks() -> None:
            arrived.put_nowait(None)

        def arrive() -> None:
            server = self._servers.get(host)
            if server is None or not server.process.alive:
                self.send(host, source.name, breaks)
                return
            work = self._serve_stream(server, path, data, source.name, arrived)
            handling.append(server.process.spawn(work, path.rpartition("/")[2]))

        if not self.send(source.name, host, arrive):
            self.loop.call_later(_BROKEN_S, breaks)
        try:
            while (message := await arrived.get()) is not None:
                yield message
            raise _error((grpc.StatusCode.UNAVAILABLE, "connection lost", (), None))
        finally:
            self.send(source.name, host, lambda: _cancel(handling))

    async def _serve_stream(
        self,
        server: SimulatedServer,
        path: str,
        data: bytes,
        to: str,
        arrived: "asyncio.Queue[Any]",
    ) -> None:
        self._calls += 1
        call, process = self._calls, server.process
        method = server.method(path)
        deliver = arrived.put_nowait
        process.on_crash[call] = lambda: self.send(process.name, to, lambda: deliver(None))
        world = self.loop
        due_s = 0.0
        try:
            request = method.request_deserializer(data)
            async for answer in method.unary_stream(request, _Context(self.loop, None)):
                message = method.response_serializer(answer)
                if self.is_cut(process.name, to):
                    # As TCP: what is not acknowledged breaks the connection some time.
                    world.later(_BROKEN_S, lambda: deliver(None))
                    return
                due_s = max(due_s, self.loop.time() + self.travel_s())
                world.later(due_s - self.loop.time(), functools.partial(deliver, message))
        finally:
            process.on_crash.pop(call, None)


def _cancel(handling: "list[asyncio.Task[Any]]") -> None:
    for task in handling:
        task.cancel()


def _error(answer: _Answer) -> grpc.aio.AioRpcError:
    code, details, trailing, _ = answer
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, grpc.aio.Metadata(*trailing), details)


@final
class _Channel:
    """What stubs use of grpc.aio.Channel."""

    def __init__(self, network: Network, host: str) -> None:
        self._network = network
        self._host = host

    def unary_unary(
        self, path: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Any:
        async def call(request: Any, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109
            data = request_serializer(request) if request_serializer else request
            answer = await self._network.call(self._host, path, data, timeout)
            if answer[0] is not grpc.StatusCode.OK:
                raise _error(answer)
            return response_deserializer(answer[3]) if response_deserializer else answer[3]

        return call

    def unary_stream(
        self, path: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Any:
        def call(request: Any) -> Any:
            data = request_serializer(request)
            return _StreamCall(self._network.stream(self._host, path, data), response_deserializer)

        return call

    def stream_stream(self, path: str, **_: Any) -> Any:
        """Not simulated: routers use the other kinds."""


@final
class _StreamCall:
    def __init__(self, messages: AsyncIterator[Any], read: Any) -> None:
        self._messages = messages
        self._read = read

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for message in self._messages:
            yield self._read(message)

    def cancel(self) -> None:
        """As a call has it; the end of the iteration does the work."""
