"""What the command path asks of the API: how a result is told to the client."""

from typing import Protocol

from flightmesh.errors import FlightmeshError, Refused
from flightmesh.eventsourcing.record import Record
from shard_node.slot import Task


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


def answer(replies: ReplyEncoder, task: Task, record: Record, position: bytes) -> None:
    """Gives a command the result that its record states."""
    rejection = record.rejection
    if rejection is not None:
        refused = Refused(rejection.reason, rejection.message, rejection.details)
        task.batch.put(task.place, refused)
        return
    try:
        task.batch.put(task.place, replies.response(record, position, task.full))
    except FlightmeshError as error:
        task.batch.put(task.place, error)
