"""Settings of the gateway."""

from dataclasses import dataclass
from typing import Final

from flightmesh.errors import ConfigurationError

_MAX_PORT: Final = 65535
# Below this, the HTTP server's buffer cannot hold one head.
_MIN_HEAD_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What the gateway needs to know at its start.

    Attributes:
        host: address to listen on; loopback unless callers are identified.
        port: TCP port; 0 takes a free one, which `Gateway.port` tells.
        host_names: names that it may be asked by, besides localhost and addresses in digits; "*" is
            any. Empty: none on loopback, any elsewhere.
        request_timeout_s: how long a request may take if it does not say.
        max_request_timeout_s: the longest that a request may ask for.
        header_timeout_s: how long a connection may take to send a head; also how long it may idle.
        body_timeout_s: how long a request may take to send its body.
        drain_timeout_s: how long `stop` waits for requests under way.
        max_body_bytes: largest request body.
        max_head_bytes: largest request head (line and headers together).
        max_target_bytes: longest path and longest query string.
        max_concurrent_requests: requests under way at once; more are refused with 503.
        backlog: connections the system queues before they are accepted.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    host_names: tuple[str, ...] = ()
    request_timeout_s: float = 10.0
    max_request_timeout_s: float = 60.0
    header_timeout_s: float = 10.0
    body_timeout_s: float = 10.0
    drain_timeout_s: float = 10.0
    max_body_bytes: int = 1 << 20
    max_head_bytes: int = 16 << 10
    max_target_bytes: int = 4 << 10
    max_concurrent_requests: int = 4096
    backlog: int = 1024

    def __post_init__(self) -> None:
        if not 0 <= self.port <= _MAX_PORT:
            raise ConfigurationError(f"port {self.port} is not from 0 to {_MAX_PORT}")
        if self.max_head_bytes < _MIN_HEAD_BYTES:
            raise ConfigurationError(f"max_head_bytes must be at least {_MIN_HEAD_BYTES}")
        if not 0 < self.request_timeout_s <= self.max_request_timeout_s:
            raise ConfigurationError("request_timeout_s must be above 0, at most the maximum")
        for name in ("header_timeout_s", "body_timeout_s", "max_body_bytes", "backlog"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name} must be above 0")
