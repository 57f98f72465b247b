"""The shard map: which session serves each shard, as proposed by the leading coordinator. Pure.

The map is a proposal and a cache: the claims in the ledger store decide who may serve a shard.
Here are its values, the registry keys that hold it and the codec of their values (JSON, so that an
operator can read them with any tool).

Epochs count a shard's assignments and only grow; a higher epoch supersedes a lower one.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from flightmesh.errors import CorruptData

_T = TypeVar("_T")

MAP_PREFIX = "map/"
NODES_PREFIX = "nodes/"
DRAIN_PREFIX = "drain/"
LEADER_KEY = "leader"
CONSTANTS_KEY = "constants"
# In the extra of a read node that does not keep up: others are asked while there are any.
LAGGING = "lagging"
VERSION = "version"
FIRST_SESSION = "first_session"  # in the extra of a shard node's registration


class ShardState(enum.Enum):
    """State of a shard's assignment."""

    UNASSIGNED = "unassigned"  # no session owns it
    ACTIVE = "active"  # the session owns it, or is taking it up
    MOVING = "moving"  # the session is asked to hand it over to the target
    TAKING_OVER = "taking_over"  # the session is being fenced


@dataclass(frozen=True, slots=True)
class ShardAssignment:
    """One shard's assignment.

    Attributes:
        shard: number of the shard, from 0.
        epoch: counts the shard's assignments.
        session: session that owns the shard; 0 if none.
        node: name of that session's node; may be empty where only the address is known.
        address: gRPC address (host:port) of that node; empty if none.
        state: see ShardState.
        target_session: session the shard moves to; 0 if it is not moving.
    """

    shard: int
    epoch: int = 0
    session: int = 0
    node: str = ""
    address: str = ""
    state: ShardState = ShardState.UNASSIGNED
    target_session: int = 0


@dataclass(frozen=True, slots=True)
class ShardMap:
    """All assignments at one revision of the registry.

    Attributes:
        shard_count: number of shards; 0 while nothing is known yet.
        revision: revision of the registry that the map was read at.
        assignments: one per shard, by number.
    """

    shard_count: int = 0
    revision: int = 0
    assignments: tuple[ShardAssignment, ...] = ()

    @classmethod
    def of(
        cls, shard_count: int, revision: int, assignments: Iterable[ShardAssignment]
    ) -> "ShardMap":
        """A complete map: shards not given are unassigned, those beyond the count left out."""
        given = {assignment.shard: assignment for assignment in assignments}
        rows = [given.get(shard) or ShardAssignment(shard) for shard in range(shard_count)]
        return cls(shard_count, revision, tuple(rows))

    def shards_of(self, session: int) -> tuple[int, ...]:
        """The shards that the map gives to a session, whatever their state."""
        return tuple(row.shard for row in self.assignments if row.session == session)

    def counts(self) -> dict[int, int]:
        """Session → number of shards; sessions without shards are absent."""
        counts: dict[int, int] = {}
        for row in self.assignments:
            if row.session:
                counts[row.session] = counts.get(row.session, 0) + 1
        return counts

    def with_assignments(self, assignments: Iterable[ShardAssignment]) -> "ShardMap":
        """The map with some rows replaced."""
        rows = list(self.assignments)
        for assignment in assignments:
            rows[assignment.shard] = assignment
        return replace(self, assignments=tuple(rows))

    def with_assignment(self, assignment: ShardAssignment) -> "ShardMap":
        """The map with one row replaced."""
        return self.with_assignments((assignment,))


class NodeRole(enum.Enum):
    """Kind of process; the last three are servers that whoever started them registers."""

    SHARD_NODE = "shard_node"
    READ_NODE = "read_node"
    COORDINATOR = "coordinator"
    GATEWAY = "gateway"
    ETCD = "etcd"
    NATS = "nats"
    CASSANDRA = "cassandra"


@dataclass(frozen=True, slots=True)
class NodeRegistration:
    """What a process tells the registry about itself, under a lease.

    Attributes:
        name: unique in the mesh.
        role: kind of process.
        address: gRPC host:port; HTTP host:port for gateways; the clients' port for servers.
        pid: process id on its host.
        session: session of a shard node; 0 for others.
        draining: whether the process asks to be relieved of its shards.
        extra: further text for people and routers; VERSION among it, and LAGGING of a read node.
    """

    name: str
    role: NodeRole
    address: str
    pid: int = 0
    session: int = 0
    draining: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def first_session(self) -> int:
        """First session of the shard node's process: the same for all that it begins anew."""
        text = self.extra.get(FIRST_SESSION, "")
        return int(text) if text.isdecimal() else self.session


@dataclass(frozen=True, slots=True)
class MeshConstants:
    """What every process of a mesh must agree on.

    Attributes:
        shard_count: number of shards, a power of two.
        format_version: version of the stored format.
    """

    shard_count: int
    format_version: int


def map_key(shard: int) -> str:
    """Key of a shard's row."""
    return f"{MAP_PREFIX}{shard:05d}"


def role_prefix(role: NodeRole) -> str:
    """Prefix of all registrations of a role."""
    return f"{NODES_PREFIX}{role.value}/"


def registration_key(registration: NodeRegistration) -> str:
    """Key of a registration; by session for shard nodes: a newer one stands beside an older."""
    if registration.role is NodeRole.SHARD_NODE:
        return f"{role_prefix(registration.role)}{registration.session:012d}"
    return role_prefix(registration.role) + registration.name


def drain_key(node: str) -> str:
    """Key that an operator's wish to drain a node is kept under.

    The value is the first session of the process that is meant, in decimal digits.
    """
    return DRAIN_PREFIX + node


_assignments = msgspec.json.Decoder(ShardAssignment)
_registrations = msgspec.json.Decoder(NodeRegistration)
_constants = msgspec.json.Decoder(MeshConstants)
_encode = msgspec.json.Encoder(order="deterministic").encode


def encode_assignment(assignment: ShardAssignment) -> bytes:
    """Value of a map row."""
    return _encode(assignment)


def decode_assignment(data: bytes) -> ShardAssignment:
    """Reads a map row.

    Raises:
        CorruptData: the bytes are no map row.
    """
    return _decode(_assignments, data, "shard assignment")


def encode_registration(registration: NodeRegistration) -> bytes:
    """Value of a registration."""
    return _encode(registration)


def decode_registration(data: bytes) -> NodeRegistration:
    """Reads a registration.

    Raises:
        CorruptData: the bytes are no registration.
    """
    return _decode(_registrations, data, "node registration")


def encode_constants(constants: MeshConstants) -> bytes:
    """Value of the constants' key."""
    return _encode(constants)


def decode_constants(data: bytes) -> MeshConstants:
    """Reads the constants.

    Raises:
        CorruptData: the bytes are no constants.
    """
    return _decode(_constants, data, "constants")


def _decode(decoder: "msgspec.json.Decoder[_T]", data: bytes, what: str) -> _T:
    try:
        return decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise CorruptData(f"the registry holds a malformed {what}: {error}") from error
