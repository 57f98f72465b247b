"""The registry: a small key-value store with revisions, leases and guarded transactions.

It holds proposals and caches only (leader, registrations, shard map): data stay safe if all of it
is lost. The port is the part of etcd's model that Flightmesh uses, so that adapters stay thin.

What every adapter keeps: each write raises one revision that is common to all keys; reads are
linearizable; a transaction compares and writes atomically; a key with a lease is deleted when the
lease ends; a watch may lose events when its connection breaks, so whoever watches re-lists and
compares.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key as stored.

    Attributes:
        key: text with `/` between its parts.
        value: bytes.
        create_revision: revision of its creation: for a leader key the fencing token.
        mod_revision: revision of its last change.
        lease: lease it lives with; 0 for none.
    """

    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    lease: int


@dataclass(frozen=True, slots=True)
class Compare:
    """A condition of a transaction. Absent fields are not compared; revision 0 = key is absent."""

    key: str
    create_revision: int | None = None
    mod_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """A write of a transaction."""

    key: str
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """A deletion of a transaction."""

    key: str


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """Answer to a transaction.

    Attributes:
        succeeded: whether all conditions held and all writes were done.
        revision: the registry's revision after it.
    """

    succeeded: bool
    revision: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Keys under a prefix, in order, at one revision."""

    revision: int
    items: Sequence[KeyValue]


class Registry(Protocol):
    """Key-value store with leases. Raises Unavailable when it cannot be reached in time.

    A transaction of unknown outcome raises OutcomeUnknown and may be applied later: hence the
    conditions. Every call has a deadline of its own.
    """

    async def list_prefix(self, prefix: str) -> Listing:
        """Everything whose key begins with prefix."""

    async def transact(
        self, compares: Sequence[Compare], writes: Sequence[Put | Delete]
    ) -> TransactionResult:
        """Does all writes if all conditions hold, else nothing."""

    async def grant_lease(self, ttl_s: float) -> int:
        """A new lease that ends after ttl_s unless kept alive."""

    async def keep_alive(self, lease: int) -> bool:
        """Renews a lease; False if it has ended."""

    async def revoke_lease(self, lease: int) -> None:
        """Ends a lease now. Idempotent."""

    def watch_prefix(self, prefix: str) -> AsyncIterator[int]:
        """Yields a revision after each change under prefix (changes may be merged), until closed.

        In force when the call returns. It may end by raising Unavailable: list again, watch again.
        """
