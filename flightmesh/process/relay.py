"""Passes the calls of a service on to processes that answer it, as bytes.

Every process takes every public call: whoever knows one address can use the mesh. What a process
does not answer itself it hands to one that does. The messages are not looked into.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Any, Final, NoReturn, cast, final

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from flightmesh.clock import Clock
from flightmesh.errors import RetryableError, Unavailable
from flightmesh.rpc.errors import abort, error_of_call

# How long a process that did not answer is left out, if there are others.
_AVOID_S: Final = 1.0
_DEADLINE_S: Final = 10.0
# A stream lasts as long as its file or its caller; an hour is beyond any of them.
_STREAM_DEADLINE_S: Final = 3600.0
# Marks a call that was passed on: it is passed on once at most, whatever two processes think of
# each other.
_MARK: Final = ("flightmesh-relayed", "1")


@final
class Relay:
    """Passes one service's calls on.

    Args:
        service: the service's descriptor.
        addresses: gives host:port of the processes that answer it.
        channel: gives the channel to an address.
        clock: time of deadlines.
        repeats: whether a call may be made again elsewhere when a process does not answer: true
            where a repetition does no harm whatever the call holds.
        lagging: gives the addresses of those to be asked only if no other answers.
    """

    def __init__(
        self,
        service: ServiceDescriptor,
        addresses: Callable[[], Sequence[str]],
        channel: Callable[[str], grpc.aio.Channel],
        clock: Clock,
        *,
        repeats: bool,
        lagging: Callable[[], Collection[str]] = lambda: (),
    ) -> None:
        self._service = service
        self._addresses = addresses
        self._channel = channel
        self._clock = clock
        self._repeats = repeats
        self._lagging = lagging
        self._avoid_until: dict[str, float] = {}
        self._turn = 0

    def handler(self) -> grpc.GenericRpcHandler:
        """The service's methods, for `grpc.aio.Server.add_generic_rpc_handlers`."""
        methods = {method.name: self._method(method) for method in self._service.methods}
        return grpc.method_handlers_generic_handler(self._service.full_name, methods)

    def _method(self, method: MethodDescriptor) -> "grpc.RpcMethodHandler[Any, Any]":
        path = f"/{self._service.full_name}/{method.name}"
        if not method.client_streaming and not method.server_streaming:

            async def unary(request: bytes, context: Any) -> bytes:
                return await self._unary(path, request, context)

            return grpc.unary_unary_rpc_method_handler(cast(Any, unary))
        if method.client_streaming:

            async def exchange(
                requests: AsyncIterator[bytes], context: Any
            ) -> AsyncIterator[bytes]:
                async for answer in self._stream(path, requests, context):
                    yield answer

            return grpc.stream_stream_rpc_method_handler(cast(Any, exchange))

        async def follow(request: bytes, context: Any) -> AsyncIterator[bytes]:
            async for answer in self._stream(path, request, context):
                yield answer

        return grpc.unary_stream_rpc_method_handler(cast(Any, follow))

    async def _unary(self, path: str, request: bytes, context: Any) -> bytes:
        deadline = self._clock.monotonic_s() + _time_left(context, _DEADLINE_S)
        try:
            return await self._ask_in_turn(path, request, self._targets(context), deadline)
        except Exception as failure:
            await _end(context, failure)

    async def _ask_in_turn(
        self, path: str, request: bytes, targets: Sequence[str], deadline: float
    ) -> bytes:
        error: Exception = Unavailable("nobody who answers this is known")
        for address in targets:
            left_s = deadline - self._clock.monotonic_s()
            call: Any = self._channel(address).unary_unary(path)
            try:
                answer: bytes = await call(request, timeout=left_s, metadata=(_MARK,))
            except grpc.aio.AioRpcError as failed:
                error = failed
                self._note(address, failed)
            else:
                return answer
            if not self._repeats or not isinstance(error_of_call(error), RetryableError):
                break
        raise error

    async def _stream(self, path: str, requests: Any, context: Any) -> AsyncIterator[bytes]:
        try:
            address = next(iter(self._targets(context)), None)
            if address is None:
                raise Unavailable("nobody who answers this is known")
            channel = self._channel(address)
            method = channel.unary_stream if isinstance(requests, bytes) else channel.stream_stream
            left_s = _time_left(context, _STREAM_DEADLINE_S)
            call = cast(Any, method(path))(requests, timeout=left_s, metadata=(_MARK,))
            try:
                async for answer in call:
                    yield answer
            except grpc.aio.AioRpcError as failed:
                self._note(address, failed)
                raise
            finally:
                call.cancel()
        except Exception as failure:
            await _end(context, failure)

    def _targets(self, context: Any) -> Sequence[str]:
        """Whom to ask, in turn: those that lag and those that did not answer lately come last.

        Raises:
            Unavailable: the call was passed on already.
        """
        if any(key == _MARK[0] for key, _ in context.invocation_metadata() or ()):
            raise Unavailable("this process does not answer that itself")
        addresses = self._addresses()
        if not addresses:
            return ()
        self._turn += 1
        now = self._clock.monotonic_s()
        ordered = [addresses[(self._turn + n) % len(addresses)] for n in range(len(addresses))]
        lagging = self._lagging()
        return sorted(
            ordered,
            key=lambda address: (self._avoid_until.get(address, 0.0) > now, address in lagging),
        )

    def _note(self, address: str, failed: grpc.aio.AioRpcError) -> None:
        if failed.code() is grpc.StatusCode.UNAVAILABLE:
            self._avoid_until[address] = self._clock.monotonic_s() + _AVOID_S


async def _end(context: Any, failure: Exception) -> NoReturn:
    """Ends a call as the one that was passed on ended, details included."""
    if isinstance(failure, grpc.aio.AioRpcError):
        details = tuple(
            (key, value)
            for key, value in failure.trailing_metadata() or ()
            if key == "grpc-status-details-bin"
        )
        await context.abort(failure.code(), failure.details() or "", details)
    await abort(context, failure)


def _time_left(context: Any, longest_s: float) -> float:
    remaining = context.time_remaining()
    return longest_s if remaining is None else max(0.001, min(remaining, longest_s))
