"""The registry in etcd.

etcd3 does what may be repeated freely: reading, granting and revoking leases, in a few threads.
Transactions go over grpc.aio, because etcd3 hides two things that matter there: the revision in the
answer, and whether a request that failed was ever sent. Renewals and watches go over grpc.aio too,
because etcd3's cannot resume. See docs/adr/0016-etcd3-and-our-own-stubs.md.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import Any, Final, Self, TypeVar, final

import grpc

from flightmesh.api.etcd.v3 import rpc_service_pb2 as rpc
from flightmesh.clock import Clock
from flightmesh.errors import OutcomeUnknown, ProtocolViolation, Unavailable
from flightmesh.registry import (
    Compare,
    Delete,
    KeyValue,
    Listing,
    Put,
    Registry,
    TransactionResult,
)
from flightmesh.registry.etcd_driver import Etcd3Client, Etcd3Exception
from flightmesh.registry.etcd_endpoints import REQUIRE_LEADER, EtcdEndpoint, EtcdEndpoints
from flightmesh.registry.etcd_failures import Failure, classify
from flightmesh.registry.etcd_watch import EtcdWatch
from flightmesh.runtime.tasks import TaskOwner

_T = TypeVar("_T")
_THREADS: Final = 4
_PAUSE_S: Final = 0.1


@final
class EtcdRegistry:
    """Registry of all processes, in etcd. Make it inside the event loop that uses it; close it.

    Args:
        addresses: host:port of the members, all of them.
        clock: for pauses between attempts.
        namespace: what all keys begin with in etcd.
        timeout_s: seconds after which a call gives up.
        attempt_s: seconds after which a call asks another member.

    Raises:
        ConfigurationError: an address is malformed, or there is none.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        clock: Clock,
        *,
        namespace: str = "flightmesh/",
        timeout_s: float = 3.0,
        attempt_s: float = 1.0,
    ) -> None:
        self._endpoints = EtcdEndpoints(addresses, attempt_s)
        self._clock = clock
        self._namespace = namespace
        self._timeout_s = timeout_s
        self._attempt_s = attempt_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="etcd")
        self._watches = TaskOwner("etcd")
        self._seen = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all watches and connections. Leases end by themselves."""
        await self._watches.stop()
        await self._endpoints.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # Reading and writing

    async def list_prefix(self, prefix: str) -> Listing:
        """Everything whose key begins with prefix.

        Raises:
            Unavailable: no member answered in time.
        """
        key = self._key(prefix)
        before = self._seen
        answer = await self._with_etcd3(lambda client: client.get_prefix_response(key))
        revision = answer.header.revision
        if revision < before:
            # The read began after `before` was seen: the store itself went back.
            self._seen = revision
        self._note(revision)
        return Listing(revision, tuple(map(self._item, answer.kvs)))

    async def transact(
        self, compares: Sequence[Compare], writes: Sequence[Put | Delete]
    ) -> TransactionResult:
        """Does all writes if all conditions hold, else nothing.

        A put with a lease that has ended does nothing either, as if a condition had failed.

        Raises:
            Unavailable: nothing was written.
            OutcomeUnknown: it may have been written, or may still be.
            ProtocolViolation: etcd does not take such a request.
        """
        request = rpc.TxnRequest(
            compare=[each for compare in compares for each in self._conditions(compare)],
            success=map(self._operation, writes),
        )
        async for endpoint in self._turns():
            try:
                answer = await endpoint.kv.Txn(
                    request, timeout=self._attempt_s, metadata=REQUIRE_LEADER
                )
            except grpc.aio.AioRpcError as error:
                failure = classify(error)
                if failure is Failure.LEASE_ENDED:
                    return TransactionResult(False, self._seen)
                if failure is Failure.REFUSED:
                    raise ProtocolViolation(f"etcd refused: {error.details()}") from error
                self._endpoints.leave(endpoint)
                if failure is Failure.UNKNOWN:
                    raise OutcomeUnknown(f"etcd: {error.details()}") from error
            else:
                self._note(answer.header.revision)
                return TransactionResult(answer.succeeded, answer.header.revision)
        raise Unavailable("etcd: no member takes transactions")

    def _conditions(self, compare: Compare) -> list[rpc.Compare]:
        key, conditions = self._key(compare.key), []
        if compare.create_revision is not None:
            conditions.append(
                rpc.Compare(
                    target=rpc.Compare.CREATE, key=key, create_revision=compare.create_revision
                )
            )
        if compare.mod_revision is not None:
            conditions.append(
                rpc.Compare(target=rpc.Compare.MOD, key=key, mod_revision=compare.mod_revision)
            )
        return conditions

    def _operation(self, write: Put | Delete) -> rpc.RequestOp:
        key = self._key(write.key)
        if isinstance(write, Put):
            put = rpc.PutRequest(key=key, value=write.value, lease=write.lease)
            return rpc.RequestOp(request_put=put)
        return rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key))

    def _key(self, key: str) -> bytes:
        return (self._namespace + key).encode()

    def _item(self, kv: Any) -> KeyValue:
        key = kv.key.decode()[len(self._namespace) :]
        return KeyValue(key, kv.value, kv.create_revision, kv.mod_revision, kv.lease)

    # Leases

    async def grant_lease(self, ttl_s: float) -> int:
        """A new lease that ends after ttl_s, rounded up to a second, unless kept alive.

        A try that got no answer may have left a lease, which ends by itself.

        Raises:
            Unavailable: no member answered in time.
        """
        lease = await self._with_etcd3(lambda client: client.lease(ceil(ttl_s)))
        return int(lease.id)

    async def keep_alive(self, lease: int) -> bool:
        """Renews a lease; False if it has ended.

        Raises:
            Unavailable: no member answered in time.
        """
        async for endpoint in self._turns():
            call = endpoint.lease.LeaseKeepAlive(timeout=self._attempt_s, metadata=REQUIRE_LEADER)
            try:
                await call.write(rpc.LeaseKeepAliveRequest(ID=lease))
                answer = await call.read()
                if answer is not grpc.aio.EOF:
                    # etcd answers for a lease that has ended too: with nothing left.
                    return bool(answer.TTL > 0)
            except (grpc.RpcError, asyncio.InvalidStateError):
                pass
            finally:
                call.cancel()
            self._endpoints.leave(endpoint)
        raise Unavailable("etcd: the lease cannot be renewed")

    async def revoke_lease(self, lease: int) -> None:
        """Ends a lease now. Idempotent.

        Raises:
            Unavailable: no member answered in time.
        """

        def revoke(client: Etcd3Client) -> None:
            try:
                client.revoke_lease(lease)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise

        await self._with_etcd3(revoke)

    # Watches

    def watch_prefix(self, prefix: str) -> EtcdWatch:
        """Yields a revision after each change under prefix, merged, until `aclose()`.

        Nothing that happens after the call is missed: the watch begins after the newest revision
        that this registry has heard of, wherever the store stands when the connection is made. It
        never raises; after a broken connection it tells of a change even if there was none.
        """
        key = self._key(prefix)
        watch = EtcdWatch(
            self._endpoints,
            key,
            _end_of_prefix(key),
            since=self._seen,
            read_revision=self._read_revision,
            note_revision=self._note,
            clock=self._clock,
        )
        watch.run_in(self._watches.start)
        return watch

    async def _read_revision(self) -> int:
        return (await self.list_prefix("\0")).revision

    def _note(self, revision: int) -> None:
        self._seen = max(self._seen, revision)

    # Calls

    async def _turns(self) -> AsyncIterator[EtcdEndpoint]:
        """Members to ask, one after another, until the time is over."""
        ends_s = self._clock.monotonic_s() + self._timeout_s
        asked = 0
        while True:
            yield self._endpoints.current
            asked += 1
            if asked >= len(self._endpoints):
                await self._clock.sleep(_PAUSE_S)
            if self._clock.monotonic_s() >= ends_s:
                return

    async def _with_etcd3(self, call: Callable[[Etcd3Client], _T]) -> _T:
        """Runs a call that may be repeated in a thread, at one member after another."""
        reason = ""
        try:
            async with asyncio.timeout(self._timeout_s):
                async for endpoint in self._turns():
                    try:
                        return await self._in_thread(call, endpoint)
                    except (Etcd3Exception, grpc.RpcError) as error:
                        reason = str(error) or type(error).__name__
                        self._endpoints.leave(endpoint)
        except TimeoutError:
            pass
        raise Unavailable(f"etcd does not answer: {reason or 'all threads wait for it'}")

    async def _in_thread(self, call: Callable[[Etcd3Client], _T], endpoint: EtcdEndpoint) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, call, endpoint.client)


def _end_of_prefix(prefix: bytes) -> bytes:
    return prefix[:-1] + bytes([prefix[-1] + 1])


_: type[Registry] = EtcdRegistry
