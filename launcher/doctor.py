"""The `doctor` command: of a mesh that serves, or of a data folder that nobody uses."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from clients.cli import doctor as live
from clients.cli.exits import ExitCode, complain, describe, exit_code_of
from clients.cli.options import AsJson, Server
from clients.cli.output import write_object
from flightmesh.clock import SystemClock
from flightmesh.errors import ConfigurationError, CorruptData, FlightmeshError
from flightmesh.journal.sqlite import SqliteStore
from flightmesh.journal.sqlite_repair import replace_index
from flightmesh.schedule_model import ScheduleModel
from flightmesh.verification import Violation
from flightmesh.verification.journal import CheckResult, JournalReport, Progress, check_journal
from flightmesh.verification.repair import rebuild_index

_MARKS: Final = {"ok": "ok  ", "notice": "note", "violated": "FAIL"}
# Violations of one check that a person is shown; --json has all.
_SHOWN: Final = 5
# Steps between two drawings of the progress bar.
_STRIDE: Final = 64


def doctor(
    context: typer.Context,
    *,
    as_json: AsJson = False,
    server: Server = "",
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Check the ledgers, claims, index and snapshots in this folder; stop the mesh"
            " that uses it first.",
        ),
    ] = None,
    repair_index: Annotated[
        bool,
        typer.Option(
            "--repair-index",
            help="With --data-dir: first build the index again from the ledgers. Never touches"
            " the ledgers.",
        ),
    ] = False,
) -> None:
    """Check a mesh that serves, or, with --data-dir, what is stored in a folder.

    Exits with 1 if a check fails. With --json: one object with ok and checks, each with invariant,
    verdict (ok, notice, violated) and evidence.

    \b
    Examples:
      flightmesh doctor && echo all is well
      flightmesh doctor --data-dir data --json
      flightmesh doctor --data-dir data --repair-index
    """
    if data_dir is None:
        if repair_index:
            raise typer.BadParameter("needs --data-dir", param_hint="--repair-index")
        live.doctor(context, as_json=as_json, server=server)
        return
    try:
        with _progress() as progress:
            report = asyncio.run(_examine(data_dir, progress, repair=repair_index))
    except CorruptData as error:
        # The walk cannot go on: the store itself cannot be read.
        report = JournalReport((_unreadable(error),), {})
    except FlightmeshError as error:
        complain(describe(error))
        raise typer.Exit(int(exit_code_of(error))) from None
    _tell(report, as_json=as_json)
    if not report.ok:
        raise typer.Exit(int(ExitCode.REFUSED))


async def _examine(directory: Path, progress: Progress, *, repair: bool) -> JournalReport:
    if not (directory / "journal.db").is_file():
        raise ConfigurationError(f"there is no journal.db in {directory}")
    clock = SystemClock()
    if repair:
        await replace_index(
            directory,
            lambda journal, index: rebuild_index(journal, index, progress),
            clock,
        )
    async with await SqliteStore.open(directory, clock) as store:
        return await check_journal(store, ScheduleModel(), progress)


def _unreadable(error: CorruptData) -> CheckResult:
    return CheckResult(
        "STORE",
        "the store can be read",
        "violated",
        (Violation("STORE", str(error), {}),),
    )


def _tell(report: JournalReport, *, as_json: bool) -> None:
    if as_json:
        write_object(
            {
                "ok": report.ok,
                "checks": [_row(check) for check in report.checks],
                "counts": report.counts,
            }
        )
        return
    for check in report.checks:
        typer.echo(f"{_MARKS[check.verdict]}  {check.invariant}: {check.title}")
        for each in check.evidence[:_SHOWN]:
            typer.echo(f"        {each}")
        if len(check.evidence) > _SHOWN:
            typer.echo(f"        and {len(check.evidence) - _SHOWN:,} more (--json shows all)")
    counts = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in report.counts.items())
    typer.echo(f"looked at {counts}" if counts else "the check ended early")


def _row(check: CheckResult) -> dict[str, Any]:
    return {
        "invariant": check.invariant,
        "title": check.title,
        "verdict": check.verdict,
        "evidence": [{"what": each.what, **each.evidence} for each in check.evidence],
    }


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on stderr where that is a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    # Rich takes longer to import than a small folder to check, and only terminals need it.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    with Bar(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            if done % _STRIDE == 0 or done == total:
                bar.update(tasks[what], completed=done)

        yield show
