"""The leader's reading and guarded writing of the registry."""

from collections.abc import Sequence
from typing import final

from flightmesh.election import LeaderElection
from flightmesh.errors import ConfigurationError
from flightmesh.journal import Constants
from flightmesh.registry import Compare, Delete, Put, Registry
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

# etcd takes 128 operations per transaction by default; a row needs a comparison and a write.
_ROWS_PER_TRANSACTION = 60


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

    async def read_rows(self) -> dict[int, ShardAssignment]:
        """The map's rows by shard."""
        rows: dict[int, ShardAssignment] = {}
        self._revisions = {}
        for item in (await self._registry.list_prefix(MAP_PREFIX)).items:
            row = decode_assignment(item.value)
            rows[row.shard] = row
            self._revisions[row.shard] = item.mod_revision
        return rows

    async def read_nodes(self) -> dict[int, NodeRegistration]:
        """The shard nodes' registrations by session."""
        listing = await self._registry.list_prefix(role_prefix(NodeRole.SHARD_NODE))
        nodes = [decode_registration(item.value) for item in listing.items]
        return {node.session: node for node in nodes}

    async def read_drains(self) -> frozenset[int]:
        """Sessions that operators want relieved."""
        listing = await self._registry.list_prefix(DRAIN_PREFIX)
        return frozenset(int(item.value) for item in listing.items)

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

    async def write_drain(self, node: str, session: int) -> bool:
        """Keeps the wish that a node's present session be relieved; a later one is not meant."""
        return await self._election.write([], [Put(drain_key(node), str(session).encode())])

    async def forget_drains(self, live: Sequence[int]) -> None:
        """Drops the wishes for sessions that are gone."""
        listing = await self._registry.list_prefix(DRAIN_PREFIX)
        gone = [Delete(item.key) for item in listing.items if int(item.value) not in live]
        if gone:
            await self._election.write([], gone)

    async def state_constants(self, stored: Constants) -> None:
        """Tells all processes the store's constants.

        Raises:
            ConfigurationError: the registry belongs to a mesh with other constants.
        """
        wanted = MeshConstants(stored.shard_count, stored.format_version)
        listing = await self._registry.list_prefix(CONSTANTS_KEY)
        if not listing.items:
            await self._election.write([], [Put(CONSTANTS_KEY, encode_constants(wanted))])
        elif (found := decode_constants(listing.items[0].value)) != wanted:
            raise ConfigurationError(f"the registry's constants are {found}, the store's {wanted}")

    async def still_leads(self) -> bool:
        """Whether the leader key is the one of this leadership."""
        items = (await self._registry.list_prefix(LEADER_KEY)).items
        return bool(items) and items[0].create_revision == self._election.token
