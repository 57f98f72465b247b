"""The `flightmesh` entry point: the command line, and what starts servers."""

import sys
from typing import Annotated

import typer

from clients.cli.app import app
from flightmesh.errors import FlightmeshError
from flightmesh.runtime import lifecycle, logs, settings
from launcher.cluster.commands import app as cluster
from launcher.doctor import doctor

_CANNOT_START = 1

# The client's doctor asks a mesh; this one can open a store as well.
app.registered_commands = [each for each in app.registered_commands if each.name != "doctor"]
app.command("doctor")(doctor)
app.add_typer(cluster, name="cluster")


def _level(text: str) -> str:
    try:
        return settings.log_level(text) if text else ""
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} {error} ({settings.KNOWN['FLIGHTMESH_LOG_LEVEL']})"
        ) from None


@app.command("run")
def run(
    log_level: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            callback=_level,
            help="DEBUG, INFO, WARNING or ERROR; else FLIGHTMESH_LOG_LEVEL.",
        ),
    ] = "",
) -> None:
    """Start the whole mesh in this process and serve until Ctrl-C or SIGTERM.

    Settings come from FLIGHTMESH_DATA_DIR (data), FLIGHTMESH_HTTP_PORT (8080),
    FLIGHTMESH_GRPC_PORT (8081), FLIGHTMESH_HOST (127.0.0.1), FLIGHTMESH_SHARD_NODES (2) and
    FLIGHTMESH_SAMPLE (yes: load a sample schedule on first start).

    Example: FLIGHTMESH_DATA_DIR=/var/lib/flightmesh flightmesh run
    """
    # Importing the services takes a while; the other commands do not need them.
    from launcher.config import EmbeddedConfig  # noqa: PLC0415
    from launcher.embedded import serve  # noqa: PLC0415

    try:
        level = log_level or settings.read("FLIGHTMESH_LOG_LEVEL", "WARNING", settings.log_level)
        logs.set_up(level, settings.read("FLIGHTMESH_LOG_FORMAT", "text", settings.log_format))
        for sentence in settings.unknown_variables():
            typer.echo(f"warning: {sentence}", err=True)
        config = EmbeddedConfig.from_env()
        code = lifecycle.run(lambda: serve(config))
    except FlightmeshError as error:
        typer.echo(f"flightmesh run: {error.message}", err=True)
        raise typer.Exit(_CANNOT_START) from None
    raise typer.Exit(code)


def main() -> None:
    """Runs the command line."""
    sys.exit(app())


if __name__ == "__main__":
    main()
