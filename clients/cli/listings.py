"""Commands that list what a schedule holds: legs, rotations, airplanes, findings."""

import enum
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import orjson
import typer

from clients.aio import FlightmeshClient
from clients.cli import rows
from clients.cli.options import (
    Airplane,
    Airport,
    AsJson,
    End,
    Limit,
    Schedule,
    Server,
    Start,
    day_of_origin,
)
from clients.cli.output import TableWriter, grouped, write_bytes, write_rows
from clients.cli.running import run
from flightmesh.api.read.v1 import query_service_pb2 as query


class KindName(enum.Enum):
    """Kinds of findings, as totals and findings name them."""

    CONTINUITY = "continuity"
    GROUND_TIME = "ground_time"
    DESIGNATOR = "designator"
    AIRPLANE_OVERLAP = "airplane_overlap"
    AIRCRAFT_TYPE = "aircraft_type"
    UNKNOWN_AIRPLANE = "unknown_airplane"


_KINDS: Final = {
    KindName.CONTINUITY: query.FINDING_KIND_CONTINUITY,
    KindName.GROUND_TIME: query.FINDING_KIND_GROUND_TIME,
    KindName.DESIGNATOR: query.FINDING_KIND_DESIGNATOR,
    KindName.AIRPLANE_OVERLAP: query.FINDING_KIND_AIRPLANE_OVERLAP,
    KindName.AIRCRAFT_TYPE: query.FINDING_KIND_AIRCRAFT_TYPE,
    KindName.UNKNOWN_AIRPLANE: query.FINDING_KIND_UNKNOWN_AIRPLANE,
}


Kinds = Annotated[
    list[KindName] | None,
    typer.Option("--kind", help="Only this kind of finding; may be repeated."),
]


def legs(
    context: typer.Context,
    *,
    schedule: Schedule,
    rotation: Annotated[
        str, typer.Option("--rotation", metavar="UUID", help="Only of this rotation.")
    ] = "",
    airplane: Airplane = "",
    airport: Airport = "",
    start: Start = None,
    end: End = None,
    carrier: Annotated[
        str, typer.Option("--carrier", metavar="XX", help="Only of this airline.")
    ] = "",
    flight_number: Annotated[
        int | None,
        typer.Option("--flight", metavar="N", min=1, max=9999, help="Only this flight number."),
    ] = None,
    day: Annotated[
        str,
        typer.Option(
            "--day",
            metavar="YYYY-MM-DD",
            callback=day_of_origin,
            help="Only of this day of origin.",
        ),
    ] = "",
    limit: Limit = None,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """List the legs of a schedule, by departure, arrival and leg id.

    With --json: one JSON object per line.

    \b
    Examples:
      flightmesh legs --schedule s05 --airport CDG --day 2005-06-14
      flightmesh legs --schedule s05 --json > legs.jsonl
    """

    async def body(client: FlightmeshClient) -> None:
        pages = client.queries.leg_pages(
            schedule,
            rotation_id=rotation.lower(),
            airplane=airplane,
            airport=airport,
            start=start,
            end=end,
            carrier=carrier.upper(),
            flight_number=flight_number or 0,
            day_of_origin=day,
            limit=limit,
        )
        groups = ([rows.leg_row(leg) for leg in page.legs] async for page in pages)
        await write_rows(groups, rows.LEG_COLUMNS, as_json=as_json)

    run(context, server, body)


def rotations(
    context: typer.Context,
    *,
    schedule: Schedule,
    airplane: Airplane = "",
    unassigned: Annotated[
        bool, typer.Option("--unassigned", help="Only rotations without an airplane.")
    ] = False,
    start: Start = None,
    end: End = None,
    limit: Limit = None,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """List the rotations of a schedule, by name.

    With --json: one JSON object per line.

    \b
    Example:
      flightmesh rotations --schedule s05 --unassigned
    """

    async def body(client: FlightmeshClient) -> None:
        found = client.queries.rotations(
            schedule, airplane=airplane, unassigned=unassigned, start=start, end=end, limit=limit
        )
        groups = ([rows.rotation_row(item) for item in group] async for group in grouped(found))
        columns = (
            "name",
            "registration",
            "legs",
            "first_airport",
            "first_departure",
            "last_airport",
            "last_arrival",
            "rotation_id",
        )
        await write_rows(groups, columns, as_json=as_json)

    run(context, server, body)


def airplanes(
    context: typer.Context,
    *,
    schedule: Schedule,
    limit: Limit = None,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """List the airplanes of a schedule, by registration.

    With --json: one JSON object per line.

    \b
    Example:
      flightmesh airplanes --schedule s05
    """

    async def body(client: FlightmeshClient) -> None:
        found = client.queries.airplanes(schedule, limit=limit)
        groups = ([rows.airplane_row(item) for item in group] async for group in grouped(found))
        columns = (
            "registration",
            "aircraft_type",
            "minimum_ground_minutes",
            "rotations",
            "legs",
            "registered",
            "airplane_id",
        )
        await write_rows(groups, columns, as_json=as_json)

    run(context, server, body)


def findings(
    context: typer.Context,
    *,
    schedule: Schedule,
    kind: Kinds = None,
    airplane: Airplane = "",
    airport: Airport = "",
    start: Start = None,
    end: End = None,
    limit: Limit = None,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """List what the checks found in a schedule, with the totals of the whole schedule.

    With --json: one object with position, totals and findings.

    \b
    Examples:
      flightmesh findings --schedule s05
      flightmesh findings --schedule s05 --kind continuity --kind ground_time --json
    """

    async def body(client: FlightmeshClient) -> None:
        pages = client.queries.finding_pages(
            schedule,
            kinds=[_KINDS[name] for name in kind or ()],
            airplane=airplane,
            airport=airport,
            start=start,
            end=end,
            limit=limit,
        )
        await (_write_findings_json(pages) if as_json else _write_findings_table(pages))

    run(context, server, body)


Pages = AsyncIterator[query.ListFindingsResponse]


async def _write_findings_json(pages: Pages) -> None:
    """One object, written page by page; position and totals are those of the first page."""
    opened = False
    async for page in pages:
        items = [orjson.dumps(rows.finding_row(finding)) for finding in page.findings]
        if not opened:
            write_bytes(_opening(page))
        elif items:
            write_bytes(b",\n")
        opened = True
        write_bytes(b",\n".join(items))
    write_bytes(b"\n]}\n")


def _opening(page: query.ListFindingsResponse) -> bytes:
    position, totals = orjson.dumps(page.position), orjson.dumps(rows.totals_row(page.totals))
    return b'{"position": %b, "totals": %b, "findings": [\n' % (position, totals)


async def _write_findings_table(pages: Pages) -> None:
    table = TableWriter(("kind", "airplane", "airport", "legs", "message"))
    totals: dict[str, Any] | None = None
    shown = 0
    async for page in pages:
        totals = totals or rows.totals_row(page.totals)
        shown += len(page.findings)
        table.write([rows.finding_line(finding) for finding in page.findings])
    texts = [f"{name.replace('_', ' ')} {count:,}" for name, count in (totals or {}).items()]
    typer.echo(f"{shown:,} shown; in the whole schedule: {', '.join(texts)}")
