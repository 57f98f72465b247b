"""Everything that one process tells Prometheus: its services, its event loop, CPU and memory."""

from collections.abc import Iterable
from importlib.metadata import version
from platform import python_version
from typing import Final, final

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily, Metric

from flightmesh.clock import Clock
from flightmesh.runtime.metrics import (
    Definition,
    Histogram,
    Samples,
    ServiceMetrics,
    gauge,
    histogram,
)

LOOP_LAG: Final = histogram(
    "flightmesh_event_loop_lag_seconds",
    "How much later than asked for the event loop woke a task that slept for 0.25 s.",
)
BUILD_INFO: Final = gauge(
    "flightmesh_build_info", "Always 1; the labels say what runs.", "version", "python"
)
DEFINITIONS: Final = (LOOP_LAG, BUILD_INFO)

_SLEEP_S: Final = 0.25


@final
class ProcessMetrics:
    """The metrics of one process.

    Args:
        clock: for the lag of the event loop.

    Attributes:
        registry: all of them, for `MetricsServer` and `exposition`.
    """

    def __init__(self, clock: Clock) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._lag = Histogram()
        self._services = ServiceMetrics()
        self.registry.register(self._services)
        self.registry.register(_OwnMetrics(self._lag))
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def add(self, node: str, definitions: Iterable[Definition], samples: Samples) -> None:
        """Adds a service; see `ServiceMetrics.add`."""
        self._services.add(node, definitions, samples)

    async def watch_event_loop(self) -> None:
        """Measures how late the event loop is, until cancelled; a task of the process."""
        while True:
            began_s = self._clock.monotonic_s()
            await self._clock.sleep(_SLEEP_S)
            self._lag.observe(max(0.0, self._clock.monotonic_s() - began_s - _SLEEP_S))


@final
class _OwnMetrics:
    """What belongs to the process and not to a service of it: without the label `node`."""

    def __init__(self, lag: Histogram) -> None:
        self._lag = lag
        self._versions = (version("flightmesh"), python_version())

    def collect(self) -> Iterable[Metric]:
        lag = HistogramMetricFamily(LOOP_LAG.name, LOOP_LAG.meaning, labels=())
        lag.add_metric((), self._lag.cumulative(), self._lag.sum)
        build = GaugeMetricFamily(BUILD_INFO.name, BUILD_INFO.meaning, labels=BUILD_INFO.labels)
        build.add_metric(self._versions, 1)
        return lag, build
