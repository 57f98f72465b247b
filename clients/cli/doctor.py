"""The `doctor` command: is the mesh well?"""

from collections.abc import Callable
from typing import Any

import typer

from clients.aio import FlightmeshClient
from clients.cli.checks import CHECKS, Verdict
from clients.cli.exits import ExitCode
from clients.cli.options import AsJson, Server
from clients.cli.output import write_object
from clients.cli.running import run


def doctor(context: typer.Context, *, as_json: AsJson = False, server: Server = "") -> None:
    """Check the mesh: servers, shard map, owners, nodes, read side, schedules.

    Exits with 1 if a check fails. With --json: one object with ok and checks, each with invariant,
    verdict (ok or violated) and evidence.

    \b
    Example:
      flightmesh doctor && echo all is well
    """

    async def body(client: FlightmeshClient) -> ExitCode:
        verdicts = await examine(client, (lambda _: None) if as_json else tell)
        well = all(verdict.ok for verdict in verdicts)
        if as_json:
            write_object({"ok": well, "checks": [row(verdict) for verdict in verdicts]})
        return ExitCode.OK if well else ExitCode.REFUSED

    run(context, server, body)


async def examine(
    client: FlightmeshClient, on_verdict: Callable[[Verdict], object]
) -> list[Verdict]:
    """Makes all checks of a mesh that serves; `on_verdict` hears of each as it is made."""
    verdicts = []
    for check in CHECKS:
        verdicts.append(await check(client))
        on_verdict(verdicts[-1])
    return verdicts


def tell(verdict: Verdict) -> None:
    """Writes a verdict for people."""
    mark = "ok  " if verdict.ok else "FAIL"
    typer.echo(f"{mark}  {verdict.check}: {verdict.detail}")


def row(verdict: Verdict) -> dict[str, Any]:
    """A verdict for programs."""
    return {
        "invariant": verdict.check,
        "verdict": "ok" if verdict.ok else "violated",
        "evidence": [{"what": verdict.detail}],
    }
