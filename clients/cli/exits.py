"""Exit codes, and how an error ends a command: one line on stderr, never a traceback."""

import enum
from typing import Final

import typer

from flightmesh.errors import (
    ConfigurationError,
    FlightmeshError,
    InvalidInput,
    Refused,
    RetryableError,
)


class ExitCode(enum.IntEnum):
    """What the shell sees; docs/cli.md lists these."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNAVAILABLE = 3
    INTERRUPTED = 130  # 128 + SIGINT, as shells expect
    PIPE_CLOSED = 141  # 128 + SIGPIPE


_UNAVAILABLE_REASONS: Final = frozenset({"DEADLINE_EXCEEDED", "UNIMPLEMENTED"})


def exit_code_of(error: FlightmeshError) -> ExitCode:
    """The exit code that an error leads to."""
    match error:
        case InvalidInput() | ConfigurationError():
            return ExitCode.USAGE
        case RetryableError():
            return ExitCode.UNAVAILABLE
        case Refused() if error.reason in _UNAVAILABLE_REASONS:
            return ExitCode.UNAVAILABLE
        case _:
            return ExitCode.REFUSED


def describe(error: FlightmeshError) -> str:
    """An error as one line: its text and its reason."""
    text = " ".join(str(error).split())
    return f"{text} ({error.reason})"


def complain(text: str) -> None:
    """Writes one line about a failure to stderr."""
    typer.echo(f"flightmesh: {text}", err=True)
