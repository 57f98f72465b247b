"""Recorded histories: what clients asked, when, and what they were told.

    history = History()
    asked = history.ask_command("client-1", now_us, command_id, aggregate_id, body_hash=body)
    history.acknowledge(asked, now_us, sequence=3, position="71:204")
    asked = history.ask_query("client-1", now_us, "legs", min_position="71:204", scope="s05")
    history.answer(asked, now_us, position="71:205", rows={leg_id: text})
    history.write(path)

One recorder writes down what all clients do, so that the order of its notes is the order of time.
What was asked and got no note of an outcome is unknown: it may have happened, once. The form on
disk is JSON, one note per line, so that histories of real clusters can be checked too; see
`flightmesh.testing.history_checker` and docs/testing-kit.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self, final

import msgspec


class CommandAsked(msgspec.Struct, frozen=True, tag="command", tag_field="note"):
    """A client sends a command, for the first time or again.

    Attributes:
        operation: number of this attempt, unique in the history.
        client: who asks.
        at_us: time, microseconds of any one clock.
        command_id: the command's id.
        aggregate_id: whom it is for.
        body_hash: hexadecimal hash that tells a repeat from a reused id; empty if not known. Where
            it has 32 digits it must be that of `flightmesh.codec.commands.body_hash`.
        expected_sequence: the sequence that the command expects; None = any.
    """

    operation: int
    client: str
    at_us: int
    command_id: str
    aggregate_id: str
    body_hash: str = ""
    expected_sequence: int | None = None


class Acknowledged(msgspec.Struct, frozen=True, tag="acknowledged", tag_field="note"):
    """A command was answered: it is durable.

    Attributes:
        operation: which attempt.
        at_us: time.
        sequence: the aggregate's sequence after the command.
        position: position token of the answer.
        events: one text per event; None if the answer did not tell them.
    """

    operation: int
    at_us: int
    sequence: int
    position: str
    events: tuple[str, ...] | None = None


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="note"):
    """A command was refused by its aggregate: that is recorded as well."""

    operation: int
    at_us: int
    reason: str


class NotDone(msgspec.Struct, frozen=True, tag="not_done", tag_field="note"):
    """A request was turned away as malformed: it has no effect and no record."""

    operation: int
    at_us: int
    error: str


class Unknown(msgspec.Struct, frozen=True, tag="unknown", tag_field="note"):
    """The client gave up, or got an error that leaves the outcome open."""

    operation: int
    at_us: int
    error: str


class QueryAsked(msgspec.Struct, frozen=True, tag="query", tag_field="note"):
    """A client asks the read side.

    Attributes:
        operation: number of this attempt, unique in the history.
        client: who asks.
        at_us: time.
        query: which query, for people.
        min_position: position that the answer must cover; empty = any.
        scope: scope (schedule) that is asked about; empty if several.
    """

    operation: int
    client: str
    at_us: int
    query: str
    min_position: str = ""
    scope: str = ""


class Answered(msgspec.Struct, frozen=True, tag="answered", tag_field="note"):
    """A query was answered.

    Attributes:
        operation: which query.
        at_us: time.
        position: position of the answer.
        rows: the whole answer as id → text, in the form of the fold it is held against; None if it
            is not to be compared.
    """

    operation: int
    at_us: int
    position: str
    rows: dict[str, str] | None = None


class FaultsStopped(msgspec.Struct, frozen=True, tag="faults_stopped", tag_field="note"):
    """From here on nothing is broken: what is asked now must be answered."""

    at_us: int


Outcome = Acknowledged | Refused | NotDone | Unknown
Note = CommandAsked | QueryAsked | Answered | FaultsStopped | Outcome

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Note).decode


@final
class History:
    """What happened, note by note.

    Attributes:
        notes: the notes, in the order of time.
    """

    def __init__(self, notes: Iterable[Note] = ()) -> None:
        self.notes: list[Note] = list(notes)
        self._next = 1 + max((getattr(n, "operation", 0) for n in self.notes), default=0)

    def ask_command(
        self,
        client: str,
        at_us: int,
        command_id: str,
        aggregate_id: str,
        *,
        body_hash: bytes | str = "",
        expected_sequence: int | None = None,
    ) -> int:
        """Notes that a command is sent; returns the attempt's number for its outcome."""
        digest = body_hash if isinstance(body_hash, str) else body_hash.hex()
        operation = self._operation()
        self.notes.append(
            CommandAsked(
                operation, client, at_us, command_id, aggregate_id, digest, expected_sequence
            )
        )
        return operation

    def acknowledge(
        self,
        operation: int,
        at_us: int,
        *,
        sequence: int,
        position: str,
        events: Sequence[str] | None = None,
    ) -> None:
        """Notes that a command was answered."""
        told = None if events is None else tuple(events)
        self.notes.append(Acknowledged(operation, at_us, sequence, position, told))

    def refuse(self, operation: int, at_us: int, reason: str) -> None:
        """Notes that a command was refused."""
        self.notes.append(Refused(operation, at_us, reason))

    def turn_away(self, operation: int, at_us: int, error: str) -> None:
        """Notes that a command was malformed: definitely not done, and not recorded."""
        self.notes.append(NotDone(operation, at_us, error))

    def lose(self, operation: int, at_us: int, error: str) -> None:
        """Notes that nobody told the client what became of its command or query."""
        self.notes.append(Unknown(operation, at_us, error))

    def ask_query(
        self, client: str, at_us: int, query: str, min_position: str = "", scope: str = ""
    ) -> int:
        """Notes that a query is sent; returns its number for its answer."""
        operation = self._operation()
        self.notes.append(QueryAsked(operation, client, at_us, query, min_position, scope))
        return operation

    def answer(
        self, operation: int, at_us: int, position: str, rows: Mapping[str, str] | None = None
    ) -> None:
        """Notes a query's answer."""
        self.notes.append(
            Answered(operation, at_us, position, None if rows is None else dict(rows))
        )

    def stop_faults(self, at_us: int) -> None:
        """Notes that from here on all must go well."""
        self.notes.append(FaultsStopped(at_us))

    def acknowledged(self) -> int:
        """Number of acknowledgements so far."""
        return sum(isinstance(note, Acknowledged) for note in self.notes)

    def write(self, path: Path) -> None:
        """Saves the history, one JSON object per line."""
        path.write_bytes(b"".join(_encode(note) + b"\n" for note in self.notes))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Undoes `write`.

        Raises:
            msgspec.ValidationError, msgspec.DecodeError: a line is no note.
        """
        lines = path.read_bytes().splitlines()
        return cls(_decode(line) for line in lines if line)

    def _operation(self) -> int:
        operation = self._next
        self._next += 1
        return operation
