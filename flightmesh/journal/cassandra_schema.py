"""The tables of the ledger store in Cassandra: the one place that creates them.

Two kinds of tables, never mixed, because a plain write beside conditional ones may be ordered
before what it follows (their clocks differ):

* conditional: `ledgers`, `claims`, `sessions`, `constants` are written by `IF …` alone;
* plain: `directory` holds rows that never change; `snapshots` may be lost; `chunks`, `heads` and
  `watermarks` carry timestamps that are no time but the value itself (length, sequence, number), so
  that of two writes the further one wins, whenever and through whichever node they come. Nothing
  may ever be deleted from these three but by TRUNCATE: a tombstone's timestamp is a time.

A ledger's partition is one segment, bounded by `SegmentBounds`; the head row is its static part. A
shard's chunks are spread over CHUNK_BUCKETS partitions, each holding many aggregates, so that one
flush is few mutations.
"""

from typing import Final

VERSION: Final = 1
CHUNK_BUCKETS: Final = 16

_TABLES: Final = {
    "constants": """
        one int PRIMARY KEY, shard_count int, format_version int""",
    "sessions": """
        one int PRIMARY KEY, last bigint""",
    "directory": """
        one int, ledger bigint, node text, PRIMARY KEY (one, ledger)""",
    "ledgers": """
        ledger bigint, segment int, number bigint,
        state text static, writer blob static, first_number bigint static, head bigint static,
        data blob, PRIMARY KEY ((ledger, segment), number)""",
    "claims": """
        one int, shard int, holder bigint, generation bigint, released boolean, ledgers text,
        PRIMARY KEY (one, shard)""",
    "chunks": """
        shard int, bucket int, aggregate_id blob, ledger bigint, entry bigint, data blob,
        PRIMARY KEY ((shard, bucket), aggregate_id, ledger, entry)""",
    "aggregates": """
        shard int, aggregate_id blob, scope text, aggregate_type text,
        PRIMARY KEY (shard, aggregate_id)""",
    "heads": """
        shard int PRIMARY KEY, sequence bigint, ledger bigint, entry bigint""",
    "watermarks": """
        shard int, ledger bigint, number bigint, PRIMARY KEY (shard, ledger)""",
    "snapshots": """
        aggregate_id blob, sequence bigint, checksum blob, data blob,
        PRIMARY KEY (aggregate_id, sequence)""",
    "schema_version": """
        one int PRIMARY KEY, version int""",
}
# Newest first: the newest snapshot is the one that is read.
_OPTIONS: Final = {"snapshots": " WITH CLUSTERING ORDER BY (sequence DESC)"}

TABLES: Final = tuple(_TABLES)


def creation(keyspace: str, replicas: dict[str, int]) -> list[str]:
    """The statements that create the store, in order; each may be repeated.

    Args:
        keyspace: its name.
        replicas: replication factor by data centre.
    """
    strategy = "".join(f", '{name}': {count}" for name, count in replicas.items())
    return [
        f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication ="
        f" {{'class': 'NetworkTopologyStrategy'{strategy}}} AND durable_writes = true",
        *(
            f"CREATE TABLE IF NOT EXISTS {keyspace}.{name} ({' '.join(columns.split())})"
            + _OPTIONS.get(name, "")
            for name, columns in _TABLES.items()
        ),
        # The last of all: a store whose version can be read is whole.
        f"INSERT INTO {keyspace}.schema_version (one, version)"  # noqa: S608 - names of ours
        f" VALUES (1, {VERSION})",
    ]
