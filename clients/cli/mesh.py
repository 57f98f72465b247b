"""Operators' commands: shards, nodes, drain, move-shard."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from clients.aio import FlightmeshClient
from clients.cli import rows
from clients.cli.options import AsJson, Server
from clients.cli.output import Row, TableWriter, write_object
from clients.cli.running import run

_SHARD_COLUMNS: Final = (
    "shard",
    "state",
    "node",
    "address",
    "session",
    "epoch",
    "target_session",
)
_NODE_COLUMNS: Final = (
    "name",
    "role",
    "address",
    "pid",
    "session",
    "shards_owned",
    "leader",
    "draining",
    "position",
)


def shards(context: typer.Context, *, as_json: AsJson = False, server: Server = "") -> None:
    """Show which node owns each shard.

    With --json: one object with assignments.

    \b
    Example:
      flightmesh shards
    """

    async def body(client: FlightmeshClient) -> None:
        shard_map = await client.mesh.shard_map()
        found = [rows.shard_row(row) for row in shard_map.assignments]
        if as_json:
            write_object(
                {
                    "shard_count": shard_map.shard_count,
                    "revision": shard_map.revision,
                    "assignments": found,
                }
            )
        else:
            _write_table(_short(found, "state"), _SHARD_COLUMNS)

    run(context, server, body)


def nodes(context: typer.Context, *, as_json: AsJson = False, server: Server = "") -> None:
    """Show the processes of the mesh.

    With --json: one object with nodes.

    \b
    Example:
      flightmesh nodes
    """

    async def body(client: FlightmeshClient) -> None:
        found = [rows.node_row(node) for node in await client.mesh.nodes()]
        if as_json:
            write_object({"nodes": found})
        else:
            _write_table(_short(found, "role"), _NODE_COLUMNS)

    run(context, server, body)


def drain(
    context: typer.Context,
    *,
    node: Annotated[str, typer.Argument(metavar="NODE", help="Name, as `nodes` shows it.")],
    as_json: AsJson = False,
    server: Server = "",
) -> None:
    """Move all shards off a node and give it no new ones. May be repeated to see how far it is.

    \b
    Example:
      flightmesh drain shard-2
    """

    async def body(client: FlightmeshClient) -> None:
        left = await client.mesh.drain_node(node)
        if as_json:
            write_object({"node": node, "shards_left": left})
        else:
            typer.echo(f"{node} is being drained: {left} shards left to move")

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


def _short(found: Sequence[dict[str, Any]], name: str) -> list[Row]:
    """The rows with an enum's name as people read it: SHARD_STATE_ACTIVE becomes active."""
    return [row | {name: row[name].split("_", 2)[2].lower().replace("_", " ")} for row in found]


def _write_table(found: Sequence[Row], columns: tuple[str, ...]) -> None:
    table = TableWriter(columns)
    table.write(found)
    table.finish()
