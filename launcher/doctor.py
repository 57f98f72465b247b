"""The `doctor` command: of a mesh that serves, of its ledgers, or of a data folder not in use."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from clients.aio import FlightmeshClient
from clients.cli import doctor as live
from clients.cli.exits import ExitCode, complain, describe, exit_code_of
from clients.cli.options import AsJson, Server
from clients.cli.output import write_object
from clients.cli.running import config_of, run_to_code
from flightmesh.clock import SystemClock
from flightmesh.errors import CorruptData, FlightmeshError, StoreError
from flightmesh.journal.sqlite import SqliteStore
from flightmesh.journal.sqlite_repair import replace_index
from flightmesh.process.config import ProcessConfig
from flightmesh.runtime import settings
from flightmesh.schedule_model import ScheduleModel
from flightmesh.verification.journal import JournalReport, Progress, check_journal
from flightmesh.verification.repair import rebuild_index
from launcher import doctor_report
from launcher.doctor_mesh import check_mesh, check_store
from launcher.doctor_store import (
    place_from_environment,
    place_of_folder,
    place_of_nodes,
)

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
            help="Folder of a cluster (with a cluster.json), or of an embedded mesh that is"
            " stopped: check what is stored there.",
        ),
    ] = None,
    cassandra: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT,…", help="Check the ledgers in this Cassandra, and ask no mesh."
        ),
    ] = "",
    keyspace: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Name of the store; else FLIGHTMESH_CLUSTER, flightmesh."
        ),
    ] = "",
    repair_index: Annotated[
        bool,
        typer.Option(
            "--repair-index",
            help="First build the index again from the ledgers (in Cassandra: add what it lacks)."
            " Never touches the ledgers.",
        ),
    ] = False,
) -> None:
    """Check a mesh that serves with its ledgers, or, with --data-dir, what is stored in a folder.

    The ledgers are those of --data-dir, --cassandra or FLIGHTMESH_CASSANDRA, else those of the
    Cassandra that the mesh lists among its nodes. Exits with 1 if a check fails. With --json: one
    object with ok and checks, each with invariant, verdict (ok, notice, violated) and evidence.

    \b
    Examples:
      flightmesh doctor && echo all is well
      flightmesh doctor --data-dir data/cluster --json
      flightmesh doctor --cassandra 127.0.0.1:9042 --keyspace flightmesh
      flightmesh doctor --data-dir data --repair-index
    """
    if data_dir is not None and cassandra:
        raise typer.BadParameter("not together with --data-dir", param_hint="--cassandra")
    try:
        if cassandra:
            given = place_of_nodes(settings.comma_separated(cassandra), keyspace)
            _check_cassandra(given, as_json=as_json, repair=repair_index)
            return
        store, servers = place_from_environment(keyspace), server
        if data_dir is not None:
            place = place_of_folder(data_dir, keyspace)
            if place.folder is not None:
                _check_folder(place.folder, as_json=as_json, repair=repair_index)
                return
            store, servers = place.cassandra, server or ",".join(place.servers)
    except FlightmeshError as error:
        _end(error)
    wanted = _Wanted(as_json, repair_index, keyspace)
    _check_serving(context, servers, store, wanted)


class _Wanted:
    """Options of a look at a mesh that serves."""

    def __init__(self, as_json: bool, repair: bool, keyspace: str) -> None:
        self.as_json = as_json
        self.repair = repair
        self.keyspace = keyspace


def _check_serving(
    context: typer.Context, servers: str, store: ProcessConfig | None, wanted: _Wanted
) -> None:
    async def body(client: FlightmeshClient) -> ExitCode:
        told = (lambda _: None) if wanted.as_json else live.tell
        verdicts = await live.examine(client, told)
        with _progress() as progress:
            report = await check_mesh(
                client, store, progress, keyspace=wanted.keyspace, repair=wanted.repair
            )
        well = all(verdict.ok for verdict in verdicts) and (report is None or report.ok)
        if wanted.as_json:
            rows = [live.row(verdict) for verdict in verdicts]
            _write(rows, report, well)
        elif report is not None:
            doctor_report.tell(report)
        if report is None and wanted.repair:
            complain("--repair-index needs --data-dir: this mesh has no Cassandra")
            return ExitCode.USAGE
        return ExitCode.OK if well else ExitCode.REFUSED

    code = run_to_code(config_of(context, servers), body)
    if code:
        raise typer.Exit(int(code))


def _check_cassandra(place: ProcessConfig, *, as_json: bool, repair: bool) -> None:
    async def examine(progress: Progress) -> JournalReport:
        return await check_store(place, progress, repair=repair)

    _check(examine, as_json=as_json)


def _check_folder(directory: Path, *, as_json: bool, repair: bool) -> None:
    async def examine(progress: Progress) -> JournalReport:
        clock = SystemClock()
        if repair:
            await replace_index(
                directory,
                lambda journal, index: rebuild_index(journal, index, progress),
                clock,
            )
        async with await SqliteStore.open(directory, clock) as store:
            return await check_journal(store, ScheduleModel(), progress)

    _check(examine, as_json=as_json)


def _check(
    examine: Callable[[Progress], Coroutine[Any, Any, JournalReport]], *, as_json: bool
) -> None:
    try:
        with _progress() as progress:
            report = asyncio.run(examine(progress))
    except CorruptData as error:
        # The walk cannot go on: the store itself cannot be read.
        report = doctor_report.unreadable(error)
    except FlightmeshError as error:
        _end(error)
    if as_json:
        _write([], report, report.ok)
    else:
        doctor_report.tell(report)
    if not report.ok:
        raise typer.Exit(int(ExitCode.REFUSED))


def _end(error: FlightmeshError) -> NoReturn:
    complain(describe(error))
    code = ExitCode.UNAVAILABLE if isinstance(error, StoreError) else exit_code_of(error)
    raise typer.Exit(int(code)) from None


def _write(rows: list[dict[str, Any]], report: JournalReport | None, well: bool) -> None:
    stored = [] if report is None else [doctor_report.row(check) for check in report.checks]
    counts = {} if report is None else report.counts
    write_object({"ok": well, "checks": [*rows, *stored], "counts": counts})


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
                bar.update(tasks[what], completed=done, total=total)

        yield show
