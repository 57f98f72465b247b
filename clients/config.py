"""Settings of a client: which servers, how long to wait, who acts.

The environment counts in `ClientConfig.from_env` only.
"""

from dataclasses import dataclass
from typing import Final, Self

from flightmesh.errors import ConfigurationError
from flightmesh.runtime import settings

SERVER_VARIABLE: Final = "FLIGHTMESH_SERVER"
DEFAULT_SERVER: Final = "127.0.0.1:8081"


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """Settings of a client.

    Attributes:
        servers: gRPC addresses (host:port, DNS names allowed); any of them will do.
        timeout_s: deadline of a call unless the call names its own.
        patience_s: how long calls are tried again while no server can be reached.
        transfer_timeout_s: deadline of a whole import or export.
        silence_timeout_s: an import or export without any message for so long is given up.
        read_your_writes: queries wait until they see everything this client has seen.
        actor: who acts; kept with the events of every command.
        source: program that sends; kept with the events of every command.
    """

    servers: tuple[str, ...]
    timeout_s: float = 10.0
    patience_s: float = 3.0
    transfer_timeout_s: float = 6 * 3600.0
    silence_timeout_s: float = 60.0
    read_your_writes: bool = True
    actor: str = ""
    source: str = "python-client"

    def __post_init__(self) -> None:
        if not self.servers:
            raise ConfigurationError("server: name at least one host:port")
        for name in ("timeout_s", "patience_s", "transfer_timeout_s", "silence_timeout_s"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name}: must be more than 0 seconds")

    @classmethod
    def from_env(cls, server: str = "", **others: float | str | bool) -> Self:
        """Settings with the servers of FLIGHTMESH_SERVER, unless `server` names them.

        Raises:
            ConfigurationError: an address is not host:port, or a setting is out of range.
        """
        text = server or settings.read(SERVER_VARIABLE, DEFAULT_SERVER, str)
        return cls(parse_servers(text), **others)  # type: ignore[arg-type]


def parse_servers(text: str) -> tuple[str, ...]:
    """The addresses in a comma-separated list of host:port; IPv6 hosts stand in brackets.

    Raises:
        ConfigurationError: a part is not host:port.
    """
    servers = tuple(dict.fromkeys(settings.comma_separated(text)))
    if not servers:
        raise ConfigurationError("server: name at least one host:port")
    for server in servers:
        _check_server(server)
    return servers


def _check_server(server: str) -> None:
    host, colon, port = server.rpartition(":")
    bare_ipv6 = ":" in host and not (host.startswith("[") and host.endswith("]"))
    right_port = port.isascii() and port.isdecimal() and 1 <= int(port) <= 65535
    if not (host and colon and right_port) or bare_ipv6 or any(c in host for c in " /@"):
        raise ConfigurationError(
            f"server: {server[:80]!r} is not host:port, for example {DEFAULT_SERVER}"
        )
