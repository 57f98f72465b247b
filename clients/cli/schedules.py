"""The `schedules` commands: list, create, delete."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from clients.aio import FlightmeshClient
from clients.cli import rows
from clients.cli.exits import ExitCode, complain
from clients.cli.options import AsJson, Server, complete_schedule
from clients.cli.output import TableWriter, write_object
from clients.cli.running import GlobalOptions, run
from clients.results import CommandResult
from flightmesh.api.schedule.v1.types_pb2 import FindingRules

app = typer.Typer()

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="1 to 63 of a-z, 0-9 and '-'."),
]
ExistingName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name of the schedule.", autocompletion=complete_schedule),
]


@app.callback(invoke_without_command=True)
def schedules(context: typer.Context, *, as_json: AsJson = False, server: Server = "") -> None:
    """List, create and delete schedules; without a command: list them.

    \b
    Examples:
      flightmesh schedules
      flightmesh schedules create what-if-2 --title "Two airplanes less"
      flightmesh schedules delete what-if-2 --yes
    """
    if context.invoked_subcommand is None:
        run(context, server, lambda client: _list(client, as_json))
        return
    # Given here they hold for the command that follows, unless that has its own.
    options = context.ensure_object(GlobalOptions)
    context.obj = replace(
        options, server=server or options.server, as_json=as_json or options.as_json
    )


@app.command("list")
def list_(context: typer.Context, *, as_json: AsJson = False, server: Server = "") -> None:
    """List the schedules with their statistics.

    With --json: one object with schedules.
    """
    wants_json = as_json or context.ensure_object(GlobalOptions).as_json
    run(context, server, lambda client: _list(client, wants_json))


async def _list(client: FlightmeshClient, as_json: bool) -> None:
    found = [rows.schedule_row(summary) for summary in await client.queries.schedules()]
    if as_json:
        write_object({"schedules": found})
        return
    table = TableWriter(
        (
            "schedule",
            "legs",
            "rotations",
            "airplanes",
            "findings",
            "first_departure",
            "last_arrival",
            "title",
        )
    )
    table.write([row | {"findings": sum(row["findings"].values())} for row in found])
    table.finish()


@app.command()
def create(
    context: typer.Context,
    *,
    name: Name,
    title: Annotated[str, typer.Option("--title", help="Free text for people.")] = "",
    airplane_overlap: Annotated[
        bool, typer.Option(help="Check for two rotations of one airplane at the same time.")
    ] = True,
    aircraft_type: Annotated[
        bool, typer.Option(help="Check the legs' aircraft types against their airplanes'.")
    ] = True,
    unknown_airplane: Annotated[
        bool, typer.Option(help="Check for rotations of airplanes that do not exist.")
    ] = True,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Create an empty schedule.

    \b
    Example:
      flightmesh schedules create what-if-2 --title "Two airplanes less"
    """
    rules = FindingRules(
        airplane_overlap=airplane_overlap,
        aircraft_type=aircraft_type,
        unknown_airplane=unknown_airplane,
    )

    async def body(client: FlightmeshClient) -> None:
        result = await client.commands.create_schedule(name, title, rules)
        _tell(context, result, f"schedule {name} created", as_json=as_json)

    run(context, server, body)


@app.command()
def delete(
    context: typer.Context,
    *,
    name: ExistingName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Delete a schedule with all it holds. Asks first, unless --yes is given.

    \b
    Example:
      flightmesh schedules delete what-if-2 --yes
    """
    if not yes and not _confirmed(name):
        complain(f"schedule {name} was not deleted; --yes deletes without asking")
        raise typer.Exit(int(ExitCode.REFUSED))

    async def body(client: FlightmeshClient) -> None:
        result = await client.commands.delete_schedule(name)
        _tell(context, result, f"schedule {name} deleted", as_json=as_json)

    run(context, server, body)


def _confirmed(name: str) -> bool:
    try:
        return typer.confirm(f"Delete schedule {name} with all it holds?", err=True)
    except typer.Abort:
        # No answer: the end of the input, or Ctrl-C. The question's line ends here.
        typer.echo(err=True)
        return False


def _tell(context: typer.Context, result: CommandResult, text: str, *, as_json: bool) -> None:
    if not (as_json or context.ensure_object(GlobalOptions).as_json):
        typer.echo(text)
        return
    told: dict[str, Any] = {
        "aggregate_id": result.aggregate_id,
        "sequence": result.sequence,
        "position": result.position,
        "command_id": result.command_id,
        "warnings": list(result.warnings),
    }
    write_object(told)
