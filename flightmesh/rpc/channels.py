"""gRPC channels as every Flightmesh process and client opens them."""

from typing import Any, Final

import grpc

# A frozen peer is noticed after keepalive_time + ping_timeout; see flightmesh.rpc.server.
# local_subchannel_pool: channels to one address must not share one connection, so that closing a
# cached channel is the end of its connection.
_OPTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 1_000),
    ("grpc.http2.ping_timeout_ms", 2_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to one address (host:port); it connects when first used and again when broken."""
    return grpc.aio.insecure_channel(address, options=_OPTIONS)
