"""Runs the asynchronous body of a command and turns its end into an exit code."""

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import typer

from clients.aio import FlightmeshClient
from clients.cli.exits import ExitCode, complain, describe, exit_code_of
from clients.config import ClientConfig
from flightmesh.errors import FlightmeshError

Body = Callable[[FlightmeshClient], Awaitable[ExitCode | None]]


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """Options that stand before the command.

    Attributes:
        server: as for the commands' own --server.
        timeout_s: deadline of each call.
        as_json: as for the commands' own --json, where it may stand before them.
    """

    server: str = ""
    timeout_s: float = 10.0
    as_json: bool = False


def run(context: typer.Context, server: str, body: Body) -> None:
    """Runs body with a client and exits with the code that it returns or its error means.

    Raises:
        typer.Exit: always with a code other than 0; returns normally for 0.
    """
    code = run_to_code(config_of(context, server), body)
    if code:
        raise typer.Exit(int(code))


def config_of(context: typer.Context, server: str) -> ClientConfig:
    """The client's settings from the options.

    Raises:
        typer.Exit: an address is malformed.
    """
    options = context.obj if isinstance(context.obj, GlobalOptions) else GlobalOptions()
    try:
        return ClientConfig.from_env(
            server or options.server,
            timeout_s=options.timeout_s,
            actor=_user(),
            source="cli",
        )
    except FlightmeshError as error:
        complain(describe(error))
        raise typer.Exit(int(exit_code_of(error))) from None


def run_to_code(config: ClientConfig, body: Body) -> ExitCode:
    """Runs body with a client of that configuration; tells errors on stderr."""
    try:
        return asyncio.run(_with_client(config, body)) or ExitCode.OK
    except FlightmeshError as error:
        complain(describe(error))
        return exit_code_of(error)
    except KeyboardInterrupt:
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return ExitCode.PIPE_CLOSED


async def _with_client(config: ClientConfig, body: Body) -> ExitCode | None:
    async with FlightmeshClient(config) as client:
        code = await body(client)
        # Here rather than at exit, where a closed pipe could only be reported by a traceback.
        sys.stdout.flush()
        return code


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _forget_stdout() -> None:
    """Points stdout to nowhere, so that the interpreter's last flush cannot fail."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None
