"""Opens the servers that a process of the mesh works with, each behind its port."""

import logging
from contextlib import AsyncExitStack

from flightmesh.clock import Clock
from flightmesh.errors import RetryableError, StoreError
from flightmesh.event_bus.jetstream import JetStreamEventBus
from flightmesh.event_bus.jetstream_settings import JetStreamSettings
from flightmesh.journal.cassandra import CassandraOptions, CassandraStore
from flightmesh.ledger.constants import agreed_constants
from flightmesh.process.config import ProcessConfig
from flightmesh.registry.etcd import EtcdRegistry

_log = logging.getLogger(__name__)

_PAUSE_S = 0.5


def store_options(config: ProcessConfig) -> CassandraOptions:
    """Where the ledger store of a mesh is."""
    return CassandraOptions(config.cassandra_hosts, config.cassandra_port, config.cluster)


async def open_store(config: ProcessConfig, clock: Clock, stack: AsyncExitStack) -> CassandraStore:
    """Connects to the ledger store, however long that takes; checks the constants.

    Raises:
        ConfigurationError: the store is missing or unfit, or was made with other constants.
    """
    while True:
        try:
            store = await _open(config)
        except (StoreError, RetryableError) as error:
            _log.warning("the ledger store cannot be opened yet: %s", error)
            await clock.sleep(_PAUSE_S)
        else:
            stack.push_async_callback(store.close)
            return store


async def _open(config: ProcessConfig) -> CassandraStore:
    store = await CassandraStore.open(store_options(config))
    try:
        await agreed_constants(store.journal, config.shard_count)
    except BaseException:
        await store.close()
        raise
    return store


def open_registry(config: ProcessConfig, clock: Clock, stack: AsyncExitStack) -> EtcdRegistry:
    """The registry; connects when it is first asked."""
    registry = EtcdRegistry(config.etcd, clock, namespace=f"{config.cluster}/")
    stack.push_async_callback(registry.close)
    return registry


def open_bus(config: ProcessConfig, clock: Clock, stack: AsyncExitStack) -> JetStreamEventBus:
    """The event bus; connects by itself, again and again."""
    bus = JetStreamEventBus(config.nats, clock, JetStreamSettings(prefix=config.cluster))
    bus.start()
    stack.push_async_callback(bus.stop)
    return bus
