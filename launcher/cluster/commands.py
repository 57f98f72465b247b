"""`flightmesh cluster`: run, start, stop, status."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import typer

from clients.cli.exits import ExitCode, exit_code_of
from clients.cli.options import AsJson
from clients.cli.output import TableWriter, write_object
from flightmesh.errors import FlightmeshError, Refused
from flightmesh.runtime import lifecycle, logs, settings
from launcher.cluster.config import ClusterConfig, data_dir_from_env
from launcher.cluster.control import ask
from launcher.cluster.ending import end_launcher, end_left_over
from launcher.cluster.folder import ClusterFolder
from launcher.cluster.state import ClusterState, is_alive

_COLUMNS: Final = ("name", "role", "state", "pid", "address", "grpc", "metrics", "log")

app = typer.Typer(no_args_is_help=True, help="Run the mesh of separate processes on this machine.")

DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="The cluster's folder; else FLIGHTMESH_DATA_DIR, data/cluster."
    ),
]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Names, as `cluster status` shows them.")
]


@app.command("run")
def run(
    *,
    data_dir: DataDir = None,
    service_settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            metavar="FILE",
            envvar="FLIGHTMESH_CLUSTER_SETTINGS",
            help="TOML file with what the services are to have that differs from their defaults:"
            " tables coordinator, shard_node, read_node, gateway.",
        ),
    ] = None,
) -> None:
    """Start etcd, NATS, Cassandra and the whole mesh; serve until Ctrl-C or SIGTERM.

    Settings come from FLIGHTMESH_DATA_DIR (data/cluster), FLIGHTMESH_HTTP_PORT (8080),
    FLIGHTMESH_GRPC_PORT (8081), FLIGHTMESH_COORDINATORS (2), FLIGHTMESH_SHARD_NODES (3),
    FLIGHTMESH_READ_NODES (2), FLIGHTMESH_GATEWAYS (2), FLIGHTMESH_SHARD_COUNT (64),
    FLIGHTMESH_HOST (127.0.0.1), FLIGHTMESH_LOG_LEVEL (INFO) and FLIGHTMESH_LOG_FORMAT (text).

    \b
    Example:
      FLIGHTMESH_DATA_DIR=/var/lib/flightmesh flightmesh cluster run
    """
    # Importing the drivers takes a while; the other commands do not need them.
    from launcher.cluster.run import install_missing, serve  # noqa: PLC0415
    from launcher.cluster.service_settings import read_service_settings  # noqa: PLC0415

    try:
        logs.set_up(settings.read("FLIGHTMESH_LOG_LEVEL", "ERROR", settings.log_level))
        for sentence in settings.unknown_variables():
            typer.echo(f"warning: {sentence}", err=True)
        config = dataclasses.replace(
            ClusterConfig.from_env(data_dir),
            service_settings=read_service_settings(service_settings),
        )
        install_missing(config, lambda text: typer.echo(text, err=True))
        lifecycle.let_others_finish()
        code = lifecycle.run(lambda: serve(config))
    except FlightmeshError as error:
        raise _failed("run", error, ExitCode.REFUSED) from None
    raise typer.Exit(code)


@app.command("start")
def start(*, names: Names = None, data_dir: DataDir = None) -> None:
    """Start processes again that have ended; wait until they serve.

    \b
    Examples:
      flightmesh cluster start shard-2
      flightmesh cluster start etcd-1 etcd-2 etcd-3
    """
    _ask("start", names, data_dir)


@app.command("stop")
def stop(
    *,
    names: Names = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Stop the whole cluster; also what a killed launcher left running."
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Stop processes (they drain), or with --all the whole cluster; wait until they have ended.

    \b
    Examples:
      flightmesh cluster stop read-1
      flightmesh cluster stop --all
    """
    if everything == bool(names):
        raise typer.BadParameter("give names, or --all")
    if not everything:
        _ask("stop", names, data_dir)
        return
    folder = _folder(data_dir)
    try:
        ended = end_launcher(folder) or end_left_over(folder, _say)
    except FlightmeshError as error:
        raise _failed("stop", error) from None
    _say("the cluster is stopped" if ended else f"no cluster runs in {folder.path}")


@app.command("status")
def status(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show the processes of a cluster. Exits with 1 if no cluster runs there.

    \b
    Example:
      flightmesh cluster status --json
    """
    folder = _folder(data_dir)
    try:
        state = folder.read()
        if state is None or not is_alive(state.launcher_pid, state.launcher_started):
            raise Refused("NO_CLUSTER", f"no cluster runs in {folder.path}")
    except FlightmeshError as error:
        raise _failed("status", error) from None
    if as_json:
        write_object(msgspec.to_builtins(state))
        return
    table = TableWriter(_COLUMNS)
    table.write(_rows(state))
    table.finish()


def _rows(state: ClusterState) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(each) for each in state.processes]


def _ask(do: Literal["start", "stop"], names: Sequence[str] | None, data_dir: Path | None) -> None:
    if not names:
        raise typer.BadParameter("give at least one name", param_hint="NAME")
    try:
        ask(_folder(data_dir).path, do, names, _say)
    except FlightmeshError as error:
        raise _failed(do, error) from None


def _folder(data_dir: Path | None) -> ClusterFolder:
    return ClusterFolder((data_dir or data_dir_from_env()).resolve())


def _say(text: str) -> None:
    typer.echo(text)


def _failed(command: str, error: FlightmeshError, code: ExitCode | None = None) -> typer.Exit:
    typer.echo(f"flightmesh cluster {command}: {error.message}", err=True)
    return typer.Exit(int(exit_code_of(error) if code is None else code))
