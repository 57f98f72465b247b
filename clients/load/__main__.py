"""Runs one load and prints its measurement as one line of JSON."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import typer
import uvloop

from clients.aio import FlightmeshClient
from clients.cli.exits import ExitCode, complain, describe, exit_code_of
from clients.config import ClientConfig
from clients.connection import Connection
from clients.load.grpc_load import GrpcLoad
from clients.load.measurement import Measurement
from clients.load.rest_load import RestLoad
from clients.load.shape import LoadShape
from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.errors import FlightmeshError, Refused
from flightmesh.runtime.tasks import TaskOwner

Load = Callable[[GrpcLoad, RestLoad, LoadShape], Awaitable[Measurement]]

LOADS: Final[dict[str, Load]] = {
    "empty-calls": lambda grpc, _, shape: grpc.empty_calls(shape),
    "unary-commands": lambda grpc, _, shape: grpc.unary_commands(shape),
    "stream-commands": lambda grpc, _, shape: grpc.stream_commands(shape),
    "unary-queries": lambda grpc, _, shape: grpc.unary_queries(shape),
    "stream-queries": lambda grpc, _, shape: grpc.stream_queries(shape),
    "rest-commands": lambda _, rest, shape: rest.commands(shape),
    "rest-queries": lambda _, rest, shape: rest.queries(shape),
}


def main(
    kind: Annotated[str, typer.Argument(metavar="|".join(LOADS), help="What to send.")],
    server: Annotated[str, typer.Option(help="gRPC address host:port.")] = "",
    http: Annotated[
        str, typer.Option(help="REST address host:port; several with commas.")
    ] = "127.0.0.1:8080",
    *,
    schedule: Annotated[str, typer.Option(help="Schedule; commands create it.")] = "load",
    callers: Annotated[int, typer.Option(min=1, help="Requests under way at once.")] = 50,
    operations: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1_000_000,
    seconds: Annotated[float, typer.Option(min=0.1, help="At most so long.")] = 10.0,
    warm_up: Annotated[float, typer.Option(min=0.0, help="Seconds sent before, untold.")] = 0.0,
    legs: Annotated[int, typer.Option(min=1, max=10_000, help="Legs per rotation.")] = 150,
    batch: Annotated[int, typer.Option(min=1, max=1_000, help="Per stream message.")] = 100,
    page_size: Annotated[int, typer.Option(min=1, max=1_000, help="Findings per page.")] = 10,
) -> None:
    """Send load in closed loops, check every reply, print one JSON line.

    Exits with 1 if a reply was wrong, 3 if the mesh cannot be reached.
    """
    if kind not in LOADS:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(LOADS)}", param_hint="kind")
    shape = LoadShape(schedule, callers, operations, seconds, legs, batch, page_size)
    try:
        measured = uvloop.run(measure(LOADS[kind], shape, server, http, warm_up_s=warm_up))
    except FlightmeshError as error:
        complain(describe(error))
        raise typer.Exit(int(exit_code_of(error))) from None
    typer.echo(json.dumps(measured.row()))
    if measured.failures:
        raise typer.Exit(int(ExitCode.REFUSED))


async def measure(
    load: Load, shape: LoadShape, server: str, http: str, *, warm_up_s: float = 0.0
) -> Measurement:
    """Runs a load against a mesh, creating the schedule if it is missing.

    Raises:
        FlightmeshError: the mesh cannot be reached.
    """
    config = ClientConfig.from_env(server)
    clock, randomness, tasks = SystemClock(), SystemRandomness(), TaskOwner("load")
    await _ensure_schedule(config, shape.schedule)
    connection = Connection(config, clock, tasks)
    try:
        grpc = GrpcLoad(connection, clock, randomness)
        rest = RestLoad(http, clock, randomness)
        if warm_up_s:
            await load(grpc, rest, shape.lasting(warm_up_s))
        return await load(grpc, rest, shape)
    finally:
        await tasks.stop()
        await connection.close()


async def _ensure_schedule(config: ClientConfig, schedule: str) -> None:
    async with FlightmeshClient(config) as client:
        try:
            await client.commands.create_schedule(schedule, "Load test")
        except Refused as error:
            if error.reason != "SCHEDULE_EXISTS":
                raise


if __name__ == "__main__":
    typer.run(main)
