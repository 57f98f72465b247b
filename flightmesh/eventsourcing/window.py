"""The last command ids of an aggregate, with their results: at most one effect each (I6). Pure."""

from collections.abc import Iterator
from typing import Final, final

import msgspec

from flightmesh.eventsourcing import Rejection
from flightmesh.eventsourcing.record import PlacedRecord
from flightmesh.ids import CommandId, uuid7

WINDOW_SIZE: Final = 4_096
# How far a client's clock may be ahead of an owner's (Kerberos allows as much). It is also how
# long an id of such a clock, once dropped from a busy aggregate's window, can bar all others there.
FUTURE_MS: Final = 300_000


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a command; its events, if it made any, are in the aggregate's records.

    Attributes:
        body_hash: hash of its body.
        ledger: ledger that holds its record.
        entry: entry that holds its record.
        sequence: the aggregate's sequence after it.
        first_shard_sequence: shard sequence of its first event; 0 if it made none.
        rejection: why it was refused, if it was.
        warnings: what its caller was warned of.
    """

    body_hash: bytes
    ledger: int
    entry: int
    sequence: int
    first_shard_sequence: int
    rejection: Rejection | None
    warnings: tuple[str, ...]


def remembered(placed: PlacedRecord) -> Remembered:
    """What is kept of a record."""
    record = placed.record
    return Remembered(
        record.body_hash,
        placed.ledger,
        placed.entry,
        record.aggregate_sequence,
        record.first_shard_sequence,
        record.rejection,
        record.warnings,
    )


def newest_credible(now_us: int) -> CommandId:
    """The greatest command id that an honest client may have made by then.

    A greater one is to be refused while it is unknown: when it is dropped from a window, every id
    below it counts as too old there, which would bar all honest clients until its time comes.
    """
    return uuid7(now_us // 1000 + FUTURE_MS, (1 << 74) - 1)


@final
class CommandWindow:
    """Remembers the last WINDOW_SIZE commands of one aggregate.

    An id that is not remembered and is older than the newest id ever dropped may have been
    dropped itself: it must be refused (rule 20). Ids are UUIDv7 text: their order is that of their
    times.
    """

    __slots__ = ("_commands", "newest_dropped")

    def __init__(self, newest_dropped: str = "") -> None:
        self._commands: dict[CommandId, Remembered] = {}
        self.newest_dropped = newest_dropped

    def get(self, command_id: CommandId) -> Remembered | None:
        """What is remembered of a command."""
        return self._commands.get(command_id)

    def is_too_old(self, command_id: CommandId) -> bool:
        """Whether an id that is not remembered may have been dropped."""
        return command_id <= self.newest_dropped

    def add(self, command_id: CommandId, command: Remembered) -> None:
        """Remembers a command that is new; drops the oldest if the window is full."""
        self._commands[command_id] = command
        if len(self._commands) > WINDOW_SIZE:
            oldest = next(iter(self._commands))
            del self._commands[oldest]
            self.newest_dropped = max(self.newest_dropped, oldest)

    def __len__(self) -> int:
        return len(self._commands)

    def __iter__(self) -> Iterator[tuple[CommandId, Remembered]]:
        """The remembered commands, oldest first."""
        return iter(self._commands.items())
