"""OperatorService: steers shards here if this coordinator leads, else passes the call on."""

from collections.abc import Callable
from typing import Any, cast, final

import grpc

from coordinator.coordinator import Coordinator
from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as pb
from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as services
from flightmesh.errors import Unavailable
from flightmesh.rpc.errors import answers_errors, error_of_call

# Marks a call that was passed on once: the receiver answers it or refuses, never passes it on.
_PASSED_ON = "flightmesh-passed-on"
_TIMEOUT_S = 10.0


@final
class OperatorServicer(services.OperatorServiceServicer):
    """Answers operators.

    Args:
        coordinator: this process's coordinator.
        channel: gives the channel to another coordinator.
    """

    def __init__(
        self, coordinator: Coordinator, channel: Callable[[str], grpc.aio.Channel]
    ) -> None:
        self._coordinator = coordinator
        self._channel = channel

    def add_to(self, server: grpc.aio.Server) -> None:
        """Registers the service with a server that has not started."""
        register: Any = services.add_OperatorServiceServicer_to_server
        register(self, server)

    @answers_errors
    async def MoveShard(  # noqa: N802 - named by the proto
        self, request: pb.MoveShardRequest, context: Any
    ) -> pb.MoveShardResponse:
        """Begins a planned move of one shard."""
        if self._coordinator.leader is None:
            return cast(pb.MoveShardResponse, await self._pass_on("MoveShard", request, context))
        epoch = await self._coordinator.move_shard(request.shard, request.node)
        return pb.MoveShardResponse(epoch=epoch)

    @answers_errors
    async def DrainNode(  # noqa: N802 - named by the proto
        self, request: pb.DrainNodeRequest, context: Any
    ) -> pb.DrainNodeResponse:
        """Begins to move all shards off a node."""
        if self._coordinator.leader is None:
            return cast(pb.DrainNodeResponse, await self._pass_on("DrainNode", request, context))
        shards_left = await self._coordinator.drain_node(request.node)
        return pb.DrainNodeResponse(shards_left=shards_left)

    @answers_errors
    async def UndrainNode(  # noqa: N802 - named by the proto
        self, request: pb.UndrainNodeRequest, context: Any
    ) -> pb.UndrainNodeResponse:
        """Lets a node take shards again."""
        if self._coordinator.leader is None:
            answer = await self._pass_on("UndrainNode", request, context)
            return cast(pb.UndrainNodeResponse, answer)
        was_draining = await self._coordinator.undrain_node(request.node)
        return pb.UndrainNodeResponse(was_draining=was_draining)

    @answers_errors
    async def Rebalance(  # noqa: N802 - named by the proto
        self, request: pb.RebalanceRequest, context: Any
    ) -> pb.RebalanceResponse:
        """Begins to share the shards out evenly, or only tells the way there."""
        if self._coordinator.leader is None:
            return cast(pb.RebalanceResponse, await self._pass_on("Rebalance", request, context))
        planned = self._coordinator.rebalance(dry_run=request.dry_run)
        return pb.RebalanceResponse(
            moves=[
                pb.PlannedMove(shard=move.shard, from_node=move.from_node, to_node=move.to_node)
                for move in planned.moves
            ],
            under_way=planned.under_way,
            at_once=planned.at_once,
        )

    async def _pass_on(self, method: str, request: Any, context: Any) -> Any:
        if any(key == _PASSED_ON for key, _ in context.invocation_metadata() or ()):
            raise Unavailable("this coordinator has just lost its leadership")
        address = await self._coordinator.leader_address()
        if not address:
            raise Unavailable("no coordinator leads just now")
        stub = cast(Any, services.OperatorServiceStub)(self._channel(address))
        remaining_s = context.time_remaining()
        try:
            return await getattr(stub, method)(
                request,
                timeout=_TIMEOUT_S if remaining_s is None else remaining_s,
                metadata=((_PASSED_ON, "1"),),
            )
        except grpc.aio.AioRpcError as error:
            raise error_of_call(error) from None
