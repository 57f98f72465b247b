"""A connection of the driver that lets requests wait for the socket instead of refusing them."""

from typing import final

from cassandra.io.libevreactor import LibevConnection


@final
class PatientConnection(LibevConnection):  # type: ignore[misc]
    """Queues what the socket does not take at once.

    The driver (3.30) refuses a request on a full socket with ConnectionBusy, and keeps the stream
    id that it has borrowed for it. Each refusal so costs the connection one of its 32,768 streams
    for good; with the last one, every request waits in vain until the process is started again.
    How much may wait is bounded by the requests that are under way at once, and a server that
    takes nothing for long is found out by the heartbeat.
    """

    @property
    def _socket_writable(self) -> bool:
        return True

    @_socket_writable.setter
    def _socket_writable(self, value: bool) -> None:
        """What the driver notes is not asked for."""
