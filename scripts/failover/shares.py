"""Who owns which shards, and waiting until they are shared out evenly."""

from clients.aio import FlightmeshClient
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as mesh
from launcher.cluster.driver import until

_LIMIT_S = 120.0


async def shards_of(client: FlightmeshClient, name: str) -> list[int]:
    """The shards of a node."""
    rows = (await client.mesh.shard_map()).assignments
    return [row.shard for row in rows if row.node == name]


async def until_even(client: FlightmeshClient, names: set[str]) -> None:
    """Waits until all shards are served and shared out evenly among exactly these nodes."""

    async def even() -> bool:
        nodes = {
            node.session: node.name
            for node in await client.mesh.nodes()
            if node.role == mesh.NODE_ROLE_SHARD_NODE
        }
        answer = await client.mesh.shard_map(with_last_sequences=True)
        owners = [nodes.get(row.session, "") for row in answer.assignments]
        counts = {name: owners.count(name) for name in set(owners)}
        served = all(row.HasField("last_sequence") for row in answer.assignments)
        return (
            served
            and set(counts) == names
            and set(nodes.values()) == names
            and max(counts.values()) - min(counts.values()) < 2
        )

    await until(even, f"the shards are shared out among {sorted(names)}", _LIMIT_S)
