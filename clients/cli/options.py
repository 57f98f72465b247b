"""Options that several commands share."""

import asyncio
import datetime as dt
from typing import Annotated, Final

import typer

from clients.aio import FlightmeshClient
from clients.config import ClientConfig
from flightmesh import ids
from flightmesh.errors import FlightmeshError

_SERVER_HELP: Final = (
    "gRPC address host:port of the mesh; several, comma-separated. "
    "Without it: FLIGHTMESH_SERVER, else 127.0.0.1:8081."
)


def complete_schedule(context: typer.Context, incomplete: str) -> list[str]:
    """Names of schedules that begin so, for the shell's completion; none if no server answers."""
    try:
        server = context.params.get("server") or ""
        config = ClientConfig.from_env(server, timeout_s=1.0, patience_s=0.2)
        return asyncio.run(_schedule_names(config, incomplete))
    except FlightmeshError:
        return []


async def _schedule_names(config: ClientConfig, beginning: str) -> list[str]:
    async with FlightmeshClient(config) as client:
        names = [summary.schedule for summary in await client.queries.schedules()]
    return [name for name in names if name.startswith(beginning)]


def instant(text: str) -> dt.datetime:
    """An instant given on the command line; UTC unless it says its offset.

    Raises:
        typer.BadParameter: the text is no date or time.
    """
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no date or time, for example 2005-06-14 or 2005-06-14T23:50Z"
        ) from None
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


def airport_code(text: str) -> str:
    """A station's IATA code given on the command line, in any case.

    Raises:
        typer.BadParameter: the text is not three letters.
    """
    if text and not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise typer.BadParameter(f"{text!r} is no IATA code of three letters, for example ORY")
    return text.upper()


def airplane_name(text: str) -> str:
    """A registration or a UUID given on the command line, in the case that the mesh uses."""
    return text.lower() if ids.is_uuid(text.lower()) else text.upper()


def day_of_origin(text: str) -> str:
    """A date given on the command line.

    Raises:
        typer.BadParameter: the text is no date.
    """
    try:
        return dt.date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date, for example 2005-06-14") from None


Server = Annotated[str, typer.Option("--server", metavar="HOST:PORT,…", help=_SERVER_HELP)]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]
Schedule = Annotated[
    str,
    typer.Option(
        "--schedule",
        "-s",
        metavar="NAME",
        help="Name of the schedule.",
        autocompletion=complete_schedule,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="At most so many; all without it."),
]
Airplane = Annotated[
    str,
    typer.Option(
        "--airplane",
        metavar="REG",
        callback=airplane_name,
        help="Only of this airplane (or its UUID).",
    ),
]
Airport = Annotated[
    str,
    typer.Option(
        "--airport",
        metavar="IATA",
        callback=airport_code,
        help="Only what touches this airport.",
    ),
]
Start = Annotated[
    dt.datetime | None,
    typer.Option("--from", metavar="TIME", parser=instant, help="Only what ends after this time."),
]
End = Annotated[
    dt.datetime | None,
    typer.Option("--to", metavar="TIME", parser=instant, help="Only what begins before this time."),
]
