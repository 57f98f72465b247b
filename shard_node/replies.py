"""What the command path asks of the API: how a result is told to the client."""

from typing import Protocol

from flightmesh.eventsourcing.record import Record


class ReplyEncoder(Protocol):
    """Writes the reply to an accepted command."""

    def position(self, ledger: int, entry: int) -> bytes:
        """The position token of an entry, in the form that `response` puts into replies."""

    def response(self, record: Record, position: bytes, full: bool) -> bytes:
        """A serialized reply.

        Args:
            record: the command's record, accepted; its events may be left out where full is False.
            position: see `position`.
            full: whether the reply tells the events.
        """
