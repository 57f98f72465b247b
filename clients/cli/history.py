"""The `history` command: what happened to one aggregate, who did it, when."""

from typing import Annotated

import typer

from clients.aio import FlightmeshClient
from clients.cli import rows
from clients.cli.options import AsJson, Limit, Schedule, Server, airport_code
from clients.cli.output import grouped, write_rows
from clients.cli.running import run
from flightmesh import ids
from flightmesh.errors import Refused


def history(
    context: typer.Context,
    *,
    schedule: Schedule,
    aggregate: Annotated[
        str,
        typer.Argument(metavar="[UUID]", help="Id of a rotation, airplane or airport."),
    ] = "",
    rotation: Annotated[
        str, typer.Option("--rotation", metavar="NAME", help="An imported rotation, by its name.")
    ] = "",
    airplane: Annotated[
        str, typer.Option("--airplane", metavar="REG", help="An airplane, by its registration.")
    ] = "",
    airport: Annotated[
        str,
        typer.Option(
            "--airport", metavar="IATA", callback=airport_code, help="An airport, by its code."
        ),
    ] = "",
    refusals: Annotated[
        bool, typer.Option("--refusals", help="Also show what was refused or changed nothing.")
    ] = False,
    limit: Limit = None,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Show what happened to an aggregate, oldest first; to the schedule itself if none is named.

    With --json: one JSON object per line, with the events in full.

    \b
    Examples:
      flightmesh history --schedule s05
      flightmesh history --schedule s05 --airplane N971AT --refusals
      flightmesh history --schedule s05 0198c5f0-2f6a-7c11-9d2e-5f1a0c3b7d42
    """
    target = _target(schedule, aggregate, rotation, airplane, airport)

    async def body(client: FlightmeshClient) -> None:
        records = client.aggregates.history(
            schedule, target, include_refusals=refusals, limit=limit
        )
        show = rows.history_row if as_json else rows.history_line
        groups = ([show(record) for record in group] async for group in grouped(records))
        columns = ("sequence", "committed_at", "actor", "source", "what")
        shown = await write_rows(groups, columns, as_json=as_json)
        if not shown and not await _known(client, schedule):
            raise Refused("SCHEDULE_NOT_FOUND", f"there is no schedule {schedule}")

    run(context, server, body)


async def _known(client: FlightmeshClient, schedule: str) -> bool:
    """Whether the schedule exists or existed; one that was deleted keeps its history."""
    async for _record in client.aggregates.history(schedule, "", limit=1):
        return True
    return False


def _target(schedule: str, aggregate: str, rotation: str, airplane: str, airport: str) -> str:
    if sum(map(bool, (aggregate, rotation, airplane, airport))) > 1:
        raise typer.BadParameter("name one aggregate: UUID, --rotation, --airplane or --airport")
    if aggregate and not ids.is_uuid(aggregate.lower()):
        raise typer.BadParameter(f"{aggregate!r} is no UUID", param_hint="UUID")
    if rotation:
        return rotation.lower() if ids.is_uuid(rotation.lower()) else _rotation(schedule, rotation)
    if airplane:
        return ids.airplane_id(schedule, airplane.upper())
    return ids.airport_id(schedule, airport.upper()) if airport else aggregate.lower()


def _rotation(schedule: str, name: str) -> str:
    return ids.rotation_id(schedule, name)
