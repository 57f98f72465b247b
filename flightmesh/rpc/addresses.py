"""Addresses to listen on: whether one can be had, told in words that say what to do."""

import errno
import socket
from typing import Final

from flightmesh.errors import ConfigurationError

_OF_THE_PORT: Final = frozenset({errno.EADDRINUSE, errno.EACCES})


def check_address(host: str, port: int, setting: str) -> None:
    """Binds the address once, without SO_REUSEPORT, and lets it go.

    Servers that share their port by that option would start beside another process that listens,
    and take half of its callers.

    Args:
        host: name or address.
        port: the port; 0 is always free.
        setting: name of the variable that gives the port, for the message.

    Raises:
        ConfigurationError: the port is taken, or the host is none of this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        advice = (
            f"set {setting} to another port"
            if error.errno in _OF_THE_PORT
            else "set FLIGHTMESH_HOST to an address of this machine"
        )
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror}; {advice}"
        ) from None
