"""Claims in Cassandra: all in one partition, so that many change in one conditional batch."""

import asyncio
from collections.abc import Sequence
from typing import Final, final

from cassandra.query import BatchStatement, BatchType, PreparedStatement

from flightmesh.errors import CorruptData
from flightmesh.journal import Claim, ClaimChange
from flightmesh.journal.cassandra_connection import CassandraConnection
from flightmesh.journal.claim_changes import check_changes

_STATEMENTS: Final = (
    "SELECT shard, holder, generation, released, ledgers FROM {ks}.claims WHERE one = 1",
    "INSERT INTO {ks}.claims (one, shard, holder, generation, released, ledgers)"
    " VALUES (1, ?, ?, ?, ?, ?) IF NOT EXISTS",
    "UPDATE {ks}.claims SET holder = ?, generation = ?, released = ?, ledgers = ?"
    " WHERE one = 1 AND shard = ?"
    " IF holder = ? AND generation = ? AND released = ? AND ledgers = ?",
)


@final
class CassandraClaims:
    """Claims in Cassandra; see `flightmesh.journal.Claims`. Get one by `CassandraStore.open`.

    Args:
        connection: the connection.
        statements: what `prepare` returned.
    """

    def __init__(
        self, connection: CassandraConnection, statements: Sequence[PreparedStatement]
    ) -> None:
        self._connection = connection
        self._read, self._insert, self._update = statements
        # Changes of one process come one after another: all are of one partition, and contention
        # costs more than waiting.
        self._one_at_a_time = asyncio.Lock()

    @staticmethod
    async def prepare(connection: CassandraConnection) -> "CassandraClaims":
        """Makes claims of a connection."""
        return CassandraClaims(connection, await connection.prepare(*_STATEMENTS))

    async def read_claims(self) -> dict[int, Claim]:
        """See the port."""
        rows = await self._connection.serial(self._read.bind(()))
        return {row[0]: _claim(*row) for row in rows}

    async def change_claims(self, changes: Sequence[ClaimChange]) -> bool:
        """See the port."""
        check_changes(changes)
        if not changes:
            return True
        batch = BatchStatement(BatchType.UNLOGGED)
        for change in changes:
            shard, *new = _values(change.new)
            if change.expected is None:
                batch.add(self._insert, (shard, *new))
            else:
                _, *expected = _values(change.expected)
                batch.add(self._update, (*new, shard, *expected))
        async with self._one_at_a_time:
            answer = await self._connection.conditional(batch)
        return bool(answer["[applied]"])


def _values(claim: Claim) -> tuple[int, int, int, bool, str]:
    ledgers = ",".join(map(str, claim.ledgers))
    return claim.shard, claim.holder, claim.generation, claim.released, ledgers


def _claim(shard: int, holder: int, generation: int, released: bool, ledgers: str) -> Claim:
    try:
        numbers = tuple(map(int, ledgers.split(","))) if ledgers else ()
    except ValueError:
        raise CorruptData(f"claim of shard {shard} lists ledgers {ledgers[:40]!r}") from None
    return Claim(shard, holder, generation, released, numbers)
