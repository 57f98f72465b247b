"""What `flightmesh doctor` found in the ledgers, for people and for programs."""

from typing import Any, Final

import typer

from flightmesh.errors import FlightmeshError
from flightmesh.verification import Violation
from flightmesh.verification.journal import CheckResult, JournalReport

_MARKS: Final = {"ok": "ok  ", "notice": "note", "violated": "FAIL"}
# Violations of one check that a person is shown; --json has all.
_SHOWN: Final = 5


def unreadable(error: FlightmeshError) -> JournalReport:
    """The report on a store that cannot be read."""
    what = Violation("STORE", str(error), {})
    return JournalReport((CheckResult("STORE", "the store can be read", "violated", (what,)),), {})


def tell(report: JournalReport) -> None:
    """Writes a report for people."""
    for check in report.checks:
        typer.echo(f"{_MARKS[check.verdict]}  {check.invariant}: {check.title}")
        for each in check.evidence[:_SHOWN]:
            typer.echo(f"        {each}")
        if len(check.evidence) > _SHOWN:
            typer.echo(f"        and {len(check.evidence) - _SHOWN:,} more (--json shows all)")
    counts = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in report.counts.items())
    typer.echo(f"looked at {counts}" if counts else "the check ended early")


def row(check: CheckResult) -> dict[str, Any]:
    """A check for programs."""
    return {
        "invariant": check.invariant,
        "title": check.title,
        "verdict": check.verdict,
        "evidence": [{"what": each.what, **each.evidence} for each in check.evidence],
    }
