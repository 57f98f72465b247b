"""Sees what becomes of shards in the memory of sessions, by watching the status of their slots."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flightmesh.testing.simulation.chronicle import Chronicle
from shard_node.slot import ShardSlot

SHARD = (
    "shard: new → recovering", "shard: recovering → active", "shard: active → draining",
    "shard: draining → gone", "shard: active → gone", "shard: recovering → gone",
)  # fmt: skip


@contextmanager
def watched(chronicle: Chronicle) -> Iterator[None]:
    """Counts the transitions of all slots of this process meanwhile."""

    def get(slot: Any) -> Any:
        return slot.__dict__["status"]

    def put(slot: Any, status: Any) -> None:
        before = slot.__dict__.get("status")
        slot.__dict__["status"] = status
        if before is not status:
            was = before.value if before else "new"
            chronicle.count(f"shard: {was} → {status.value}")
            chronicle.tell("", f"shard {slot.shard}: {was} → {status.value} ({slot.claim.holder})")

    ShardSlot.status = property(get, put)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        del ShardSlot.status  # type: ignore[misc]
