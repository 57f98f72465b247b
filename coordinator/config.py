"""Settings of a coordinator."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flightmesh.errors import ConfigurationError
from flightmesh.sharding.allocation import Limits


@dataclass(frozen=True, slots=True)
class CoordinatorConfig:
    """Settings of a coordinator.

    Attributes:
        name: unique among coordinators.
        address: gRPC host:port that other processes pass operators' calls on to.
        shard_count: number of shards if the store is new; an existing store must agree.
        pid: process id, for people.
        extra: what its registration tells besides.
        lease_ttl_s: length of the leader's lease.
        tick_s: how often the leader looks at everything even if nothing was heard.
        silence_s: a node silent for this long is suspected; it gives two signs a second.
        connect_grace_s: how long a node may take until its first sign of life.
        isolation_patience_s: how much longer a leader waits that misses most nodes.
        settle_s: how long a leader waits for further nodes before it first places shards.
        call_timeout_s: deadline of a call to a node.
        release_timeout_s: a node that has not released a shard by then is fenced.
        limits: bounds of planned moves.
    """

    name: str
    address: str
    shard_count: int = 64
    pid: int = 0
    extra: Mapping[str, str] = field(default_factory=dict)
    lease_ttl_s: float = 5.0
    tick_s: float = 0.1
    silence_s: float = 1.9
    connect_grace_s: float = 2.0
    isolation_patience_s: float = 3.0
    settle_s: float = 0.2
    call_timeout_s: float = 2.0
    release_timeout_s: float = 10.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        count = self.shard_count
        if count < 1 or count & (count - 1) or count > 1 << 16:
            raise ConfigurationError(f"shard_count must be a power of two up to 65536, not {count}")
        if self.lease_ttl_s < 2:
            raise ConfigurationError("lease_ttl_s must be 2 s at least: etcd grants no less")
