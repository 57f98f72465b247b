"""A shard node as a process of its own: `python -m shard_node --config FILE`."""

from collections.abc import Callable

from flightmesh.loading import reference
from flightmesh.process.command_line import run
from flightmesh.process.host import Host
from flightmesh.process.public_services import AGGREGATES, COMMANDS
from flightmesh.sharding.shard_map import NodeRole
from shard_node.bootstrap import ShardNodeService, build_shard_node
from shard_node.config import ShardNodeConfig


async def start(host: Host) -> Callable[[], bool]:
    """Starts the node; it serves while it has a session."""
    service = await _build(host)
    service.register(host.server.grpc_server, host.server.streams)
    host.relay_all_but(COMMANDS, AGGREGATES)
    host.on_stop("shard node", service.stop)
    await host.start_server()
    await service.start()

    def somebody_takes_over() -> bool:
        # When the whole mesh stops, nobody does, and nobody need wait.
        return any(not node.draining for node in host.others_of(NodeRole.SHARD_NODE))

    host.on_stop("hand-over of shards", lambda: service.drain(possible=somebody_takes_over))
    return lambda: service.node.has_session


async def _build(host: Host) -> ShardNodeService:
    return build_shard_node(
        host.node_settings(ShardNodeConfig),
        await host.open_store(),
        host.open_bus(),
        host.registry,
        clock=host.clock,
        randomness=host.randomness,
        shard_map=host.kit.shard_map,
        router=host.kit.commands(),
        known_airport=reference.known,
        metrics=host.metrics,
    )


if __name__ == "__main__":
    run(NodeRole.SHARD_NODE, start)
