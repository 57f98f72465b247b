"""A watch on etcd that resumes by itself.

It remembers the revision up to which it has heard of everything and asks for what follows, so
nothing is missed while a connection is down. Where that cannot be kept (the history was compacted,
the store was restored or wiped) it tells of a change, whether or not there was one: its reader
lists again. While etcd is away it waits between attempts and costs next to nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, final

import grpc

from flightmesh.api.etcd.v3 import rpc_service_pb2 as rpc
from flightmesh.clock import Clock
from flightmesh.errors import Unavailable
from flightmesh.registry.etcd_endpoints import REQUIRE_LEADER, EtcdEndpoint, EtcdEndpoints

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_OPEN_S: Final = 2.0


class _StreamEnded(Exception):
    """The stream is over though nobody ended it."""


@final
class EtcdWatch(AsyncIterator[int]):
    """Tells the newest revision that touched its range; changes in between are merged.

    Args:
        endpoints: the members.
        key: first key.
        range_end: first key after the range.
        since: revision up to which the reader knows everything; 0 if that is not known.
        read_revision: asks the cluster for its revision; raises Unavailable.
        note_revision: told of each revision heard of.
        clock: for pauses.

    Attributes:
        resumed: how often a stream was opened again.
    """

    def __init__(
        self,
        endpoints: EtcdEndpoints,
        key: bytes,
        range_end: bytes,
        *,
        since: int,
        read_revision: Callable[[], Awaitable[int]],
        note_revision: Callable[[int], None],
        clock: Clock,
    ) -> None:
        self.resumed = 0
        self._endpoints = endpoints
        self._key = key
        self._range_end = range_end
        self._next = since + 1 if since else 0
        self._read_revision = read_revision
        self._note_revision = note_revision
        self._clock = clock
        self._opened = False
        self._pause_s = _FIRST_PAUSE_S
        self._revision = 0
        self._changed = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[Any] | None = None

    # What the reader sees

    async def __anext__(self) -> int:
        if not self._closed:
            await self._changed.wait()
        if self._closed:
            raise StopAsyncIteration
        self._changed.clear()
        return self._revision

    async def aclose(self) -> None:
        """Ends the watch; a waiting reader is released. Idempotent."""
        self._closed = True
        self._changed.set()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _tell(self, revision: int) -> None:
        self._revision = revision
        self._note_revision(revision)
        self._changed.set()

    # What the task does

    def run_in(self, start: Callable[..., asyncio.Task[Any]]) -> None:
        """Begins to follow, in a task made by `start(coroutine, name)`."""
        self._task = start(self._run(), "watch")

    async def _run(self) -> None:
        while True:
            endpoint = self._endpoints.current
            try:
                await self._follow(endpoint)
                continue  # ended with a reason that opening anew takes away
            except (
                grpc.RpcError, asyncio.InvalidStateError, TimeoutError, Unavailable, _StreamEnded
            ) as error:  # fmt: skip
                _log.info("watch at %s broke: %s", endpoint.address, _reason(error))
            self._endpoints.leave(endpoint)
            await self._clock.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    async def _follow(self, endpoint: EtcdEndpoint) -> None:
        call = endpoint.watch.Watch(metadata=REQUIRE_LEADER)
        try:
            async with asyncio.timeout(_OPEN_S):
                await call.write(self._request())
                created = await call.read()
            if created is grpc.aio.EOF:
                raise _StreamEnded("before the watch was made")
            if not created.canceled and not await self._begin(created.header.revision):
                return
            response = created
            while self._take(response):
                response = await call.read()
                if response is grpc.aio.EOF:
                    raise _StreamEnded("by the server")
        finally:
            call.cancel()

    def _request(self) -> rpc.WatchRequest:
        create = rpc.WatchCreateRequest(
            key=self._key,
            range_end=self._range_end,
            start_revision=self._next,
            progress_notify=True,
        )
        return rpc.WatchRequest(create_request=create)

    async def _begin(self, revision: int) -> bool:
        """Checks where the store stands; False if the stream waits for a revision that is far."""
        if revision < self._next - 1:
            # The member lags behind, or the store's history is not the one we know.
            true_revision = await self._read_revision()
            if true_revision < self._next - 1:
                _log.warning("etcd went back to revision %d: list again", true_revision)
                self._next = true_revision + 1
                self._tell(true_revision)
                return False
        if self._opened:
            # Whoever wiped or restored the store in the meantime would not be noticed else.
            self.resumed += 1
            self._tell(max(revision, self._next - 1))
        elif self._next == 0:
            self._next = revision + 1
            self._tell(revision)
        self._opened = True
        self._pause_s = _FIRST_PAUSE_S
        return True

    def _take(self, response: rpc.WatchResponse) -> bool:
        """Takes a message of the stream; False if the stream must be opened anew at once."""
        if response.compact_revision:
            _log.info("watch: history up to %d is compacted", response.compact_revision)
            self._next = response.compact_revision
            self._tell(max(response.header.revision, response.compact_revision))
            return False
        if response.canceled:
            raise _StreamEnded(response.cancel_reason or "cancelled by the server")
        if response.events:
            last = response.events[-1].kv.mod_revision
            self._next = last + 1
            self._tell(last)
        elif not response.created:
            # Nothing changed up to here: what is compacted below is not missed.
            self._next = max(self._next, response.header.revision + 1)
        return True


def _reason(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name} {error.details()}"
    return repr(error)
