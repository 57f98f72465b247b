"""Counts of requests."""

from collections.abc import Iterator
from typing import Final, final

from flightmesh.runtime.metrics import Histogram, Sample, counter, gauge, histogram

REQUESTS: Final = counter(
    "flightmesh_gateway_requests",
    "Requests answered, by operation (page and none too) and HTTP status.",
    "operation",
    "status",
)
DURATION: Final = histogram(
    "flightmesh_gateway_request_seconds",
    "Time from a request's head to its answer.",
    "operation",
)
UNDER_WAY: Final = gauge("flightmesh_gateway_requests_under_way", "Requests being answered now.")
REFUSED: Final = counter(
    "flightmesh_gateway_requests_refused",
    "Requests refused at once because too many were under way.",
)
DEFINITIONS: Final = (REQUESTS, DURATION, UNDER_WAY, REFUSED)

_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@final
class RequestMetrics:
    """Counts requests by operation; operations are the bindings' names, so their number is bounded.

    Attributes:
        under_way: requests being answered now.
        refused: requests refused because too many were under way.
    """

    def __init__(self) -> None:
        self.under_way = 0
        self.refused = 0
        self._counts: dict[tuple[str, int], int] = {}
        self._durations: dict[str, Histogram] = {}

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Counts one answered request."""
        key = (operation, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        durations = self._durations.get(operation)
        if durations is None:
            durations = self._durations[operation] = Histogram(_BOUNDS_S)
        durations.observe(seconds)

    def samples(self) -> Iterator[Sample]:
        """Everything counted so far."""
        yield Sample(UNDER_WAY, self.under_way)
        yield Sample(REFUSED, self.refused)
        for (operation, status), count in sorted(self._counts.items()):
            yield Sample(REQUESTS, count, (operation, str(status)))
        for operation, durations in sorted(self._durations.items()):
            yield Sample(DURATION, durations, (operation,))
