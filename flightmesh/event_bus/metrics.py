"""What a bus tells Prometheus; collected when it is asked.

The bus is a hint: losses here cost time, never data. They are told so that their cause is found.
"""

from collections.abc import Iterator
from typing import Final

from flightmesh.event_bus.jetstream_settings import JetStreamStatistics
from flightmesh.event_bus.memory import InMemoryEventBus
from flightmesh.runtime.metrics import Sample, counter, gauge

_NAME = "flightmesh_bus"

CONNECTED: Final = gauge(f"{_NAME}_connected", "1 while there is a connection to a server.")
CONNECTIONS: Final = counter(f"{_NAME}_connections", "Connections made.")
PUBLISHED: Final = counter(f"{_NAME}_published", "Entries and heartbeats handed over here.")
DROPPED: Final = counter(
    f"{_NAME}_dropped",
    "Of those published, not sent: no connection, a full queue, or too large.",
)
STORED: Final = counter(f"{_NAME}_stored", "Entries that the stream acknowledged.")
NOT_STORED: Final = counter(
    f"{_NAME}_not_stored",
    "Entries that the stream refused, or of which nothing was heard (unacknowledged).",
    "reason",
)
RECEIVED: Final = counter(f"{_NAME}_received", "Messages handed to subscribers in this process.")
LOST: Final = counter(
    f"{_NAME}_lost", "Messages that a subscriber lost because it read too slowly."
)
MALFORMED: Final = counter(
    f"{_NAME}_malformed", "Messages on the mesh's subjects that are not the mesh's."
)
DEFINITIONS: Final = (
    CONNECTED, CONNECTIONS, PUBLISHED, DROPPED, STORED, NOT_STORED, RECEIVED, LOST, MALFORMED,
)  # fmt: skip


def samples(statistics: JetStreamStatistics, lost: int, *, connected: bool) -> Iterator[Sample]:
    """All values of a bus over JetStream now."""
    yield Sample(CONNECTED, connected)
    yield Sample(CONNECTIONS, statistics.connections)
    yield Sample(PUBLISHED, statistics.published)
    yield Sample(DROPPED, statistics.dropped)
    yield Sample(STORED, statistics.stored)
    yield Sample(NOT_STORED, statistics.refused, ("refused",))
    yield Sample(NOT_STORED, statistics.unacknowledged, ("unacknowledged",))
    yield Sample(RECEIVED, statistics.received)
    yield Sample(LOST, lost)
    yield Sample(MALFORMED, statistics.malformed)


def samples_in_memory(bus: InMemoryEventBus) -> Iterator[Sample]:
    """All values of a bus inside the process now."""
    yield Sample(CONNECTED, True)
    yield Sample(PUBLISHED, bus.published)
    yield Sample(LOST, bus.lost)
