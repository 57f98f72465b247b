"""A proxy for Cassandra's native protocol that spoils chosen requests: a lost answer, an error.

It reads whole frames (version 4: nine bytes of header, then the body), counts the requests that
carry data statements, and treats the next of them as `plan` says.
"""

import asyncio
import enum
import struct
from collections import deque
from dataclasses import dataclass, field

_HEADER = struct.Struct(">BBhBI")
_EXECUTE, _BATCH, _ERROR = 0x0A, 0x0D, 0x00
_RESPONSE = 0x84


class Fate(enum.Enum):
    """What becomes of a request."""

    APPLIED_THEN_ERROR = "the server gets it; the client gets an error"
    ERROR = "the server does not get it; the client gets an error"
    APPLIED_THEN_CUT = "the server gets it; the connection ends instead of an answer"
    CUT = "the server does not get it; the connection ends"
    PASSED = "nothing happens to it"
    APPLIED_THEN_SILENCE = "the server gets it; the client gets nothing"


@dataclass(frozen=True)
class Spoiled:
    """One spoiled request.

    Attributes:
        fate: what becomes of it.
        code: error code of the protocol, where there is an error.
        details: what follows code and message in the error's body.
    """

    fate: Fate
    code: int = 0
    details: bytes = b""

    def answer(self, stream: int) -> bytes:
        message = b"spoiled"
        body = struct.pack(">IH", self.code, len(message)) + message + self.details
        return _HEADER.pack(_RESPONSE, 0, stream, _ERROR, len(body)) + body


@dataclass
class CqlProxy:
    """Listens on a free port; passes everything on to the server but what `plan` spoils.

    Attributes:
        host: the server's.
        port: the server's.
        plan: fates of the next requests.
        requests: EXECUTE and BATCH requests that came.
    """

    host: str
    port: int
    plan: deque[Spoiled] = field(default_factory=deque)
    requests: int = 0
    own_port: int = 0

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.own_port = server.sockets[0].getsockname()[1]
        return server

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, to_server = await asyncio.open_connection(self.host, self.port)
        spoiled: dict[int, Spoiled] = {}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._requests(reader, writer, to_server, spoiled))
                group.create_task(self._answers(upstream, writer, spoiled))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            to_server.close()

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        to_server: asyncio.StreamWriter,
        spoiled: dict[int, Spoiled],
    ) -> None:
        while True:
            header, (_, _, stream, operation, length) = await read_header(reader)
            body = await reader.readexactly(length)
            if operation in (_EXECUTE, _BATCH):
                self.requests += 1
                if self.plan:
                    fate = self.plan.popleft()
                    if fate.fate is Fate.ERROR:
                        writer.write(fate.answer(stream))
                        continue
                    if fate.fate is Fate.CUT:
                        raise ConnectionResetError
                    spoiled[stream] = fate
            to_server.write(header + body)

    async def _answers(
        self,
        upstream: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        spoiled: dict[int, Spoiled],
    ) -> None:
        while True:
            header, (_, _, stream, _, length) = await read_header(upstream)
            body = await upstream.readexactly(length)
            fate = spoiled.pop(stream, None)
            if fate is None or fate.fate is Fate.PASSED:
                writer.write(header + body)
            elif fate.fate is Fate.APPLIED_THEN_ERROR:
                writer.write(fate.answer(stream))
            elif fate.fate is Fate.APPLIED_THEN_CUT:
                raise ConnectionResetError


async def read_header(reader: asyncio.StreamReader) -> tuple[bytes, tuple[int, int, int, int, int]]:
    header = await reader.readexactly(_HEADER.size)
    version, flags, stream, operation, length = _HEADER.unpack(header)
    return header, (version, flags, stream, operation, length)
