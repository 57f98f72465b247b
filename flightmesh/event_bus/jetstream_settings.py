"""Settings and counters of the bus over JetStream."""

from dataclasses import dataclass

from flightmesh.event_bus.jetstream_wire import entry_subjects
from flightmesh.event_bus.subscription import DEFAULT_BOUND, DEFAULT_BYTES


@dataclass(frozen=True, slots=True)
class JetStreamSettings:
    """Names, bounds and times.

    Attributes:
        prefix: first part of all subjects; the stream is named for it.
        stream_bytes: size above which the stream drops its oldest entries.
        replicas: servers that keep the stream: 1, 3 or 5.
        duplicate_window_s: seconds for which the stream knows the ids of its messages.
        queue_messages: messages that may wait to be sent, and for each subscriber.
        queue_bytes: sizes together of the entries that may wait likewise.
        ack_s: seconds after which a missing acknowledgement is no longer waited for.
        stuck_s: seconds for which the stream may take nothing before it is replaced.
        ping_s: seconds between two checks that the server answers.
        answer_s: seconds that the server has for an answer.
        retry_s: seconds between two attempts to connect.
    """

    prefix: str = "flightmesh"
    stream_bytes: int = 256 * 1024 * 1024
    replicas: int = 1
    duplicate_window_s: float = 120.0
    queue_messages: int = DEFAULT_BOUND
    queue_bytes: int = DEFAULT_BYTES
    ack_s: float = 2.0
    stuck_s: float = 10.0
    ping_s: float = 5.0
    answer_s: float = 2.0
    retry_s: float = 0.25

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return self.prefix.replace(".", "_").upper()

    @property
    def stream_subjects(self) -> str:
        """Pattern of the subjects that the stream keeps."""
        return entry_subjects(self.prefix)


@dataclass(slots=True)
class JetStreamStatistics:
    """What a bus has seen since it was made.

    Attributes:
        published: messages handed over by this process.
        dropped: of these, not sent: no connection, full queue, or larger than the server takes.
        stored: entries that the stream acknowledged.
        duplicates: of these, those it had already.
        refused: entries that the stream did not take (disk full, no stream, no JetStream).
        unacknowledged: entries of which nothing was heard; they may be in the stream.
        received: messages handed to subscribers.
        lost: messages that some subscriber lost because it read too slowly.
        malformed: messages on our subjects that are not ours.
        connections: connections made.
    """

    published: int = 0
    dropped: int = 0
    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    unacknowledged: int = 0
    received: int = 0
    lost: int = 0
    malformed: int = 0
    connections: int = 0
