"""The servers of a cluster: etcd with three members, one NATS, one Cassandra, on loopback."""

from dataclasses import dataclass
from typing import Final

from flightmesh.journal.cassandra import CassandraOptions, CassandraStore, create_store
from flightmesh.ledger.constants import agreed_constants
from flightmesh.sharding.shard_map import NodeRole
from launcher.cluster.config import MESH_NAME
from launcher.cluster.folder import ClusterFolder
from launcher.cluster.member import Member
from launcher.cluster.ports import PortBook
from launcher.servers.cassandra import Cassandra, CassandraSettings
from launcher.servers.etcd import Etcd, EtcdMember
from launcher.servers.install import Servers
from launcher.servers.nats import Nats
from launcher.servers.process import ServerProcess

NEEDED: Final = ("cassandra", "etcd", "nats-server")
_ETCD_MEMBERS: Final = 3
_PATIENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class ServerAddresses:
    """Where the servers are, as the processes' settings have it."""

    etcd: tuple[str, ...]
    nats: tuple[str, ...]
    cassandra: tuple[str, ...]


def build_servers(
    folder: ClusterFolder, installed: Servers, ports: PortBook
) -> tuple[list[Member], ServerAddresses]:
    """The servers, not yet started, Cassandra first because it takes longest.

    Raises:
        ConfigurationError: a port of a server's is in use by another program.
    """
    cassandra = Cassandra(
        installed,
        folder.own("cassandra"),
        CassandraSettings(
            port=ports.fixed("cassandra.client"), storage_port=ports.fixed("cassandra.storage")
        ),
    )
    etcd = Etcd(
        installed,
        [
            EtcdMember(
                name, folder.own(name), ports.fixed(f"{name}.client"), ports.fixed(f"{name}.peer")
            )
            for name in (f"etcd-{n}" for n in range(1, _ETCD_MEMBERS + 1))
        ],
    )
    nats = Nats(
        installed,
        folder.own("nats"),
        port=ports.fixed("nats.client"),
        monitor_port=ports.fixed("nats.monitor"),
    )
    members = [
        _member(folder, "cassandra", NodeRole.CASSANDRA, cassandra.endpoint, cassandra.process)
    ]
    for member, process in zip(etcd.members, etcd.processes, strict=True):
        members.append(_member(folder, member.name, NodeRole.ETCD, member.endpoint, process))
    nats_address = nats.url.removeprefix("nats://")
    members.append(_member(folder, "nats", NodeRole.NATS, nats_address, nats.process))
    return members, ServerAddresses(etcd.endpoints, (nats.url,), (cassandra.endpoint,))


def _member(
    folder: ClusterFolder, name: str, role: NodeRole, address: str, process: ServerProcess
) -> Member:
    process.log = folder.log_file(name)
    return Member(name, role, address, process)


async def open_new_or_old_store(servers: ServerAddresses, shard_count: int | None) -> int:
    """Creates the ledger store where it is missing; returns its number of shards.

    Args:
        servers: where Cassandra is.
        shard_count: number of shards that is asked for; None takes 64, or what the store has.

    Raises:
        ConfigurationError: the store has another number of shards than is asked for.
        StoreError: Cassandra does not do it.
    """
    host, _, port = servers.cassandra[0].rpartition(":")
    # A server that has just started on a busy machine takes its time.
    options = CassandraOptions(
        (host,), int(port), MESH_NAME, request_s=_PATIENCE_S, connect_s=_PATIENCE_S
    )
    await create_store(options)
    async with await CassandraStore.open(options) as store:
        constants = await agreed_constants(store.journal, shard_count)
    return constants.shard_count
