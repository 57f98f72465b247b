"""The typer application. The launcher mounts it as `flightmesh` and adds what starts servers."""

from importlib import metadata
from typing import Annotated

import typer

from clients.cli import doctor, exports, history, imports, listings, mesh, operating, schedules
from clients.cli.running import GlobalOptions

app = typer.Typer(
    name="flightmesh",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flightmesh {metadata.version('flightmesh')}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    server: Annotated[
        str,
        typer.Option(
            "--server",
            metavar="HOST:PORT,…",
            help="gRPC address of the mesh; also after the command.",
        ),
    ] = "",
    timeout_s: Annotated[
        float,
        typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Deadline of each call."),
    ] = 10.0,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Flightmesh: airline schedules on a mesh.

    The mesh is found by --server, else by FLIGHTMESH_SERVER, else at 127.0.0.1:8081.

    Exit codes: 0 done, 1 refused or not well, 2 wrong usage, 3 unavailable.
    """
    context.obj = GlobalOptions(server, timeout_s)


app.add_typer(imports.app, name="import")
app.command("export")(exports.export)
app.add_typer(schedules.app, name="schedules")
app.command("legs")(listings.legs)
app.command("rotations")(listings.rotations)
app.command("airplanes")(listings.airplanes)
app.command("findings")(listings.findings)
app.command("history")(history.history)
app.command("shards")(mesh.shards)
app.command("nodes")(mesh.nodes)
app.command("drain")(operating.drain)
app.command("undrain")(operating.undrain)
app.command("rebalance")(operating.rebalance)
app.command("move-shard")(operating.move_shard)
app.command("doctor")(doctor.doctor)
