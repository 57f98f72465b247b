"""What the command line refuses before it asks anybody, and its exit codes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from clients.cli.app import app
from clients.cli.exits import ExitCode, describe, exit_code_of
from flightmesh import errors

RUNNER = CliRunner()
COMMANDS = (
    "import", "export", "schedules", "legs", "rotations", "airplanes", "findings", "history",
    "shards", "nodes", "drain", "move-shard", "doctor",
)  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInput("leg.carrier", "bad"), ExitCode.USAGE),
        (errors.ConfigurationError("bad"), ExitCode.USAGE),
        (errors.Refused("LEG_OVERLAP", "no"), ExitCode.REFUSED),
        (errors.Refused("DEADLINE_EXCEEDED", "late"), ExitCode.UNAVAILABLE),
        (errors.Unavailable("gone"), ExitCode.UNAVAILABLE),
        (errors.NotOwner(1, 1, 0, ""), ExitCode.UNAVAILABLE),
        (errors.CorruptData("broken"), ExitCode.REFUSED),
    ],
)
def test_an_error_leads_to_its_exit_code(error: errors.FlightmeshError, code: ExitCode) -> None:
    assert exit_code_of(error) is code


def test_an_error_is_told_in_one_line_with_its_reason() -> None:
    assert describe(errors.Refused("X", "two\nlines")) == "two lines (X)"
    assert describe(errors.InvalidInput("leg", "bad")) == "leg: bad (INVALID_INPUT)"


@pytest.mark.parametrize(
    "arguments",
    [
        ["legs"],
        ["legs", "--schedule", "s", "--limit", "0"],
        ["legs", "--schedule", "s", "--flight", "10000"],
        ["legs", "--schedule", "s", "--from", "yesterday"],
        ["legs", "--schedule", "s", "--day", "2026-13-01"],
        ["legs", "--schedule", "s", "--airport", "PARIS"],
        ["history", "--schedule", "s", "--airport", "P1S"],
        ["import", "ssim", ".", "--schedule", "s"],
        ["findings", "--schedule", "s", "--kind", "colour"],
        ["export", "--schedule", "s", "--format", "pdf"],
        ["import", "ssim", "no-such-file", "--schedule", "s"],
        ["import", "ssim", "--schedule", "s"],
        ["history", "--schedule", "s", "not-a-uuid"],
        ["history", "--schedule", "s", "--airport", "ORY", "--airplane", "F-ABCD"],
        ["nodes", "--server", "nowhere"],
        ["--timeout", "0", "nodes"],
        ["move-shard", "-1"],
        ["no-such-command"],
    ],
)
def test_wrong_usage_exits_with_2_and_says_why_on_stderr(arguments: list[str]) -> None:
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_duplicate_handling_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "a.ssim"
    file.touch()
    arguments = ["import", "ssim", str(file), "--schedule", "s", "--duplicates", "ignore"]
    assert RUNNER.invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    result = RUNNER.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    names = ["ssim", "flights", "airplanes", "airports"] if command == "import" else [""]
    for name in names:
        shown = RUNNER.invoke(app, [command, name, "--help"] if name else [command, "--help"])
        assert "flightmesh" in shown.stdout
        assert "Example" in shown.stdout


def test_the_version_is_told() -> None:
    assert RUNNER.invoke(app, ["--version"]).stdout.startswith("flightmesh ")
