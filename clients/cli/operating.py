"""What operators do: drain, undrain, rebalance, move-shard."""

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import typer

from clients.aio import FlightmeshClient
from clients.cli.options import AsJson, Server
from clients.cli.output import write_object
from clients.cli.running import run
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as service
from flightmesh.clock import SystemClock
from flightmesh.errors import Unavailable

_LOOK_AGAIN_S: Final = 0.2

Node = Annotated[str, typer.Argument(metavar="NODE", help="Name, as `nodes` shows it.")]
Wait = Annotated[bool, typer.Option("--wait", help="Return when it is done.")]
WaitLimit = Annotated[
    float,
    typer.Option("--wait-limit", metavar="SECONDS", min=0.0, help="Longest --wait; then exit 3."),
]


def drain(
    context: typer.Context,
    *,
    node: Node,
    wait: Wait = False,
    wait_limit: WaitLimit = 60.0,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Move all shards off a node and give it no new ones. May be repeated to see how far it is.

    It holds until `undrain`, or until the node's process is started again: stop, upgrade and start
    put a drained node back to work. Stopping a node (SIGTERM) drains it by itself.

    \b
    Examples:
      flightmesh drain shard-2
      flightmesh drain shard-2 --wait && systemctl stop flightmesh-shard-2
    """

    async def body(client: FlightmeshClient) -> None:
        async def left() -> int:
            return await client.mesh.drain_node(node)

        shards_left = await (_until_none(left, wait_limit) if wait else left())
        if as_json:
            write_object({"node": node, "shards_left": shards_left})
        elif shards_left:
            typer.echo(f"{node} is being drained: {shards_left} shards left to move")
        else:
            typer.echo(f"{node} is drained: it owns no shards")

    run(context, server, body)


def undrain(
    context: typer.Context, *, node: Node, as_json: AsJson = False, server: Server = ""
) -> None:
    """End `drain`: the node takes its share of the shards again.

    \b
    Example:
      flightmesh undrain shard-2
    """

    async def body(client: FlightmeshClient) -> None:
        was_draining = await client.mesh.undrain_node(node)
        if as_json:
            write_object({"node": node, "was_draining": was_draining})
        elif was_draining:
            typer.echo(f"{node} takes shards again")
        else:
            typer.echo(f"{node} was not being drained")

    run(context, server, body)


def rebalance(
    context: typer.Context,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be moved.")
    ] = False,
    wait: Wait = False,
    wait_limit: WaitLimit = 60.0,
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Share the shards out evenly among the nodes, a few moves at a time.

    The mesh does so by itself after each change of the nodes; this does it after `move-shard`.
    With --json: one object with moves, under_way, at_once.

    \b
    Examples:
      flightmesh rebalance --dry-run
      flightmesh rebalance --wait
    """

    async def body(client: FlightmeshClient) -> None:
        planned = await client.mesh.rebalance(dry_run=dry_run)

        async def left() -> int:
            now = await client.mesh.rebalance(dry_run=True)
            return len(now.moves) + now.under_way

        if wait and not dry_run:
            await _until_none(left, wait_limit)
        if as_json:
            write_object(_rebalancing(planned, dry_run=dry_run))
        else:
            _tell(planned, dry_run=dry_run, done=wait and not dry_run)

    run(context, server, body)


def move_shard(
    context: typer.Context,
    *,
    shard: Annotated[int, typer.Argument(metavar="SHARD", min=0, help="Number of the shard.")],
    node: Annotated[
        str,
        typer.Option("--to", metavar="NODE", help="Where to; the least loaded node without it."),
    ] = "",
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Begin to move one shard to another node, by planned hand-over.

    It stays there until the nodes change or `rebalance` is asked for.

    \b
    Example:
      flightmesh move-shard 12 --to shard-2
    """

    async def body(client: FlightmeshClient) -> None:
        epoch = await client.mesh.move_shard(shard, node)
        if as_json:
            write_object({"shard": shard, "node": node, "epoch": epoch})
        else:
            target = node or "the least loaded other node"
            typer.echo(f"shard {shard} is moving to {target} (epoch {epoch} ends)")

    run(context, server, body)


def _rebalancing(planned: service.RebalanceResponse, *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "moves": [
            {"shard": move.shard, "from_node": move.from_node, "to_node": move.to_node}
            for move in planned.moves
        ],
        "under_way": planned.under_way,
        "at_once": planned.at_once,
    }


def _tell(planned: service.RebalanceResponse, *, dry_run: bool, done: bool) -> None:
    for move in planned.moves:
        typer.echo(f"shard {move.shard}: {move.from_node or 'nobody'} to {move.to_node}")
    if not planned.moves:
        typer.echo("the shards are shared out evenly")
    elif done:
        typer.echo(f"moved: {len(planned.moves)}")
    else:
        verb = "to be moved" if dry_run else "being moved"
        typer.echo(f"{verb}: {len(planned.moves)}, {planned.at_once} at a time")
    if planned.under_way and not done:
        typer.echo(f"under way just now: {planned.under_way}")


async def _until_none(left: Callable[[], Awaitable[int]], limit_s: float) -> int:
    """Asks again and again until nothing is left; in a terminal it tells how much is.

    Raises:
        Unavailable: something is left after limit_s.
    """
    clock = SystemClock()
    ends_s = clock.monotonic_s() + limit_s
    shown = sys.stderr.isatty()
    while count := await left():
        if clock.monotonic_s() >= ends_s:
            raise Unavailable(f"{count} shards are left to move after {limit_s:g} s")
        if shown:
            typer.echo(f"\r{count} shards left to move ", nl=False, err=True)
        await clock.sleep(_LOOK_AGAIN_S)
    if shown:
        typer.echo("\r\x1b[K", nl=False, err=True)
    return 0
