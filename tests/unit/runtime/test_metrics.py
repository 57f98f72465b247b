from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightmesh.clock.virtual import ManualClock
from flightmesh.runtime import process_metrics
from flightmesh.runtime.metrics import Histogram, Sample, counter, gauge, histogram
from flightmesh.runtime.metrics_server import exposition
from flightmesh.runtime.process_metrics import ProcessMetrics
from flightmesh.testing.exposition import told

EATEN = counter("apples_eaten", "Apples eaten.", "colour")
LEFT = gauge("apples_left", "Apples left.")
WEIGHT = histogram("apple_grams", "Weight of an apple.")
DEFINITIONS = (EATEN, LEFT, WEIGHT)


class Basket:
    def __init__(self, eaten: int, left: int) -> None:
        self.eaten = eaten
        self.left = left
        self.weight = Histogram((100.0, 200.0))

    def samples(self) -> Iterator[Sample]:
        yield Sample(EATEN, self.eaten, ("red",))
        yield Sample(LEFT, self.left)
        yield Sample(WEIGHT, self.weight)


@pytest.fixture
def metrics() -> ProcessMetrics:
    return ProcessMetrics(ManualClock())


def test_services_of_one_kind_are_told_apart_in_one_family(metrics: ProcessMetrics) -> None:
    baskets = {"a": Basket(3, 4), "b": Basket(5, 6)}
    for name, basket in baskets.items():
        metrics.add(name, DEFINITIONS, basket.samples)
    for name, basket in baskets.items():
        values = told(metrics.registry, name)
        assert values['apples_eaten_total{colour="red"}'] == basket.eaten
        assert values["apples_left"] == basket.left
    text = exposition(metrics.registry).decode()
    assert text.count("# TYPE apples_left gauge") == 1


def test_values_are_those_of_the_moment_they_are_asked_for(metrics: ProcessMetrics) -> None:
    basket = Basket(0, 9)
    metrics.add("a", DEFINITIONS, basket.samples)
    told(metrics.registry)
    basket.left = 2
    basket.weight.observe(150.0)
    values = told(metrics.registry, "a")
    assert values["apples_left"] == 2
    assert values["apple_grams_count"] == 1


def test_two_metrics_of_one_name_are_refused(metrics: ProcessMetrics) -> None:
    metrics.add("a", DEFINITIONS, Basket(0, 0).samples)
    with pytest.raises(ValueError, match="apples_left"):
        metrics.add("b", [counter("apples_left", "Something else.")], lambda: ())


@given(st.lists(st.floats(0, 1000)), st.lists(st.floats(1, 900), min_size=1, unique=True))
def test_a_histogram_counts_each_value_at_and_above_its_bound(
    values: list[float], bounds: list[float]
) -> None:
    counts = Histogram(sorted(bounds))
    for value in values:
        counts.observe(value)
    for bound, count in counts.cumulative():
        assert count == sum(value <= float(bound) for value in values)
    assert counts.cumulative()[-1] == ("+Inf", len(values))
    assert counts.count == len(values)
    assert counts.sum == pytest.approx(sum(values))


def test_the_process_and_what_runs_in_it_are_told(metrics: ProcessMetrics) -> None:
    names = {sample.partition("{")[0] for sample in told(metrics.registry)}
    assert {
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "python_gc_collections_total",
        process_metrics.BUILD_INFO.name,
        f"{process_metrics.LOOP_LAG.name}_bucket",
    } <= names


async def test_a_late_wake_up_counts_as_lag_of_the_event_loop() -> None:
    class LateClock:
        def __init__(self) -> None:
            self.now_s = 0.0
            self.late_s = [0.0, 0.3]

        def now_us(self) -> int:
            raise AssertionError

        def monotonic_s(self) -> float:
            return self.now_s

        async def sleep(self, seconds: float) -> None:
            if not self.late_s:
                raise InterruptedError
            self.now_s += seconds + self.late_s.pop(0)

    metrics = ProcessMetrics(LateClock())
    with pytest.raises(InterruptedError):
        await metrics.watch_event_loop()
    values = told(metrics.registry)
    name = process_metrics.LOOP_LAG.name
    assert values[f"{name}_count"] == 2
    assert values[f"{name}_sum"] == pytest.approx(0.3)
    assert values[f'{name}_bucket{{le="0.25"}}'] == 1
    assert values[f'{name}_bucket{{le="0.5"}}'] == 2
