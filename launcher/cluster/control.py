"""What other shells ask a running launcher: a Unix socket in the data directory.

One request per connection, a line of JSON: {"do": "start", "names": ["shard-1"]}. The answer is
lines of JSON: {"say": text} for each step, and {"done": true} or {"error": text, "reason": text}
at the end.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, final

import msgspec

from flightmesh.errors import FlightmeshError, Refused, Unavailable

_SOCKET: Final = "control.sock"
_REQUEST_S: Final = 5.0

Say = Callable[[str], None]
Handler = Callable[["Request", Say], Awaitable[None]]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for.

    Attributes:
        do: start or stop.
        names: the processes.
    """

    do: Literal["start", "stop"]
    names: tuple[str, ...]


@final
class ControlServer:
    """Answers other shells.

    Args:
        directory: the cluster's folder.
        handle: does what is asked for; told what to say meanwhile; raises FlightmeshError.
    """

    def __init__(self, directory: Path, handle: Handler) -> None:
        self._directory = directory
        self._handle = handle
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begins to answer."""
        (self._directory / _SOCKET).unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        with _short(self._directory) as path:
            listening.bind(path)
        (self._directory / _SOCKET).chmod(0o600)
        self._server = await asyncio.start_unix_server(self._answer, sock=listening)

    async def stop(self) -> None:
        """Ends. Requests under way are not waited for."""
        if self._server is not None:
            self._server.close()
        (self._directory / _SOCKET).unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def tell(line: dict[str, Any]) -> None:
            # A caller that has gone away does not stop what it has asked for.
            if not writer.is_closing():
                writer.write(msgspec.json.encode(line) + b"\n")

        try:
            async with asyncio.timeout(_REQUEST_S):
                line = await reader.readline()
            request = msgspec.json.decode(line, type=Request)
            await self._handle(request, lambda text: tell({"say": text}))
            tell({"done": True})
        except (msgspec.MsgspecError, TimeoutError, ValueError) as error:
            tell({"error": f"no request: {error}", "reason": "INVALID_INPUT"})
        except FlightmeshError as error:
            tell({"error": error.message, "reason": error.reason})
        finally:
            with suppress(OSError):
                writer.close()


def ask(directory: Path, do: Literal["start", "stop"], names: Sequence[str], say: Say) -> None:
    """Asks the launcher of a folder and waits until it is done.

    Raises:
        Refused: the launcher refuses, or nobody runs a cluster there.
        Unavailable: it was tried, and has failed.
    """
    with _connected(directory) as connection:
        connection.sendall(msgspec.json.encode(Request(do, tuple(names))) + b"\n")
        with connection.makefile("rb") as answers:
            for line in answers:
                answer = msgspec.json.decode(line, type=dict[str, Any])
                if "say" in answer:
                    say(answer["say"])
                elif "error" in answer:
                    raise _error(answer["reason"], answer["error"])
                else:
                    return
    raise Unavailable("the launcher has ended meanwhile")


def _error(reason: str, text: str) -> FlightmeshError:
    return Unavailable(text) if reason == Unavailable.reason else Refused(reason, text)


@contextmanager
def _connected(directory: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            with _short(directory) as path:
                connection.connect(path)
        except OSError:
            raise Refused("NO_CLUSTER", f"no cluster runs in {directory}") from None
        yield connection


@contextmanager
def _short(directory: Path) -> Iterator[str]:
    """A path of the socket that fits into a socket's address, however deep the folder is."""
    folder = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{_SOCKET}"
    finally:
        os.close(folder)
