"""The registry in memory, shared by all services of the embedded process.

Leases end by the injected clock. They are looked at on every call; `run_expiry` also looks at them
in between, so that watchers learn of a lease that ends while nobody calls.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import final

from flightmesh.clock import Clock
from flightmesh.registry import (
    Compare,
    Delete,
    KeyValue,
    Listing,
    Put,
    Registry,
    TransactionResult,
)


@dataclass(slots=True)
class _Lease:
    ttl_s: float
    ends_s: float
    keys: set[str] = field(default_factory=set)


@final
class _Watch(AsyncIterator[int]):
    """Tells the newest revision that touched its prefix; changes in between are merged."""

    def __init__(self, prefix: str, watches: "dict[_Watch, None]") -> None:
        self._prefix = prefix
        self._watches = watches
        self._revision = 0
        self._changed = asyncio.Event()
        self._closed = False
        watches[self] = None

    def notice(self, key: str, revision: int) -> None:
        if key.startswith(self._prefix):
            self._revision = revision
            self._changed.set()

    async def __anext__(self) -> int:
        if self._closed:
            raise StopAsyncIteration
        await self._changed.wait()
        if self._closed:
            raise StopAsyncIteration
        self._changed.clear()
        return self._revision

    async def aclose(self) -> None:
        """Ends the watch; a waiting reader is released."""
        self._closed = True
        self._changed.set()
        self._watches.pop(self, None)


@final
class InMemoryRegistry:
    """Registry of one process.

    Args:
        clock: time that leases end by.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._revision = 0
        self._items: dict[str, KeyValue] = {}
        self._listings: dict[str, Listing] = {}
        self._leases: dict[int, _Lease] = {}
        self._last_lease = 0
        # In the order of their making: what follows from a change is the same in every run.
        self._watches: dict[_Watch, None] = {}

    async def list_prefix(self, prefix: str) -> Listing:
        """Everything whose key begins with prefix."""
        self.expire_leases()
        listing = self._listings.get(prefix)
        if listing is None:
            # Many ask the same after each change.
            items = [item for key, item in sorted(self._items.items()) if key.startswith(prefix)]
            listing = self._listings[prefix] = Listing(self._revision, tuple(items))
        return listing

    async def transact(
        self, compares: Sequence[Compare], writes: Sequence[Put | Delete]
    ) -> TransactionResult:
        """Does all writes if all conditions hold, else nothing.

        A put with a lease that has ended does nothing either, as if a condition had failed.
        """
        self.expire_leases()
        leases_live = all(
            write.lease == 0 or write.lease in self._leases
            for write in writes
            if isinstance(write, Put)
        )
        if not leases_live or not all(map(self._holds, compares)):
            return TransactionResult(False, self._revision)
        if writes:
            self._apply(writes)
        return TransactionResult(True, self._revision)

    async def grant_lease(self, ttl_s: float) -> int:
        """A new lease that ends after ttl_s unless kept alive."""
        self.expire_leases()
        self._last_lease += 1
        self._leases[self._last_lease] = _Lease(ttl_s, self._clock.monotonic_s() + ttl_s)
        return self._last_lease

    async def keep_alive(self, lease: int) -> bool:
        """Renews a lease; False if it has ended."""
        self.expire_leases()
        row = self._leases.get(lease)
        if row is None:
            return False
        row.ends_s = self._clock.monotonic_s() + row.ttl_s
        return True

    async def revoke_lease(self, lease: int) -> None:
        """Ends a lease now. Idempotent."""
        self._end_lease(lease)

    def watch_prefix(self, prefix: str) -> AsyncIterator[int]:
        """Yields a revision after each change under prefix, merged, until `aclose()`."""
        return _Watch(prefix, self._watches)

    def expire_leases(self) -> None:
        """Ends the leases whose time has come, with their keys."""
        now = self._clock.monotonic_s()
        for lease in [number for number, row in self._leases.items() if row.ends_s <= now]:
            self._end_lease(lease)

    async def run_expiry(self, interval_s: float = 0.25) -> None:
        """Looks at the leases for ever; the owner of the registry runs it as a task."""
        while True:
            await self._clock.sleep(interval_s)
            self.expire_leases()

    def _holds(self, compare: Compare) -> bool:
        item = self._items.get(compare.key)
        created = item.create_revision if item else 0
        changed = item.mod_revision if item else 0
        return compare.create_revision in (None, created) and compare.mod_revision in (
            None,
            changed,
        )

    def _apply(self, writes: Sequence[Put | Delete]) -> None:
        self._revision += 1
        self._listings.clear()
        for write in writes:
            if isinstance(write, Put):
                self._put(write)
            else:
                self._delete(write.key)

    def _put(self, write: Put) -> None:
        old = self._items.get(write.key)
        if old is not None and old.lease:
            self._leases[old.lease].keys.discard(write.key)
        if write.lease:
            self._leases[write.lease].keys.add(write.key)
        created = old.create_revision if old else self._revision
        self._items[write.key] = KeyValue(
            write.key, write.value, created, self._revision, write.lease
        )
        self._tell(write.key)

    def _delete(self, key: str) -> None:
        old = self._items.pop(key, None)
        if old is None:
            return
        if old.lease in self._leases:
            self._leases[old.lease].keys.discard(key)
        self._tell(key)

    def _end_lease(self, lease: int) -> None:
        row = self._leases.pop(lease, None)
        if row is not None and row.keys:
            self._apply([Delete(key) for key in sorted(row.keys)])

    def _tell(self, key: str) -> None:
        for watch in tuple(self._watches):
            watch.notice(key, self._revision)


_: type[Registry] = InMemoryRegistry
