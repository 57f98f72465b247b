"""What a leader works with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from coordinator.counters import CoordinatorCounters
from coordinator.node_client import ShardNodeClient
from flightmesh.clock import Clock
from flightmesh.journal import Claims, Constants, Journal
from flightmesh.registry import Registry


class Seal(Protocol):
    """Seals a session's ledger for ever; returns when that is definite."""

    def __call__(self, ledger: int) -> Awaitable[object]:
        """Seals the ledger of that number; idempotent."""


@dataclass(frozen=True, slots=True)
class LeaderPorts:
    """What a leader works with.

    Attributes:
        registry: the registry.
        journal: for the directory of ledgers.
        claims: the claims.
        clock: time.
        connect: gives the client of the shard node at host:port.
        seal: seals a ledger.
        constants: those of the store.
        counters: where it counts.
    """

    registry: Registry
    journal: Journal
    claims: Claims
    clock: Clock
    connect: Callable[[str], ShardNodeClient]
    seal: Seal
    constants: Constants
    counters: CoordinatorCounters = field(default_factory=CoordinatorCounters)
