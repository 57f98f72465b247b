"""The blocking client: the asyncio client run on an event loop in a thread of its own.

    with Client("mesh-1:8081") as client:
        created = client.commands.create_rotation("s05", "line 7")
        for finding in client.queries.findings("s05"):
            print(finding.message)

Every method has the name, the parameters and the types of the asyncio one that it wraps. Several
threads may share a client.
"""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import aclosing
from types import TracebackType
from typing import Any, Concatenate, Final, Generic, ParamSpec, Self, TypeVar, cast, final

from clients.aggregates import Aggregates
from clients.aio import FlightmeshClient
from clients.commands import PLAIN, Commands, Envelope
from clients.config import ClientConfig
from clients.files import Files
from clients.mesh import Mesh
from clients.queries import Queries
from flightmesh.api.shard.v1.command_service_pb2 import ExecuteRequest
from flightmesh.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F")

# One hop between threads costs about 50 µs, so items cross in groups.
_GROUP: Final = 1_000


class _LoopThread:
    """An event loop that runs in a thread until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="flightmesh-client", daemon=True
        )
        self._thread.start()
        self._lock = threading.Lock()
        self.closed = False

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """The coroutine's result; an interrupted wait cancels it.

        Raises:
            RuntimeError: the loop is closed.
            Unavailable: it was closed meanwhile.
        """
        with self._lock:
            if self.closed:
                coroutine.close()
                raise RuntimeError("the client is closed")
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return _result(future)

    def close(self, last: Coroutine[Any, Any, None] | None = None) -> None:
        """Ends the loop and its thread; calls of other threads fail. Idempotent.

        Args:
            last: runs before; nothing else is begun any more.
        """
        with self._lock:
            if self.closed:
                if last is not None:
                    last.close()
                return
            self.closed = True
        try:
            if last is not None:
                _result(asyncio.run_coroutine_threadsafe(last, self._loop))
        finally:
            _result(asyncio.run_coroutine_threadsafe(_end_all(), self._loop))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


def _result(future: "Future[R]") -> R:
    try:
        return future.result()
    except CancelledError:
        raise Unavailable("the client was closed meanwhile") from None
    except BaseException:
        future.cancel()
        raise


async def _end_all() -> None:
    """Cancels whatever else runs on this loop, and waits for it."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


class Blocking(Generic[F]):
    """A part of the asyncio client with the loop it runs on."""

    def __init__(self, part: F, loop: _LoopThread) -> None:
        self._part = part
        self._loop = loop


def _waits(
    method: Callable[Concatenate[F, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Blocking[F], P], R]:
    """The blocking form of a coroutine method."""

    def call(self: Blocking[F], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._loop.run(method(self._part, *args, **kwargs))

    functools.update_wrapper(call, method)
    return call


def _iterates(
    method: Callable[Concatenate[F, P], AsyncIterator[R]], group: int = _GROUP
) -> Callable[Concatenate[Blocking[F], P], Iterator[R]]:
    """The blocking form of a method that gives an async iterator."""

    def call(self: Blocking[F], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        items = method(self._part, *args, **kwargs)
        loop = self._loop
        try:
            while some := loop.run(_take(items, group)):
                yield from some
        finally:
            # The end of the loop has ended them too.
            if not loop.closed:
                loop.run(_end(items))

    functools.update_wrapper(call, method)
    return call


async def _take(items: AsyncIterator[R], count: int) -> list[R]:
    taken: list[R] = []
    async for item in items:
        taken.append(item)
        if len(taken) >= count:
            break
    return taken


async def _end(items: AsyncIterator[Any]) -> None:
    async with aclosing(cast(Any, items)):
        pass


@final
class BlockingCommands(Blocking[Commands]):
    """The commands; see clients.commands.Commands."""

    execute = _waits(Commands.execute)
    execute_many = _waits(Commands.execute_many)
    create_schedule = _waits(Commands.create_schedule)
    delete_schedule = _waits(Commands.delete_schedule)
    change_finding_rules = _waits(Commands.change_finding_rules)
    create_rotation = _waits(Commands.create_rotation)
    add_leg = _waits(Commands.add_leg)
    add_legs = _waits(Commands.add_legs)
    remove_leg = _waits(Commands.remove_leg)
    change_leg_times = _waits(Commands.change_leg_times)
    remove_rotation = _waits(Commands.remove_rotation)
    assign_rotation = _waits(Commands.assign_rotation)
    unassign_rotation = _waits(Commands.unassign_rotation)
    register_airplane = _waits(Commands.register_airplane)
    change_airplane = _waits(Commands.change_airplane)
    retire_airplane = _waits(Commands.retire_airplane)
    define_airport = _waits(Commands.define_airport)

    def request(
        self, schedule: str, aggregate_id: str, envelope: Envelope = PLAIN
    ) -> ExecuteRequest:
        """A request for `execute_many`, complete but for the command itself."""
        return self._part.request(schedule, aggregate_id, envelope)


@final
class BlockingQueries(Blocking[Queries]):
    """The queries; see clients.queries.Queries."""

    schedules = _waits(Queries.schedules)
    schedule = _waits(Queries.schedule)
    finding_pages = _iterates(Queries.finding_pages, group=1)
    findings = _iterates(Queries.findings)
    leg_pages = _iterates(Queries.leg_pages, group=1)
    legs = _iterates(Queries.legs)
    rotations = _iterates(Queries.rotations)
    airplanes = _iterates(Queries.airplanes)
    airports = _iterates(Queries.airports)


@final
class BlockingAggregates(Blocking[Aggregates]):
    """State and history; see clients.aggregates.Aggregates."""

    rotation = _waits(Aggregates.rotation)
    airplane = _waits(Aggregates.airplane)
    airport = _waits(Aggregates.airport)
    schedule_state = _waits(Aggregates.schedule_state)
    history = _iterates(Aggregates.history)


@final
class BlockingFiles(Blocking[Files]):
    """Imports and exports; see clients.files.Files. Progress is called in the loop's thread."""

    import_file = _waits(Files.import_file)
    export_file = _iterates(Files.export_file, group=1)


@final
class BlockingMesh(Blocking[Mesh]):
    """The mesh itself; see clients.mesh.Mesh."""

    shard_map = _waits(Mesh.shard_map)
    watch_shard_map = _iterates(Mesh.watch_shard_map, group=1)
    nodes = _waits(Mesh.nodes)
    move_shard = _waits(Mesh.move_shard)
    drain_node = _waits(Mesh.drain_node)
    is_serving = _waits(Mesh.is_serving)


@final
class Client:
    """A blocking client of one mesh; a context manager.

    Args:
        servers: as for FlightmeshClient.

    Attributes:
        commands: every edit.
        queries: questions over whole schedules.
        aggregates: state and history of single aggregates.
        files: imports and exports.
        mesh: shard map, nodes, health.

    Raises:
        ConfigurationError: an address is not host:port.
    """

    def __init__(self, servers: str | ClientConfig = "") -> None:
        self._loop = _LoopThread()
        try:
            self._client = self._loop.run(_build(servers))
        except BaseException:
            self._loop.close()
            raise
        self.commands = BlockingCommands(self._client.commands, self._loop)
        self.queries = BlockingQueries(self._client.queries, self._loop)
        self.aggregates = BlockingAggregates(self._client.aggregates, self._loop)
        self.files = BlockingFiles(self._client.files, self._loop)
        self.mesh = BlockingMesh(self._client.mesh, self._loop)

    @property
    def position(self) -> str:
        """Token of the highest position seen."""
        return self._client.position

    def saw(self, position: str) -> None:
        """Makes later queries wait for this position too."""
        self._client.saw(position)

    def close(self) -> None:
        """Ends all calls, connections and the thread. Idempotent."""
        self._loop.close(self._client.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


async def _build(servers: str | ClientConfig) -> FlightmeshClient:
    # Channels and locks belong to the loop they are made on.
    return FlightmeshClient(servers)
