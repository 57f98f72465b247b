"""Counts and latencies of one run, and what is told of them."""

import math
import time
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

from flightmesh.clock import Clock


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run gave.

    Attributes:
        name: what was measured.
        callers: requests under way at once, at most.
        operations: commands or queries answered rightly.
        requests: replies they came in; fewer than operations where they are sent in batches.
        failures: callers that were ended by a failed or wrong reply.
        first_failure: what the first of them met; empty if none.
        seconds: length of the run.
        operations_per_s: operations / seconds.
        p50_ms: median latency of a request, nearest rank.
        p99_ms: 99th percentile.
        max_ms: longest.
        generator_cpu_s: processor time of this process, user and system.
    """

    name: str
    callers: int
    operations: int
    requests: int
    failures: int
    first_failure: str
    seconds: float
    operations_per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    generator_cpu_s: float

    def row(self) -> dict[str, Any]:
        """The measurement for JSON, with figures rounded to what they are worth."""
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of ascending values; 0 if there are none."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@final
class Recorder:
    """Takes the replies of a run and says when it is over.

    Args:
        clock: for latencies and the end.
        operations: so many operations at most.
        seconds: so long at most.
    """

    def __init__(self, clock: Clock, operations: int, seconds: float) -> None:
        self._clock = clock
        self._left = operations
        self._started = self.now = clock.monotonic_s()
        self._ended = self._started
        self._deadline = self._started + seconds
        self._cpu_started = time.process_time()
        self._latencies = array("d")
        self._operations = 0
        self._failures = 0
        self._first_failure = ""

    def take(self, operations: int = 1) -> bool:
        """Whether so many more operations may be sent; notes the time in `now`."""
        self.now = self._clock.monotonic_s()
        if self._left < operations or self.now >= self._deadline:
            return False
        self._left -= operations
        return True

    def answered(self, sent_at: float, operations: int = 1) -> None:
        """Notes a right reply to a request sent at that monotonic time."""
        self._ended = self._clock.monotonic_s()
        self._latencies.append(self._ended - sent_at)
        self._operations += operations

    def failed(self, why: str) -> None:
        """Notes the end of a caller by a failed or wrong reply."""
        self._failures += 1
        self._first_failure = self._first_failure or why

    def result(self, name: str, callers: int) -> Measurement:
        """What the run gave."""
        ordered = sorted(self._latencies)
        seconds = self._ended - self._started
        return Measurement(
            name=name,
            callers=callers,
            operations=self._operations,
            requests=len(ordered),
            failures=self._failures,
            first_failure=self._first_failure,
            seconds=seconds,
            operations_per_s=self._operations / seconds if seconds else 0.0,
            p50_ms=percentile(ordered, 0.5) * 1000,
            p99_ms=percentile(ordered, 0.99) * 1000,
            max_ms=ordered[-1] * 1000 if ordered else 0.0,
            generator_cpu_s=time.process_time() - self._cpu_started,
        )


class WrongReply(Exception):
    """A reply that does not say what it must."""
