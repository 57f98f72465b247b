"""Reading what a process tells Prometheus, for tests."""

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from flightmesh.runtime.metrics import NODE
from flightmesh.runtime.metrics_server import exposition


def told(registry: CollectorRegistry, node: str | None = None) -> dict[str, float]:
    """What a registry tells now, read back; see `read_exposition`."""
    return read_exposition(exposition(registry).decode(), node)


def read_exposition(text: str, node: str | None = None) -> dict[str, float]:
    """Sample → value.

    Args:
        text: in the Prometheus text format.
        node: only the samples of that service; their label is left out. None for all as they are.

    Returns:
        By name and sorted labels, `name{a="x",b="y"}`, or `name` where there are none.

    Raises:
        ValueError: the text cannot be read, or a sample is told twice.
    """
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            if node is not None and labels.pop(NODE, None) != node:
                continue
            inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
            key = f"{sample.name}{{{inside}}}" if inside else sample.name
            if key in values:
                raise ValueError(f"{key} is told twice")
            values[key] = sample.value
    return values
