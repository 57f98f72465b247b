"""What a coordinator counts while it works; plain numbers, told by `coordinator.metrics`.

One object per coordinator: it outlives leaderships, so that counters never go back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

from flightmesh.runtime.metrics import Histogram
from flightmesh.sharding.shard_map import ShardAssignment, ShardState


@final
@dataclass(slots=True)
class CoordinatorCounters:
    """Counters of one coordinator.

    Attributes:
        elected: leaderships begun.
        lost: leaderships that ended before their coordinator.
        steps_s: seconds that the leader's steps took.
        put_off: steps put off because registry or store could not be reached.
        rows: rows of the map written, by the state they got.
        suspected: sessions that were to be fenced.
        sealed: ledgers sealed.
    """

    elected: int = 0
    lost: int = 0
    steps_s: Histogram = field(default_factory=Histogram)
    put_off: int = 0
    rows: dict[ShardState, int] = field(default_factory=lambda: dict.fromkeys(ShardState, 0))
    suspected: int = 0
    sealed: int = 0

    def written(self, rows: Iterable[ShardAssignment]) -> None:
        """Rows of the map were written."""
        for row in rows:
            self.rows[row.state] += 1
