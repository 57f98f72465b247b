"""A process's own copy of the shard map, and the news of its changes.

It is fed by a follower (flightmesh.routing.followers) and corrected by NOT_OWNER answers; readers
take what is there and never wait for the coordinator.
"""

import asyncio
from typing import final

from flightmesh.errors import InvalidInput, NotOwner, Unavailable
from flightmesh.ids import is_uuid, shard_of
from flightmesh.sharding.shard_map import ShardAssignment, ShardMap, ShardState

_MAX_REMEMBERED_IDS = 200_000


@final
class ShardMapCache:
    """The newest map that this process has heard of.

    Attributes:
        version: counts the changes seen here; not the registry's revision.
    """

    def __init__(self, shard_map: ShardMap | None = None) -> None:
        self._map = shard_map or ShardMap()
        self.version = 0
        self._changed: asyncio.Future[None] | None = None
        self._shards: dict[str, int] = {}

    @property
    def map(self) -> ShardMap:
        """The map now; its shard_count is 0 until one was heard of."""
        return self._map

    @property
    def shard_count(self) -> int:
        """Number of shards; 0 until a map was heard of."""
        return self._map.shard_count

    def shard_of(self, aggregate_id: str) -> int:
        """Shard of an aggregate; remembered, since hashing costs more than a look-up.

        Raises:
            InvalidInput: the id is no UUID.
            Unavailable: no map was heard of yet.
        """
        shard = self._shards.get(aggregate_id)
        if shard is None:
            if not is_uuid(aggregate_id):
                raise InvalidInput("aggregate_id", "must be a UUID in lower case")
            if not self._map.shard_count:
                raise Unavailable("the shard map is not known yet")
            if len(self._shards) >= _MAX_REMEMBERED_IDS:
                self._shards.clear()
            shard = self._shards[aggregate_id] = shard_of(aggregate_id, self._map.shard_count)
        return shard

    def assignment(self, shard: int) -> ShardAssignment:
        """The shard's assignment as known here."""
        return self._map.assignments[shard]

    def replace(self, shard_map: ShardMap, *, is_newest: bool = False) -> bool:
        """Takes over a newer map; False if it says nothing new.

        A map of an older revision is ignored unless one of its rows has a higher epoch, or the
        caller knows that nothing is newer: a registry that was wiped counts its revisions from the
        beginning again.
        """
        older = shard_map.revision < self._map.revision and not is_newest
        if shard_map.assignments == self._map.assignments:
            self._map = self._map if older else shard_map
            return False
        if older and not self._has_higher_epoch(shard_map):
            return False
        if shard_map.shard_count != self._map.shard_count:
            self._shards.clear()
        self._map = shard_map
        self._tell()
        return True

    def learn(self, answer: NotOwner) -> bool:
        """Corrects one row by a NOT_OWNER answer; False if it says nothing new.

        An answer of an epoch below the known one comes from a node that lags behind, and one
        without an address names nobody.
        """
        if not answer.owner_address or answer.shard >= self._map.shard_count:
            return False
        known = self._map.assignments[answer.shard]
        same_owner = known.session == answer.owner_session and known.address == answer.owner_address
        if answer.epoch < known.epoch or same_owner:
            return False
        if answer.epoch == known.epoch and known.state is ShardState.ACTIVE:
            return False
        row = ShardAssignment(
            answer.shard,
            answer.epoch,
            answer.owner_session,
            "",
            answer.owner_address,
            ShardState.ACTIVE,
        )
        self._map = self._map.with_assignment(row)
        self._tell()
        return True

    async def wait_change(self, version: int, timeout_s: float) -> bool:
        """Waits until `self.version` is above `version`; False if that takes longer."""
        if self.version > version:
            return True
        if self._changed is None or self._changed.done():
            self._changed = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait((self._changed,), timeout=timeout_s)
        return bool(done)

    def _has_higher_epoch(self, shard_map: ShardMap) -> bool:
        return any(
            new.epoch > old.epoch
            for new, old in zip(shard_map.assignments, self._map.assignments, strict=False)
        )

    def _tell(self) -> None:
        self.version += 1
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None
