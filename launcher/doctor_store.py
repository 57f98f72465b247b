"""Where the ledgers are that `flightmesh doctor` is to check."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flightmesh.errors import ConfigurationError
from flightmesh.process.config import ProcessConfig
from flightmesh.runtime import settings
from launcher.cluster.config import MESH_NAME
from launcher.cluster.state import read_state


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mesh's ledgers are.

    Attributes:
        folder: the folder of an embedded mesh; None if it is none.
        cassandra: says where the store of a mesh of separate processes is; None if nobody knows.
        servers: gRPC addresses of that mesh, host:port; empty if they are not known.
    """

    folder: Path | None = None
    cassandra: ProcessConfig | None = None
    servers: tuple[str, ...] = ()


def place_of_folder(directory: Path, keyspace: str = "") -> Place:
    """The ledgers of a data folder: of a cluster if it has a cluster.json, else of its own.

    Raises:
        ConfigurationError: there are neither, or cluster.json cannot be read.
    """
    state = read_state(directory / "cluster.json")
    if state is not None:
        store = place_of_nodes(state.cassandra, keyspace or state.cluster)
        running = [each.grpc for each in state.processes if each.grpc and each.state == "running"]
        return Place(cassandra=store, servers=tuple(running or state.grpc))
    if keyspace:
        raise ConfigurationError(f"--keyspace: there is no cluster.json in {directory}")
    if not (directory / "journal.db").is_file():
        raise ConfigurationError(f"there is no journal.db in {directory}, and no cluster.json")
    return Place(folder=directory)


def place_of_nodes(addresses: Sequence[str], keyspace: str = "") -> ProcessConfig:
    """The store on those Cassandra nodes, host:port; the mesh's own keyspace unless one is named.

    Raises:
        ConfigurationError: an address is not host:port, or the ports differ.
    """
    name = keyspace or settings.read("FLIGHTMESH_CLUSTER", MESH_NAME, str)
    return ProcessConfig(name="doctor", cassandra=tuple(addresses), cluster=name)


def place_from_environment(keyspace: str = "") -> ProcessConfig | None:
    """The store that FLIGHTMESH_CASSANDRA names; None if it is not set.

    Raises:
        ConfigurationError: it names no addresses.
    """
    addresses = settings.read("FLIGHTMESH_CASSANDRA", None, settings.comma_separated)
    return None if addresses is None else place_of_nodes(addresses, keyspace)
