"""Verification of a journal: do the invariants I1-I7 of docs/protocol.md hold in what is stored?

Pure checks over what was read, and walks that read it through the ports of `flightmesh.journal`, so
that the same code serves every adapter. Nothing here writes, but for `repair`, which rebuilds rows
of the index and never touches a ledger or a claim. `flightmesh doctor` and the history checker
(`flightmesh.testing.history_checker`) stand on it.
"""

import msgspec


class Violation(msgspec.Struct, frozen=True):
    """Something that cannot be, with what shows it.

    Attributes:
        invariant: what is broken: I1 to I7, or the name of another check.
        what: sentence for people.
        evidence: names and values that a program or a person can look up.
    """

    invariant: str
    what: str
    evidence: dict[str, str]

    def __str__(self) -> str:
        evidence = ", ".join(f"{name} {value}" for name, value in self.evidence.items())
        return f"{self.invariant}: {self.what}" + (f" ({evidence})" if evidence else "")


def violation(invariant: str, what: str, **evidence: object) -> Violation:
    """A violation whose evidence is given as names and values."""
    return Violation(invariant, what, {name: str(value) for name, value in evidence.items()})
