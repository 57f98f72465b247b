"""Counts of requests, in the Prometheus text format."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@final
class RequestMetrics:
    """Counts requests by operation; operations are the bindings' names, so their number is bounded.

    Attributes:
        under_way: requests being answered now.
    """

    def __init__(self) -> None:
        self.under_way = 0
        self._counts: dict[tuple[str, int], int] = {}
        self._durations: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Counts one answered request."""
        key = (operation, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        buckets = self._durations.get(operation)
        if buckets is None:
            buckets = self._durations[operation] = [0] * (len(_BOUNDS_S) + 1)
            self._seconds[operation] = 0.0
        buckets[bisect_left(_BOUNDS_S, seconds)] += 1
        self._seconds[operation] += seconds

    def text(self) -> bytes:
        """Everything counted so far."""
        return ("\n".join(self._lines()) + "\n").encode()

    def _lines(self) -> Iterator[str]:
        name = "flightmesh_gateway_requests_under_way"
        yield f"# TYPE {name} gauge"
        yield f"{name} {self.under_way}"
        name = "flightmesh_gateway_requests_total"
        yield f"# TYPE {name} counter"
        for (operation, status), count in sorted(self._counts.items()):
            yield f'{name}{{operation="{operation}",status="{status}"}} {count}'
        name = "flightmesh_gateway_request_seconds"
        yield f"# TYPE {name} histogram"
        for operation, buckets in sorted(self._durations.items()):
            total = 0
            for bound, count in zip((*_BOUNDS_S, "+Inf"), buckets, strict=True):
                total += count
                yield f'{name}_bucket{{operation="{operation}",le="{bound}"}} {total}'
            yield f'{name}_sum{{operation="{operation}"}} {self._seconds[operation]:.6f}'
            yield f'{name}_count{{operation="{operation}"}} {total}'
