"""Settings of a read node."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flightmesh.errors import ConfigurationError
from flightmesh.journal import Constants
from read_node.follower import FollowerLimits
from read_node.lag import LagLimits
from read_node.snapshots import SnapshotPlan


@dataclass(frozen=True, slots=True)
class ReadNodeConfig:
    """Settings of a read node.

    Attributes:
        name: unique in the mesh.
        address: gRPC host:port that others reach it at; empty if it is not registered.
        pid: process id, told to the registry.
        extra: what its registration tells besides.
        max_wait_s: longest wait for a position where the caller sets no deadline.
        most_questions: distinct requests whose pages are kept.
        registration_ttl_s: seconds that the registration outlives its process.
        data_dir: folder of its snapshots; empty for none.
        store: names the store, its constants too: snapshots of another one are never used.
        snapshot_interval_s: seconds between two looks whether a snapshot is due.
        snapshot_events: events applied since the last snapshot that make one due.
        lag: when it counts as lagging.
        follower: times and bounds of the follower.
    """

    name: str = "read-1"
    address: str = ""
    pid: int = 0
    extra: Mapping[str, str] = field(default_factory=dict)
    max_wait_s: float = 10.0
    most_questions: int = 4096
    registration_ttl_s: float = 5.0
    data_dir: str = ""
    store: str = ""
    snapshot_interval_s: float = 60.0
    snapshot_events: int = 50_000
    lag: LagLimits = field(default_factory=LagLimits)
    follower: FollowerLimits = field(default_factory=FollowerLimits)

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigurationError("a read node needs a name")
        if self.max_wait_s <= 0 or self.most_questions < 1 or self.registration_ttl_s <= 0:
            raise ConfigurationError("limits of a read node must be positive")
        if self.snapshot_interval_s <= 0 or self.snapshot_events < 1:
            raise ConfigurationError("snapshots of a read node need an interval and events")

    @property
    def snapshots(self) -> SnapshotPlan | None:
        """Where and when the model is saved; None if it is not."""
        if not self.data_dir:
            return None
        return SnapshotPlan(
            Path(self.data_dir), self.store, self.snapshot_interval_s, self.snapshot_events
        )


def store_name(cluster: str, constants: Constants) -> str:
    """Names a store, for `ReadNodeConfig.store`.

    Args:
        cluster: name of the mesh.
        constants: what was fixed when the store was created.
    """
    return f"{cluster}, {constants.shard_count} shards, format {constants.format_version}"
