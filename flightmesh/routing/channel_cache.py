"""One gRPC channel per address, kept open."""

from collections import OrderedDict
from collections.abc import Callable
from typing import final

import grpc

from flightmesh.rpc.channels import open_channel
from flightmesh.runtime.tasks import TaskOwner


@final
class ChannelCache:
    """Opens channels when they are first asked for; beyond a bound, closes the longest unused.

    Of those that are connected none is closed as long as others are there. A channel without calls
    is not connected after half an hour: ask for it again for each call.

    Args:
        tasks: owns the closing of channels that fell out of the cache.
        open_: opens a channel to host:port.
        limit: channels kept open.
    """

    def __init__(
        self,
        tasks: TaskOwner,
        open_: Callable[[str], grpc.aio.Channel] = open_channel,
        limit: int = 256,
    ) -> None:
        self._tasks = tasks
        self._open = open_
        self._limit = limit
        self._channels: OrderedDict[str, grpc.aio.Channel] = OrderedDict()

    def get(self, address: str) -> grpc.aio.Channel:
        """The channel to an address; it connects by itself, again and again."""
        channel = self._channels.get(address)
        if channel is None:
            channel = self._channels[address] = self._open(address)
            if len(self._channels) > self._limit:
                oldest = self._channels.pop(self._least_needed(address))
                self._tasks.start(oldest.close(grace=5.0), "close-channel")
        else:
            self._channels.move_to_end(address)
        return channel

    def _least_needed(self, new: str) -> str:
        """The longest unused address, of those without a connection if there are any."""
        others = [address for address in self._channels if address != new]
        for address in others:
            if self._channels[address].get_state() is not grpc.ChannelConnectivity.READY:
                return address
        return others[0]

    async def close(self) -> None:
        """Closes all channels; calls under way fail."""
        while self._channels:
            _, channel = self._channels.popitem()
            await channel.close()
