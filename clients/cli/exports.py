"""The `export` command: a schedule as a file."""

import os
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, BinaryIO, Final, NamedTuple

import typer

from clients.aio import FlightmeshClient
from clients.cli.exits import ExitCode, complain
from clients.cli.options import Schedule, Server
from clients.cli.output import write_bytes
from clients.cli.running import run
from flightmesh.api.loading.v1 import loading_service_pb2 as loading


class ExportFormat(Enum):
    """Formats of an export."""

    SSIM = "ssim"
    LEGS = "legs"
    ASSIGNMENTS = "assignments"
    AIRPLANES = "airplanes"
    AIRPORTS = "airports"


_FORMATS: Final = {
    ExportFormat.SSIM: loading.FILE_FORMAT_SSIM,
    ExportFormat.LEGS: loading.FILE_FORMAT_LEGS,
    ExportFormat.ASSIGNMENTS: loading.FILE_FORMAT_ASSIGNMENTS,
    ExportFormat.AIRPLANES: loading.FILE_FORMAT_AIRPLANES,
    ExportFormat.AIRPORTS: loading.FILE_FORMAT_AIRPORTS,
}


def export(
    context: typer.Context,
    *,
    schedule: Schedule,
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="What to write.")
    ] = ExportFormat.SSIM,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", dir_okay=False, help="File; stdout without it."
        ),
    ] = None,
    server: Server = "",
) -> None:
    """Write a schedule as SSIM, or its legs, assignments, airplanes or airports as CSV.

    A file appears whole or not at all. A device or a named pipe is written to as it comes.

    \b
    Examples:
      flightmesh export --schedule s05 --output s05.ssim
      flightmesh export --schedule s05 --format legs | head
    """
    wanted = _FORMATS[format_]
    target = None if output is None else _target_of(output)

    async def body(client: FlightmeshClient) -> ExitCode | None:
        if target is None:
            async for piece in client.files.export_file(schedule, wanted):
                write_bytes(piece)
            return None
        try:
            size = await _write_file(client, schedule, wanted, target)
        except OSError as error:
            complain(f"{output}: {error.strerror or error}")
            return ExitCode.USAGE
        typer.echo(f"{size:,} bytes written to {output}", err=True)
        return None

    run(context, server, body)


class _Target(NamedTuple):
    """Where a file is to be, and where it is written until it is whole: the same for a device."""

    path: Path
    partial: Path


def _target_of(output: Path) -> _Target:
    if output.exists() and not output.is_file():
        return _Target(output, output)
    # What a link points to, not the link. Beside it, so that renaming it there is atomic.
    path = output.resolve()
    return _Target(path, path.with_name(f".{path.name}.{os.getpid()}.partial"))


async def _write_file(
    client: FlightmeshClient, schedule: str, wanted: loading.FileFormat, target: _Target
) -> int:
    path, partial = target
    if partial == path:
        with path.open("wb") as file:
            return await _copy(client, schedule, wanted, file)
    try:
        with partial.open("wb") as file:
            size = await _copy(client, schedule, wanted, file)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return size


async def _copy(
    client: FlightmeshClient, schedule: str, wanted: loading.FileFormat, file: BinaryIO
) -> int:
    size = 0
    async for piece in client.files.export_file(schedule, wanted):
        size += file.write(piece)
    file.flush()
    sys.stdout.flush()
    return size
