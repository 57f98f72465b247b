"""The `history` command: what happened to one aggregate, who did it, when."""

from collections.abc import AsyncIterator
from typing import Annotated

import typer

from clients.aio import FlightmeshClient
from clients.cli import rows
from clients.cli.options import AsJson, Limit, Schedule, Server, airport_code
from clients.cli.output import grouped, write_rows
from clients.cli.running import run
from flightmesh import ids
from flightmesh.api.shard.v1.aggregate_service_pb2 import HistoryRecord
from flightmesh.errors import Refused

Records = list[HistoryRecord]


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
        known = _of_known_schedule(client, schedule, grouped(records))
        groups = ([show(record) for record in group] async for group in known)
        columns = ("sequence", "committed_at", "actor", "source", "what")
        await write_rows(groups, columns, as_json=as_json)

    run(context, server, body)


async def _of_known_schedule(
    client: FlightmeshClient, schedule: str, groups: AsyncIterator[Records]
) -> AsyncIterator[Records]:
    """The groups; without any, an error if there never was such a schedule.

    A schedule that was deleted keeps its history.
    """
    empty = True
    async for group in groups:
        empty = False
        yield group
    if empty and not [one async for one in client.aggregates.history(schedule, limit=1)]:
        raise Refused("SCHEDULE_NOT_FOUND", f"there is no schedule {schedule}")


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
