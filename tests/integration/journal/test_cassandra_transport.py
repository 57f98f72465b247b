"""A server that does not read for a while costs the connection none of its streams."""

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from cassandra import ConsistencyLevel
from cassandra.connection import DefaultEndPoint
from cassandra.protocol import QueryMessage

from flightmesh.journal.cassandra_transport import PatientConnection

REQUEST_BYTES = 256 * 1024
# More than the sockets of both ends hold on any usual machine.
REQUESTS = 128
STARTUP, OPTIONS = 1, 5
READY, SUPPORTED, RESULT = 2, 6, 8
VOID = struct.pack(">i", 1)


def text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


# A map of lists of texts.
OFFERS = struct.pack(">H", 2) + b"".join((
    text("CQL_VERSION"), struct.pack(">H", 1), text("3.4.7"),
    text("COMPRESSION"), struct.pack(">H", 0),
))  # fmt: skip


class DeafServer:
    """Speaks enough of Cassandra's protocol (version 4) to open a connection, then does not read.

    Attributes:
        listen: set when it shall read again, and answer.
    """

    def __init__(self) -> None:
        self.listen = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.listen.set()
        self._listener.close()
        self._thread.join(30)

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        with peer, peer.makefile("rb") as requests:
            for stream, kind in self._requests(requests):
                if kind == OPTIONS:
                    peer.sendall(frame(stream, SUPPORTED, OFFERS))
                elif kind == STARTUP:
                    peer.sendall(frame(stream, READY, b""))
                    self.listen.wait()
                else:
                    peer.sendall(frame(stream, RESULT, VOID))

    @staticmethod
    def _requests(requests: Any) -> Iterator[tuple[int, int]]:
        while len(head := requests.read(9)) == 9:
            _, _, stream, kind, size = struct.unpack(">BBhBi", head)
            requests.read(size)
            yield stream, kind


def frame(stream: int, kind: int, body: bytes) -> bytes:
    return struct.pack(">BBhBi", 0x84, 0, stream, kind, len(body)) + body


@pytest.fixture
def server() -> Iterator[DeafServer]:
    server = DeafServer()
    yield server
    server.close()


def test_requests_wait_for_a_server_that_does_not_read_and_are_answered(server: DeafServer) -> None:
    PatientConnection.initialize_reactor()
    end = DefaultEndPoint("127.0.0.1", server.port)
    connection = PatientConnection.factory(end, 10, protocol_version=4)
    answered, all_answered = [], threading.Event()

    def answer(response: Any) -> None:
        answered.append(response)
        if len(answered) == REQUESTS:
            all_answered.set()

    try:
        message = QueryMessage("x" * REQUEST_BYTES, ConsistencyLevel.ONE)
        for _ in range(REQUESTS):
            with connection.lock:
                stream = connection.get_request_id()
            connection.send_msg(message, stream, answer)
        assert not answered
        server.listen.set()
        assert all_answered.wait(60)
        assert not connection.is_defunct
    finally:
        connection.close()
