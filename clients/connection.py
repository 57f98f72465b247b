"""Calls to any of several servers: the next one is asked when one cannot answer.

Only calls that may be repeated go through `unary`: queries, and commands that carry their id.
Every call has a deadline.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, final

import grpc
from grpc_health.v1 import health_pb2

from clients.config import ClientConfig
from clients.methods import CHECK_HEALTH, Method, Request, Response
from flightmesh.clock import Clock
from flightmesh.errors import FlightmeshError, Refused, RetryableError, Unavailable
from flightmesh.routing.channel_cache import ChannelCache
from flightmesh.rpc.errors import error_of_call
from flightmesh.runtime.tasks import TaskOwner

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 0.8


@final
class Connection:
    """Channels to the servers of a configuration.

    Args:
        config: servers and deadlines.
        clock: for deadlines and pauses.
        tasks: owns the closing of channels that are no longer used.
    """

    def __init__(self, config: ClientConfig, clock: Clock, tasks: TaskOwner) -> None:
        self.config = config
        self._clock = clock
        self._current = 0
        self._channels = ChannelCache(tasks)

    @property
    def server(self) -> str:
        """The server that is asked first, host:port."""
        return self.config.servers[self._current]

    def channel(self, address: str) -> grpc.aio.Channel:
        """The channel to one address, opened when first needed."""
        return self._channels.get(address)

    async def close(self) -> None:
        """Ends all calls and connections."""
        await self._channels.close()

    async def unary(
        self,
        method: Method[Request, Response],
        request: Request,
        timeout_s: float | None = None,
    ) -> Response:
        """Calls until a server answers, a server refuses, or time is up.

        Raises:
            FlightmeshError: the server's refusal, or Unavailable after `patience_s`.
        """
        started = self._clock.monotonic_s()
        deadline = started + (timeout_s or self.config.timeout_s)
        patience = started + min(self.config.patience_s, deadline - started)
        pause, untried = _FIRST_PAUSE_S, len(self.config.servers)
        while True:
            # A frozen server must not use up the time of those that are still to be asked.
            left = (deadline - self._clock.monotonic_s()) / max(1, untried)
            asked = self._current
            try:
                return await self.call(self.server, method, request, max(left, 0.001))
            except FlightmeshError as error:
                untried -= 1
                if not _next_may_answer(error, untried > 0):
                    raise
                # Of those who were asking this server together one moves on for all.
                if self._current == asked:
                    self._current = (asked + 1) % len(self.config.servers)
                if untried > 0:
                    continue
                if self._clock.monotonic_s() + pause > patience:
                    raise
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def reach(self) -> None:
        """Moves on to a server that answers: a stream that has begun cannot go on elsewhere.

        Raises:
            FlightmeshError: none answers.
        """
        await self.unary(CHECK_HEALTH, health_pb2.HealthCheckRequest())

    async def call(
        self, address: str, method: Method[Request, Response], request: Request, timeout_s: float
    ) -> Response:
        """Calls one address once.

        Raises:
            FlightmeshError: what the status of the failed call stands for.
        """
        call = self.channel(address).unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        try:
            response: Response = await call(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise _described(error, address) from None
        return response

    async def follow(
        self, method: Method[Request, Response], request: Request, timeout_s: float
    ) -> AsyncIterator[Response]:
        """Yields the messages of a server stream; a broken stream is an error, not an end."""
        address = self.server
        call = self.channel(address).unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )(request, timeout=timeout_s)
        try:
            async for message in call:
                yield message
        except grpc.aio.AioRpcError as error:
            raise _described(error, address) from None
        finally:
            call.cancel()

    async def exchange(
        self,
        method: Method[Request, Response],
        requests: AsyncIterator[Request],
        timeout_s: float,
        address: str = "",
    ) -> AsyncIterator[Response]:
        """Sends a stream of messages and yields the answers.

        What `requests` raises ends the call and is raised here.
        """
        address = address or self.server
        broken: list[Exception] = []
        call = self.channel(address).stream_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )(_noting(requests, broken), timeout=timeout_s)
        try:
            async for message in call:
                yield message
        except grpc.aio.AioRpcError as error:
            raise _described(error, address) from None
        except asyncio.CancelledError:
            # gRPC cancels the call when the requests raise, and so hides why.
            if broken:
                raise broken[0] from None
            raise
        finally:
            call.cancel()


async def _noting(
    requests: AsyncIterator[Request], broken: list[Exception]
) -> AsyncIterator[Request]:
    try:
        async for request in requests:
            yield request
    except Exception as error:
        broken.append(error)
        raise


def _next_may_answer(error: FlightmeshError, others_left: bool) -> bool:
    if isinstance(error, RetryableError):
        return True
    slow_or_unable = isinstance(error, Refused) and error.reason in (
        "DEADLINE_EXCEEDED",
        "UNIMPLEMENTED",
    )
    return others_left and slow_or_unable


def _described(error: grpc.aio.AioRpcError, address: str) -> FlightmeshError:
    """The error, naming the address where only that helps."""
    known = error_of_call(error)
    if isinstance(known, Unavailable) and "failed to connect" in known.message.lower():
        return Unavailable(f"cannot connect to {address}; is the mesh running there?")
    if isinstance(known, Unavailable) and "errors resolving" in known.message.lower():
        return Unavailable(f"cannot connect to {address}: no such host name")
    if isinstance(known, Refused) and known.reason == "DEADLINE_EXCEEDED":
        return Refused("DEADLINE_EXCEEDED", f"{address} did not answer in time")
    return known
