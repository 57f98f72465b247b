"""Settings of a shard node."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flightmesh.errors import ConfigurationError
from flightmesh.ledger.writer import DEFAULT_BOUNDS


@dataclass(frozen=True, slots=True)
class ShardNodeConfig:
    """Settings of one shard node; checked when made.

    Attributes:
        name: name of the node, unique in the mesh.
        address: gRPC host:port that others reach it by.
        pid: process id, for operators.
        extra: what its registration tells besides.
        entry_commands: commands in one journal entry.
        entry_bytes: bytes of records in one journal entry; one larger record still gets its own.
        gather_s: longest time that an entry is given to gather after one of several commands,
            which is as long as the append took; 0 = none.
        segment_entries: entries in one segment of the ledger.
        queued_commands: commands that wait for their entry; as many for their aggregate to be
            loaded; and as many that are being passed on.
        heartbeat_s: interval of signs of life on the bus.
        sign_of_life_s: interval of signs of life to the coordinator, which suspects a node after
            1.9 s without one: a busy node may miss two.
        lease_ttl_s: life of the registration without renewal.
        flush_s: time between flushes of the aggregate index. The shorter, the fewer entries a
            recovery reads; each flush writes a few rows per shard that changed, which cost the
            store as much as the appends of that second if it is done each second.
        unindexed_records: committed records that may wait for the index; beyond them commands are
            refused until a flush has succeeded.
        idle_watermark_entries: how far an idle shard's watermark may lag behind the ledger.
        snapshot_every: events after which an aggregate is saved; 0 = never.
        passivate_after_s: idle time after which an aggregate leaves the memory.
        max_aggregates: aggregates in memory.
        max_aggregate_bytes: rough size of all aggregates in memory.
        concurrent_loads: aggregates being loaded at once.
        forward_timeout_s: time for a command passed on, where its caller set none.
        drain_timeout_s: how long a stop waits for shards to be handed over.
    """

    name: str
    address: str
    pid: int = 0
    extra: Mapping[str, str] = field(default_factory=dict)
    entry_commands: int = 500
    entry_bytes: int = 512 * 1024
    gather_s: float = 0.01
    segment_entries: int = DEFAULT_BOUNDS.entries
    queued_commands: int = 20_000
    heartbeat_s: float = 1.0
    sign_of_life_s: float = 0.5
    lease_ttl_s: float = 5.0
    flush_s: float = 3.0
    unindexed_records: int = 200_000
    idle_watermark_entries: int = 256
    snapshot_every: int = 200
    passivate_after_s: float = 300.0
    max_aggregates: int = 50_000
    max_aggregate_bytes: int = 64 * 1024 * 1024
    concurrent_loads: int = 64
    forward_timeout_s: float = 10.0
    drain_timeout_s: float = 20.0

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigurationError("a shard node needs a name")
        for setting in ("entry_commands", "entry_bytes", "segment_entries", "queued_commands",
                        "unindexed_records", "max_aggregates", "max_aggregate_bytes",
                        "concurrent_loads"):  # fmt: skip
            if getattr(self, setting) < 1:
                raise ConfigurationError(f"{setting} must be at least 1")
        for setting in ("heartbeat_s", "sign_of_life_s", "lease_ttl_s", "flush_s",
                        "forward_timeout_s"):  # fmt: skip
            if getattr(self, setting) <= 0:
                raise ConfigurationError(f"{setting} must be positive")
        if self.gather_s < 0:
            raise ConfigurationError("gather_s must not be negative")
