"""The `import` commands: ssim, flights, airplanes, airports.

A load may be cut off at any point; running the same command again finishes it.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from clients.aio import FlightmeshClient
from clients.cli.exits import ExitCode, complain
from clients.cli.import_report import report_row, report_text
from clients.cli.options import AsJson, Schedule, Server
from clients.cli.output import write_object
from clients.cli.progress import shown_progress
from clients.cli.running import run
from clients.files import ImportSettings
from flightmesh.api.loading.v1 import loading_service_pb2 as loading

app = typer.Typer(no_args_is_help=True, help="Load a file into a schedule.")

_READ_BYTES: Final = 256 * 1024


class Duplicates(Enum):
    """What to do with a designator that an earlier leg of the file has."""

    REJECT = "reject"
    REPLACE = "replace"
    REPORT = "report"


_HANDLING: Final = {
    Duplicates.REJECT: loading.DUPLICATE_HANDLING_REJECT,
    Duplicates.REPLACE: loading.DUPLICATE_HANDLING_REPLACE,
    Duplicates.REPORT: loading.DUPLICATE_HANDLING_REPORT,
}


def _existing(file: Path) -> Path:
    if str(file) == "-":
        return file
    if file.is_dir():
        raise typer.BadParameter(f"{str(file)!r} is a directory")
    if not file.exists():
        raise typer.BadParameter(f"there is no file {str(file)!r}")
    return file


File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        callback=_existing,
        help="File to load; - reads standard input.",
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse the whole file if anything is wrong with it."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Read and check only: show what would happen.")
]
DuplicatesOption = Annotated[
    Duplicates,
    typer.Option(
        "--duplicates",
        help="A repeated designator: leave the later leg out, let it replace the earlier one, "
        "or load both and report them.",
    ),
]


@dataclass(frozen=True, slots=True)
class _Load:
    """One import as the options describe it."""

    file: Path
    format: loading.FileFormat
    unit: str
    schedule: str
    duplicates: Duplicates = Duplicates.REPORT
    strict: bool = False
    dry_run: bool = False
    assignments: Path | None = None
    as_json: bool = False

    @property
    def file_name(self) -> str:
        return "standard input" if str(self.file) == "-" else self.file.name


@app.command()
def ssim(
    context: typer.Context,
    *,
    file: File,
    schedule: Schedule,
    assignments: Annotated[
        Path | None,
        typer.Option(
            "--assignments",
            metavar="CSV",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Which rotation and airplane each leg belongs to.",
        ),
    ] = None,
    duplicates: DuplicatesOption = Duplicates.REPORT,
    strict: Strict = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Load an SSIM Chapter 7 file. A missing schedule is created.

    \b
    Examples:
      flightmesh import ssim XX_S05.ssim --schedule xx-s05 --dry-run
      flightmesh import ssim XX_S05.ssim --schedule xx-s05 --assignments rotations.csv
    """
    load = _Load(
        file,
        loading.FILE_FORMAT_SSIM,
        "legs",
        schedule,
        duplicates,
        strict,
        dry_run,
        assignments,
        as_json,
    )
    run(context, server, lambda client: _import(client, load))


@app.command()
def flights(
    context: typer.Context,
    *,
    file: File,
    schedule: Schedule,
    duplicates: DuplicatesOption = Duplicates.REPORT,
    strict: Strict = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Load flights with tail numbers (CSV without header, as the US BTS on-time data).

    One rotation per tail number and one airplane of that registration.

    \b
    Example:
      flightmesh import flights flights_2008_5_1.csv --schedule may-2008
    """
    load = _Load(
        file,
        loading.FILE_FORMAT_FLIGHTS,
        "legs",
        schedule,
        duplicates,
        strict,
        dry_run,
        as_json=as_json,
    )
    run(context, server, lambda client: _import(client, load))


@app.command()
def airplanes(
    context: typer.Context,
    *,
    file: File,
    schedule: Schedule,
    strict: Strict = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Load airplanes (CSV with header registration,aircraft_type,minimum_ground_minutes).

    \b
    Example:
      flightmesh import airplanes fleet.csv --schedule s05
    """
    load = _Load(
        file,
        loading.FILE_FORMAT_AIRPLANES,
        "airplanes",
        schedule,
        strict=strict,
        dry_run=dry_run,
        as_json=as_json,
    )
    run(context, server, lambda client: _import(client, load))


@app.command()
def airports(
    context: typer.Context,
    *,
    file: File,
    schedule: Schedule,
    strict: Strict = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Load airports (CSV with header iata,minimum_ground_minutes,time_zone).

    \b
    Example:
      flightmesh import airports airports.csv --schedule s05
    """
    load = _Load(
        file,
        loading.FILE_FORMAT_AIRPORTS,
        "airports",
        schedule,
        strict=strict,
        dry_run=dry_run,
        as_json=as_json,
    )
    run(context, server, lambda client: _import(client, load))


async def _import(client: FlightmeshClient, load: _Load) -> ExitCode:
    try:
        report = await _transfer(client, load)
    except OSError as error:
        complain(f"{error.filename or load.file_name}: {error.strerror or error}")
        return ExitCode.USAGE
    if load.as_json:
        write_object(report_row(report, load.schedule, load.file_name))
    else:
        text = report_text(report, load.schedule, load.file_name, load.unit, strict=load.strict)
        typer.echo(text)
    return ExitCode.REFUSED if report.refused else ExitCode.OK


async def _transfer(client: FlightmeshClient, load: _Load) -> loading.ImportReport:
    with ExitStack() as files:
        data = _open(load.file, files)
        assignments = _pieces(_open(load.assignments, files)) if load.assignments else ()
        progress = files.enter_context(shown_progress(load.unit))
        return await client.files.import_file(_settings(load), _pieces(data), assignments, progress)


def _settings(load: _Load) -> ImportSettings:
    return ImportSettings(
        load.schedule,
        load.format,
        load.file_name,
        _HANDLING[load.duplicates],
        load.strict,
        load.dry_run,
        # A pipe (`import ssim <(unzip -p s05.zip)`) has no size.
        0 if str(load.file) == "-" else load.file.stat().st_size,
    )


def _open(path: Path, files: ExitStack) -> BinaryIO:
    return sys.stdin.buffer if str(path) == "-" else files.enter_context(path.open("rb"))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_READ_BYTES):
        yield piece
