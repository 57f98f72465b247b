"""What services measure: definitions, values, and how they get to Prometheus.

Services count in plain numbers where they work, and tell them when they are asked (a scrape every
few seconds), because a counter object of a library would cost more than what it counts. Several
services of one kind may live in one process: their samples are told apart by the label `node`.
"""

import enum
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, final

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

NODE: Final = "node"
"""Label that every metric of a service carries: the service's name."""

SECONDS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0,
)  # fmt: skip
"""Bounds for durations, from a lookup in memory to the longest deadline."""


class Kind(enum.Enum):
    """How values of a metric are to be read."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric.

    Attributes:
        name: without the suffixes that Prometheus adds (_total, _bucket, _sum, _count).
        kind: counter, gauge or histogram.
        meaning: what it says, in a sentence.
        labels: names of its labels, without `node`.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()


def counter(name: str, meaning: str, *labels: str) -> Definition:
    """A number that only grows."""
    return Definition(name, Kind.COUNTER, meaning, labels)


def gauge(name: str, meaning: str, *labels: str) -> Definition:
    """A number as it is now."""
    return Definition(name, Kind.GAUGE, meaning, labels)


def histogram(name: str, meaning: str, *labels: str) -> Definition:
    """A distribution."""
    return Definition(name, Kind.HISTOGRAM, meaning, labels)


@final
class Histogram:
    """Counts values by size; made for hot paths.

    Args:
        bounds: upper bounds, ascending; larger values are counted apart.

    Attributes:
        bounds: see above.
        counts: values per bound, the larger ones last; not cumulative.
        sum: of all values.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Counts one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """Number of values."""
        return sum(self.counts)

    def cumulative(self) -> list[tuple[str, float]]:
        """(upper bound, number of values up to it), the last bound being +Inf."""
        pairs = []
        total = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            total += count
            pairs.append(("+Inf" if bound == float("inf") else repr(bound), float(total)))
        return pairs


class Sample(NamedTuple):
    """One value of a metric.

    Attributes:
        definition: the metric.
        value: a number, or the histogram.
        labels: values of its labels, in the definition's order.
    """

    definition: Definition
    value: float | Histogram
    labels: tuple[str, ...] = ()


Samples = Callable[[], Iterable[Sample]]


@final
class ServiceMetrics:
    """The metrics of all services of a process, as a collector of prometheus_client."""

    def __init__(self) -> None:
        self._definitions: dict[str, Definition] = {}
        self._sources: list[tuple[str, Samples]] = []

    def add(self, node: str, definitions: Iterable[Definition], samples: Samples) -> None:
        """Adds a service.

        Args:
            node: its name.
            definitions: its metrics; services of one kind share them.
            samples: tells their values now; those that have none are left out.

        Raises:
            ValueError: another metric has one of the names.
        """
        for definition in definitions:
            if self._definitions.setdefault(definition.name, definition) != definition:
                raise ValueError(f"two metrics are named {definition.name}")
        self._sources.append((node, samples))

    def describe(self) -> list[Metric]:
        """The metrics without values; prometheus_client compares the names of all collectors."""
        return [_family(definition) for definition in self._definitions.values()]

    def collect(self) -> list[Metric]:
        """The metrics with their values."""
        families = {name: _family(definition) for name, definition in self._definitions.items()}
        for node, samples in self._sources:
            for definition, value, labels in samples():
                _add(families[definition.name], (node, *labels), value)
        return list(families.values())


def _family(definition: Definition) -> Metric:
    name, meaning, labels = definition.name, definition.meaning, (NODE, *definition.labels)
    match definition.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(name, meaning, labels=labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(name, meaning, labels=labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(name, meaning, labels=labels)


def _add(family: Metric, labels: Sequence[str], value: float | Histogram) -> None:
    if isinstance(family, HistogramMetricFamily):
        assert isinstance(value, Histogram), family.name
        family.add_metric(labels, value.cumulative(), value.sum)
    else:
        assert isinstance(family, CounterMetricFamily | GaugeMetricFamily)
        assert not isinstance(value, Histogram), family.name
        family.add_metric(labels, value)
