"""What a read node counts of its queries; plain numbers, told by `read_node.metrics`."""

from collections import defaultdict
from typing import Final, final

from flightmesh.runtime.metrics import Histogram

_BOUNDS_S: Final = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
    2.5, 5.0, 10.0,
)  # fmt: skip


@final
class QueryCounters:
    """Counters of one node's queries. Methods are the rpcs' names.

    Attributes:
        seconds: time of each call, its wait for a position included, by method.
        failed: calls that ended with an error, by method.
        batched: queries that came in batches.
        batched_failed: of these, those answered with an error.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(_BOUNDS_S))
        self.failed: defaultdict[str, int] = defaultdict(int)
        self.batched = 0
        self.batched_failed = 0
