"""The processes of the mesh as this process knows them, and how it hears of them."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from typing import Any, cast, final

import grpc

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as pb
from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as services
from flightmesh.clock import Clock
from flightmesh.errors import FlightmeshError
from flightmesh.registry import Registry
from flightmesh.routing.translate import registration_from_proto
from flightmesh.sharding.shard_map import (
    LAGGING,
    NODES_PREFIX,
    NodeRegistration,
    NodeRole,
    decode_registration,
)

_log = logging.getLogger(__name__)


@final
class NodeDirectory:
    """The registrations that this process has heard of."""

    def __init__(self) -> None:
        self._nodes: dict[NodeRole, tuple[NodeRegistration, ...]] = {}
        self._lagging: frozenset[str] = frozenset()

    def nodes(self, role: NodeRole) -> Sequence[NodeRegistration]:
        """The registrations of a role."""
        return self._nodes.get(role, ())

    def addresses(self, role: NodeRole) -> Sequence[str]:
        """Addresses of a role, without those that ask to be relieved."""
        return [node.address for node in self.nodes(role) if not node.draining]

    def lagging(self) -> Collection[str]:
        """Addresses of the read nodes that say they do not keep up."""
        return self._lagging

    def replace(self, nodes: Iterable[NodeRegistration]) -> None:
        """Takes over a complete list."""
        by_role: dict[NodeRole, list[NodeRegistration]] = {}
        for node in nodes:
            by_role.setdefault(node.role, []).append(node)
        self._nodes = {role: tuple(of_role) for role, of_role in by_role.items()}
        read_nodes = self.nodes(NodeRole.READ_NODE)
        self._lagging = frozenset(node.address for node in read_nodes if LAGGING in node.extra)


async def follow_nodes_in_registry(
    directory: NodeDirectory, registry: Registry, clock: Clock
) -> None:
    """Follows the registrations in the registry, for ever; keeps the last list while it is down."""
    while True:
        try:
            watch = registry.watch_prefix(NODES_PREFIX)
            async with aclosing(cast(Any, watch)):
                while True:
                    listing = await registry.list_prefix(NODES_PREFIX)
                    directory.replace(decode_registration(item.value) for item in listing.items)
                    await anext(watch)
        except FlightmeshError as error:
            _log.warning("nodes: the registry cannot be followed: %s", error)
            await clock.sleep(0.5)


async def follow_nodes_of_endpoints(
    directory: NodeDirectory,
    endpoints: Sequence[str],
    channel: Callable[[str], grpc.aio.Channel],
    clock: Clock,
    interval_s: float = 2.0,
) -> None:
    """Asks one endpoint after another for its list (ListNodes), at intervals, for ever."""
    turn = 0
    while True:
        stub = cast(Any, services.ShardMapServiceStub)(channel(endpoints[turn % len(endpoints)]))
        try:
            answer = await stub.ListNodes(pb.ListNodesRequest(), timeout=interval_s)
        except grpc.aio.AioRpcError as error:
            turn += 1
            _log.info("nodes: cannot be listed: %s", error.code().name)
            await clock.sleep(0.05 if turn % len(endpoints) else 0.5)
            continue
        found = (registration_from_proto(node) for node in answer.nodes)
        directory.replace(node for node in found if node is not None)
        await clock.sleep(interval_s)
