"""A coordinator as a process of its own: `python -m coordinator --config FILE`."""

from collections.abc import Callable

from coordinator.bootstrap import build_coordinator, grpc_client_factory
from coordinator.config import CoordinatorConfig
from coordinator.grpc_service import OperatorServicer
from flightmesh.process.command_line import run
from flightmesh.process.host import Host
from flightmesh.process.public_services import OPERATORS
from flightmesh.sharding.shard_map import NodeRole


async def start(host: Host) -> Callable[[], bool]:
    """Starts the coordinator; it serves, leading or standing by, from its start."""
    config = host.node_settings(CoordinatorConfig, shard_count=host.config.shard_count)
    store = await host.open_store()
    coordinator = await build_coordinator(
        config,
        registry=host.registry,
        journal=store.journal,
        claims=store.claims,
        clock=host.clock,
        client_factory=grpc_client_factory(host.kit.channels.get),
        metrics=host.metrics,
        constants=host.config.constants,
    )
    servicer = OperatorServicer(coordinator, host.kit.channels.get)
    servicer.add_to(host.server.grpc_server)
    host.relay_all_but(OPERATORS)
    await host.start_server()
    coordinator.start()
    host.on_stop("coordinator", coordinator.stop)
    return lambda: True


if __name__ == "__main__":
    run(NodeRole.COORDINATOR, start)
