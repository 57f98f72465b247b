"""A read node as a process of its own: `python -m read_node --config FILE`."""

from collections.abc import Callable

from flightmesh.process.command_line import run
from flightmesh.process.host import Host
from flightmesh.process.public_services import QUERIES
from flightmesh.sharding.shard_map import NodeRole
from read_node.bootstrap import build_read_node
from read_node.config import ReadNodeConfig, store_name


async def start(host: Host) -> Callable[[], bool]:
    """Starts the node; it registers and serves once it has caught up."""
    config = host.node_settings(
        ReadNodeConfig,
        data_dir=host.config.data_dir or "",
        store=store_name(host.config.cluster, host.config.constants),
    )
    store = await host.open_store()
    node = build_read_node(
        config,
        store.journal,
        host.open_bus(),
        host.clock,
        host.stop.fail,
        host.registry,
        host.metrics,
    )
    node.add_to(host.server.grpc_server, host.server.streams)
    host.relay_all_but(QUERIES)
    await host.start_server()
    await node.start()
    host.on_stop("read node", node.stop)
    return lambda: node.ready


if __name__ == "__main__":
    run(NodeRole.READ_NODE, start)
