"""Positions: how far a reader has come, as a vector of ledgers. Pure.

A position says, for each ledger, the number of the last entry whose events are all applied. Its
token is text: `71:204,74:9`, with ledgers ascending. A leading `~70` says that every ledger up to
and including 70 is sealed and wholly applied; this keeps tokens short over many sessions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from flightmesh.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Position:
    """A point in the history of all ledgers.

    Attributes:
        base: every ledger up to this number is sealed and wholly covered.
        entries: ledger → number of its last covered entry, for ledgers above base.
    """

    entries: Mapping[int, int] = field(default_factory=dict)
    base: int = 0

    @classmethod
    def parse(cls, token: str, field_name: str = "position") -> Self:
        """Reads a token; an empty one is the beginning of everything.

        Raises:
            InvalidInput: the text is no position token.
        """
        base, entries = 0, {}
        for part in token.split(",") if token else ():
            number, colon, entry = part.partition(":")
            if part.startswith("~") and _is_number(part[1:]):
                base = int(part[1:])
            elif colon and _is_number(number) and _is_number(entry):
                entries[int(number)] = int(entry)
            else:
                raise InvalidInput(field_name, f"{part[:40]!r} is no position token")
        return cls(entries, base)

    def token(self) -> str:
        """The position as text; equal positions give equal text."""
        parts = [f"~{self.base}"] if self.base else []
        parts += [f"{ledger}:{n}" for ledger, n in sorted(self.entries.items())]
        return ",".join(parts)

    def covers(self, other: "Position") -> bool:
        """Whether everything in other is in this position.

        A ledger that this position does not know is not covered: its entries may exist unseen.
        """
        if other.base > self.base and not self._covers_base(other.base):
            return False
        return all(
            ledger <= self.base or self.entries.get(ledger, -1) >= n
            for ledger, n in other.entries.items()
        )

    def _covers_base(self, base: int) -> bool:
        # Conservative: without the other's directory nobody can tell which ledgers up to its base
        # hold entries, so only an equal or higher base is known to cover it.
        return self.base >= base

    def merged(self, other: "Position") -> "Position":
        """The smallest position that covers both."""
        base = max(self.base, other.base)
        entries = {
            ledger: max(self.entries.get(ledger, -1), other.entries.get(ledger, -1))
            for ledger in self.entries.keys() | other.entries.keys()
            if ledger > base
        }
        return Position(entries, base)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
