"""What the leader asks of a shard node: the port."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life.

    Attributes:
        session: the node's session.
        commands: commands that the session has acknowledged so far.
        owned: shard → epoch of the shards that it owns, or takes up.
    """

    session: int
    commands: int
    owned: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class AssignAnswer:
    """What became of an assignment.

    Attributes:
        owned: shard → epoch of those that the session owns now, or takes up.
        blocked: shard → session that holds the claim.
    """

    owned: Mapping[int, int]
    blocked: Mapping[int, int]


class ShardNodeClient(Protocol):
    """One shard node. Calls may be repeated; shards are given with the epoch that is meant.

    Every call raises Unavailable if the node is not reached in time, and another FlightmeshError if
    it refuses, as a node does whose session is another one.
    """

    async def assign(
        self, session: int, shards: Mapping[int, int], timeout_s: float
    ) -> AssignAnswer:
        """Gives shards (shard → epoch) to the session."""

    async def release(
        self, session: int, shards: Mapping[int, int], timeout_s: float
    ) -> Mapping[int, int]:
        """Asks for shards back; answers with those that are released."""

    def heartbeats(self) -> AsyncIterator[Heartbeat]:
        """Signs of life, about one a second, until the connection breaks (Unavailable)."""
