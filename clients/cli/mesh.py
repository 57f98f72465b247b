"""What operators see: shards, nodes."""

from collections.abc import Sequence
from typing import Any, Final

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
    "last_sequence",
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
    "metrics_address",
    "position",
)


def shards(context: typer.Context, *, as_json: AsJson = False, server: Server = "") -> None:
    """Show which node owns each shard, and how far it is.

    The last sequence is that of the shard's newest committed event, asked from its owner; a shard
    under way, or whose owner does not answer, has none. With --json: one object with assignments.

    \b
    Example:
      flightmesh shards
    """

    async def body(client: FlightmeshClient) -> None:
        shard_map = await client.mesh.shard_map(with_last_sequences=True)
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
    """Show the processes of the mesh, servers included.

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


def _short(found: Sequence[dict[str, Any]], name: str) -> list[Row]:
    """The rows with an enum's name as people read it: SHARD_STATE_ACTIVE becomes active."""
    return [row | {name: row[name].split("_", 2)[2].lower().replace("_", " ")} for row in found]


def _write_table(found: Sequence[Row], columns: tuple[str, ...]) -> None:
    table = TableWriter(columns)
    table.write(found)
    table.finish()
