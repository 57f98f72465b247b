"""Settings of a read node."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flightmesh.errors import ConfigurationError
from read_node.follower import FollowerLimits


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
        follower: times and bounds of the follower.
    """

    name: str = "read-1"
    address: str = ""
    pid: int = 0
    extra: Mapping[str, str] = field(default_factory=dict)
    max_wait_s: float = 10.0
    most_questions: int = 4096
    registration_ttl_s: float = 5.0
    follower: FollowerLimits = field(default_factory=FollowerLimits)

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigurationError("a read node needs a name")
        if self.max_wait_s <= 0 or self.most_questions < 1 or self.registration_ttl_s <= 0:
            raise ConfigurationError("limits of a read node must be positive")
