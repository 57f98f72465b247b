"""The members of an etcd cluster as seen by a client: one is used, the others stand by.

Each endpoint has channels of its own and the choice among them is made here, not by gRPC: a member
that is cut off from its cluster keeps its connections and fails every request, which gRPC would
not take for a reason to leave it.
"""

from collections.abc import Sequence
from typing import Final, final

import grpc

from flightmesh.api.etcd.v3 import rpc_service_pb2_grpc as services
from flightmesh.errors import ConfigurationError
from flightmesh.registry.etcd_driver import Etcd3Client

# A member without a leader answers so at once instead of letting a request wait or a watch be mute.
REQUIRE_LEADER: Final = (("hasleader", "true"),)

# etcd closes connections that ping more often than each 5 s. Without ping_timeout a frozen peer
# keeps its connection for a minute; without max_pings_without_data the pings soon stop.
_CHANNEL_OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 6_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.http2.ping_timeout_ms", 2_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
)


@final
class EtcdEndpoint:
    """One member.

    Attributes:
        address: host:port.
        client: etcd3's client, whose calls block: for threads only.
        kv: stub for the event loop.
        lease: stub for the event loop.
        watch: stub for the event loop.
    """

    def __init__(self, address: str, call_timeout_s: float) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ConfigurationError(f"etcd endpoint {address!r} is not host:port")
        self.address = address
        self.client = Etcd3Client(
            host, int(port), timeout=call_timeout_s, grpc_options=_CHANNEL_OPTIONS
        )
        self.client.metadata = REQUIRE_LEADER
        self._channel = grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS)
        self.kv = services.KVStub(self._channel)  # type: ignore[no-untyped-call]
        self.lease = services.LeaseStub(self._channel)  # type: ignore[no-untyped-call]
        self.watch = services.WatchStub(self._channel)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Closes the connections; calls under way fail."""
        await self._channel.close()
        self.client.close()


@final
class EtcdEndpoints:
    """Which member is used now.

    Args:
        addresses: host:port of each member; the first is used first.
        call_timeout_s: seconds that etcd3 gives each of its calls.

    Raises:
        ConfigurationError: there is no address, or one is malformed.
    """

    def __init__(self, addresses: Sequence[str], call_timeout_s: float) -> None:
        if not addresses:
            raise ConfigurationError("etcd has no endpoints")
        self._members = [EtcdEndpoint(address, call_timeout_s) for address in addresses]
        self._turn = 0

    def __len__(self) -> int:
        return len(self._members)

    @property
    def current(self) -> EtcdEndpoint:
        """The member that is used now."""
        return self._members[self._turn]

    def leave(self, failed: EtcdEndpoint) -> None:
        """Goes on to the next member, unless another call that failed has done so already."""
        if self.current is failed:
            self._turn = (self._turn + 1) % len(self._members)

    async def close(self) -> None:
        """Closes all connections."""
        for member in self._members:
            await member.close()
