"""The leader's reading and guarded writing of the registry."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, final

from flightmesh.election import LeaderElection
from flightmesh.errors import ConfigurationError, CorruptData
from flightmesh.journal import Constants
from flightmesh.registry import Compare, Delete, KeyValue, Put, Registry
from flightmesh.sharding.shard_map import (
    CONSTANTS_KEY,
    DRAIN_PREFIX,
    LEADER_KEY,
    MAP_PREFIX,
    MeshConstants,
    NodeRegistration,
    NodeRole,
    ShardAssignment,
    decode_assignment,
    decode_constants,
    decode_registration,
    drain_key,
    encode_assignment,
    encode_constants,
    map_key,
    role_prefix,
)

_log = logging.getLogger(__name__)

# etcd takes 128 operations per transaction by default; a row needs a comparison and a write.
_ROWS_PER_TRANSACTION: Final = 60
_SHARD_NODES: Final = role_prefix(NodeRole.SHARD_NODE)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Stored:
    """What the registry says, all of it at one revision.

    Attributes:
        rows: the map's rows by shard.
        nodes: the shard nodes' registrations by session.
        drains: node that operators want relieved → first session of the process that is meant.
        constants: those of the mesh; None before they are written.
        draining: sessions that are to be relieved: by their own wish or an operator's.
    """

    rows: Mapping[int, ShardAssignment]
    nodes: Mapping[int, NodeRegistration]
    drains: Mapping[str, int]
    constants: MeshConstants | None
    draining: frozenset[int] = frozenset()


@final
class MapStore:
    """Reads what the leader needs; writes only as leader, and only over what was read.

    Args:
        registry: the registry.
        election: whose leadership guards every write.
    """

    def __init__(self, registry: Registry, election: LeaderElection) -> None:
        self._registry = registry
        self._election = election
        self._revisions: dict[int, int] = {}
        self._listed: Sequence[KeyValue] = ()
        self._stored = Stored({}, {}, {}, None)

    async def read(self) -> Stored:
        """Everything that the leader decides by.

        A value that cannot be read is passed over: a row comes back from the claims, a
        registration from its node.

        Raises:
            Unavailable: the registry cannot be reached.
            CorruptData: the constants cannot be read.
        """
        # One list instead of four: one question to the registry, and one revision.
        listed = (await self._registry.list_prefix("")).items
        if listed == self._listed:
            return self._stored
        by_prefix: dict[str, list[KeyValue]] = {
            prefix: [] for prefix in (MAP_PREFIX, _SHARD_NODES, DRAIN_PREFIX, CONSTANTS_KEY)
        }
        for item in listed:
            for prefix, items in by_prefix.items():
                if item.key.startswith(prefix):
                    items.append(item)
                    break
        rows = {row.shard: row for row in _read(decode_assignment, by_prefix[MAP_PREFIX])}
        self._revisions = {_shard(item): item.mod_revision for item in by_prefix[MAP_PREFIX]}
        nodes = {node.session: node for node in _read(decode_registration, by_prefix[_SHARD_NODES])}
        drains = dict(_read_drains(by_prefix[DRAIN_PREFIX]))
        constants = [decode_constants(item.value) for item in by_prefix[CONSTANTS_KEY][:1]]
        draining = frozenset(
            session
            for session, node in nodes.items()
            if node.draining or drains.get(node.name) == node.first_session
        )
        self._stored = Stored(rows, nodes, drains, constants[0] if constants else None, draining)
        self._listed = listed
        return self._stored

    async def write_rows(self, rows: Sequence[ShardAssignment]) -> bool:
        """Writes rows; False if a row, or the leadership, is no longer what was read (rule 4).

        Raises:
            Unavailable: a part may be unwritten.
            OutcomeUnknown: a part may be written later, unless its row changes first.
        """
        for start in range(0, len(rows), _ROWS_PER_TRANSACTION):
            part = rows[start : start + _ROWS_PER_TRANSACTION]
            compares = [
                Compare(map_key(row.shard), mod_revision=self._revisions.get(row.shard, 0))
                for row in part
            ]
            puts = [Put(map_key(row.shard), encode_assignment(row)) for row in part]
            if not await self._election.write(compares, puts):
                return False
        return True

    async def write_drain(self, node: NodeRegistration) -> bool:
        """Keeps the wish that a node's process be relieved; one started later is not meant.

        Raises:
            Unavailable, OutcomeUnknown: try again.
        """
        value = str(node.first_session).encode()
        return await self._election.write([], [Put(drain_key(node.name), value)])

    async def delete_drain(self, node: str) -> bool:
        """Drops the wish that a node be relieved; raises as `write_drain` does."""
        return await self._election.write([], [Delete(drain_key(node))])

    async def forget_drains(self, stored: Stored) -> None:
        """Drops the wishes for processes that others of the same name have followed.

        One that is merely missing may come back: it may have lost its lease for a moment.
        """
        followed = [
            Delete(drain_key(name))
            for name, first in stored.drains.items()
            if any(n.name == name and n.first_session > first for n in stored.nodes.values())
        ]
        if followed:
            await self._election.write([], followed)

    async def state_constants(self, stored: Stored, constants: Constants) -> None:
        """Tells all processes the ledger store's constants.

        Raises:
            ConfigurationError: the registry belongs to a mesh with other constants.
        """
        wanted = MeshConstants(constants.shard_count, constants.format_version)
        if stored.constants is None:
            await self._election.write([], [Put(CONSTANTS_KEY, encode_constants(wanted))])
        elif stored.constants != wanted:
            raise ConfigurationError(
                f"the registry's constants are {stored.constants}, the store's {wanted}"
            )

    async def still_leads(self) -> bool:
        """Whether the leader key is the one of this leadership."""
        items = (await self._registry.list_prefix(LEADER_KEY)).items
        return bool(items) and items[0].create_revision == self._election.token


def _read(decode: Callable[[bytes], _T], items: Iterable[KeyValue]) -> list[_T]:
    found = []
    for item in items:
        try:
            found.append(decode(item.value))
        except CorruptData as error:
            _log.error("%s is passed over: %s", item.key, error)
    return found


def _read_drains(items: Iterable[KeyValue]) -> Iterable[tuple[str, int]]:
    for item in items:
        if item.value.isdigit():
            yield item.key.removeprefix(DRAIN_PREFIX), int(item.value)


def _shard(item: KeyValue) -> int:
    number = item.key.removeprefix(MAP_PREFIX)
    return int(number) if number.isdecimal() else -1
