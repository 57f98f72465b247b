"""A gateway as a process of its own: `python -m gateway --config FILE`."""

from collections.abc import Callable
from functools import partial

from flightmesh.api.loading.v1 import loading_service_pb2_grpc as loading_services
from flightmesh.process.command_line import run
from flightmesh.process.host import Host
from flightmesh.process.public_services import LOADING
from flightmesh.routing.query_router import PositionTracker
from flightmesh.sharding.shard_map import NodeRole
from gateway.bootstrap import Gateway, build_gateway
from gateway.config import GatewayConfig
from gateway.loader import Loader
from gateway.loading_service import LoadingService
from gateway.mesh_backend import MeshBackend


async def start(host: Host) -> Callable[[], bool]:
    """Starts the gateway; it serves while it knows the shard map and a read node."""

    def is_ready() -> bool:
        return bool(host.kit.shard_map.shard_count and host.kit.nodes.addresses(NodeRole.READ_NODE))

    gateway = _build(host, is_ready)
    _add_services(host)
    await host.start_server()
    await gateway.start()
    host.on_stop("gateway", gateway.stop)
    host.register(gateway.address, {"grpc": host.server.address})
    return is_ready


def _build(host: Host, is_ready: Callable[[], bool]) -> Gateway:
    config = host.config.tuned(GatewayConfig, host=host.config.host, port=host.config.http_port)
    # Its own server passes on what others answer.
    channel = partial(host.kit.channels.get, host.server.address)
    backend = MeshBackend(host.kit.commands(), host.kit.queries(), channel)
    return build_gateway(
        config,
        backend,
        clock=host.clock,
        randomness=host.randomness,
        is_ready=is_ready,
        metrics=host.metrics,
        name=host.config.name,
    )


def _add_services(host: Host) -> None:
    loader = Loader(
        host.kit.commands(), host.kit.queries(PositionTracker()), host.clock, host.randomness
    )
    loading = LoadingService(loader, host.clock)
    host.server.add(loading_services.add_LoadingServiceServicer_to_server, loading)
    host.relay_all_but(LOADING)


if __name__ == "__main__":
    run(NodeRole.GATEWAY, start)
