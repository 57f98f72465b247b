"""Builds a coordinator from its ports: the one place where its parts are put together."""

from collections.abc import Callable
from functools import partial

import grpc

from coordinator import metrics as own_metrics
from coordinator.config import CoordinatorConfig
from coordinator.coordinator import Coordinator
from coordinator.node_client import ShardNodeClient
from coordinator.ports import LeaderPorts
from coordinator.translate import GrpcShardNodeClient
from flightmesh.clock import Clock
from flightmesh.journal import Claims, Constants, Journal
from flightmesh.ledger.constants import agreed_constants
from flightmesh.ledger.sealer import seal_ledger
from flightmesh.registry import Registry
from flightmesh.runtime.process_metrics import ProcessMetrics


async def build_coordinator(
    config: CoordinatorConfig,
    *,
    registry: Registry,
    journal: Journal,
    claims: Claims,
    clock: Clock,
    client_factory: Callable[[str], ShardNodeClient],
    metrics: ProcessMetrics | None = None,
    constants: Constants | None = None,
) -> Coordinator:
    """A coordinator, not yet started (`start`, `stop`).

    Args:
        config: settings.
        registry: the registry.
        journal: the ledgers.
        claims: the claims.
        clock: time.
        client_factory: gives the client of the shard node at host:port.
        metrics: the process's metrics, to which the coordinator adds its own.
        constants: those of the store; None if nobody has fixed or checked them yet.

    Raises:
        ConfigurationError: see `agreed_constants`.
    """
    ports = LeaderPorts(
        registry=registry,
        journal=journal,
        claims=claims,
        clock=clock,
        connect=client_factory,
        seal=partial(seal_ledger, journal, clock=clock),
        constants=constants or await agreed_constants(journal, config.shard_count),
    )
    coordinator = Coordinator(config, ports)
    if metrics is not None:
        metrics.add(config.name, own_metrics.DEFINITIONS, partial(own_metrics.samples, coordinator))
    return coordinator


def grpc_client_factory(
    channel: Callable[[str], grpc.aio.Channel],
) -> Callable[[str], ShardNodeClient]:
    """A client factory over gRPC; `channel` gives the channel to an address."""
    return lambda address: GrpcShardNodeClient(channel(address))
