"""Which ports the processes of a cluster listen on: chosen once, kept in the data directory.

Ports that nobody asked for are taken below those that the system gives to outgoing connections:
one of those could be in use when a process that was killed starts again. Where two clusters look
for ports depends on their folders, so that they seldom look at the same ones.
"""

import socket
import zlib
from pathlib import Path
from typing import Final, final

import msgspec

from flightmesh.errors import ConfigurationError
from launcher.servers.process import LOOPBACK
from launcher.whole_files import write_atomically

_FIRST: Final = 20_000
_COUNT: Final = 12_000
_STRIDE: Final = 64


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a program can listen on a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@final
class PortBook:
    """Port of each purpose, for example `etcd-1.client`; the same at the next start.

    Args:
        path: file that remembers them.
        reserved: ports that were asked for, so that nobody gets them by chance.
    """

    def __init__(self, path: Path, reserved: frozenset[int] = frozenset()) -> None:
        self._path = path
        self._reserved = reserved
        self._ports: dict[str, int] = self._read()
        self._given: set[int] = set()
        self._next = zlib.crc32(bytes(path)) % (_COUNT // _STRIDE) * _STRIDE

    def fixed(self, purpose: str) -> int:
        """A port that its owner has written into its data, so that it cannot change any more.

        Raises:
            ConfigurationError: another program listens on it.
        """
        port = self._ports.get(purpose)
        if port is None:
            return self.kept(purpose)
        if not is_free(port):
            raise ConfigurationError(
                f"port {port}, which is {purpose}'s in this cluster, is in use by another program;"
                " end that program first"
            )
        self._given.add(port)
        return port

    def kept(self, purpose: str) -> int:
        """A port that stays the same as long as nobody else has taken it meanwhile."""
        port = self._ports.get(purpose)
        if port is None or port in self._taken() or not is_free(port):
            port = self._find()
        self._ports[purpose] = port
        self._given.add(port)
        return port

    def after(self, port: int, host: str) -> int:
        """The first free port after another one; not remembered.

        Raises:
            ConfigurationError: there is none.
        """
        for candidate in range(port + 1, 65_536):
            if candidate not in self._taken() and is_free(candidate, host):
                self._given.add(candidate)
                return candidate
        raise ConfigurationError(f"there is no free port after {port}")

    def save(self) -> None:
        """Writes down what was chosen."""
        write_atomically(self._path, msgspec.json.encode(self._ports, order="sorted"))

    def _taken(self) -> set[int]:
        return self._given | self._reserved

    def _find(self) -> int:
        remembered = set(self._ports.values())
        for step in range(_COUNT):
            port = _FIRST + (self._next + step) % _COUNT
            if port not in remembered and port not in self._taken() and is_free(port):
                self._next = (self._next + step + 1) % _COUNT
                return port
        raise ConfigurationError(f"no port from {_FIRST} to {_FIRST + _COUNT - 1} is free")

    def _read(self) -> dict[str, int]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, int])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as error:
            raise ConfigurationError(f"{self._path}: {error}") from None
