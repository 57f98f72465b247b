"""The event bus: a fast hint to readers that an entry was committed. Never the truth.

Messages may be lost, repeated or late; each is self-describing and each reader checks it against
what it has (see docs/protocol.md, readers). A slow subscriber loses messages rather than holding up
a publisher.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PublishedEntry:
    """A committed entry.

    Attributes:
        ledger: its ledger.
        number: its number.
        data: its bytes, as in the journal (flightmesh.api.journal.v1.Entry).
    """

    ledger: int
    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LedgerHeartbeat:
    """A ledger's head, told once a second by its writer: shows a lost last message.

    Attributes:
        ledger: the ledger.
        head: number of its last committed entry; -1 if it has none.
    """

    ledger: int
    head: int


BusMessage = PublishedEntry | LedgerHeartbeat


class EventBus(Protocol):
    """Publishes entries and heartbeats to all subscribers."""

    async def publish(self, message: BusMessage) -> None:
        """Hands a message over; entries of one ledger in order. Never waits for subscribers."""

    def subscribe(self) -> AsyncIterator[BusMessage]:
        """Messages from now on, for as long as they are read; close it with `aclose()`.

        Subscription is in force when the call returns, before the first message is asked for.
        """
