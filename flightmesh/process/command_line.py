"""The command line of the separate processes: `python -m shard_node --config FILE`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flightmesh.errors import FlightmeshError
from flightmesh.process.config import load
from flightmesh.process.host import Start, serve
from flightmesh.runtime import lifecycle, logs
from flightmesh.sharding.shard_map import NodeRole

_CANNOT_START = 1


def run(role: NodeRole, start: Start) -> None:
    """Runs a process of one role by the arguments of this process; exits with its code."""
    program = role.value.replace("-", "_")

    def main(
        config: Annotated[
            Path | None,
            typer.Option(
                metavar="FILE",
                help="TOML file with the settings; variables of the environment win over it.",
                envvar="FLIGHTMESH_CONFIG",
            ),
        ] = None,
    ) -> None:
        try:
            settings = load(config)
            logs.set_up(settings.log_level.upper(), settings.log_format.lower())
            lifecycle.let_others_finish()
            code = lifecycle.run(lambda: serve(settings, role, start))
        except FlightmeshError as error:
            typer.echo(f"{program}: {error.message}", err=True)
            raise typer.Exit(_CANNOT_START) from None
        raise typer.Exit(code)

    main.__doc__ = f"Run a {role.value.replace('_', ' ')} of the mesh until SIGTERM."
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command()(main)
    sys.exit(app())
