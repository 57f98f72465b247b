"""Two shard nodes behind real gRPC servers, with routers between them; the store is in memory."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import grpc
import pytest

from flightmesh.api.shard.v1 import aggregate_service_pb2_grpc as aggregate_services
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.api.shard.v1 import command_service_pb2_grpc as command_services
from flightmesh.api.shard.v1 import shard_control_service_pb2_grpc as control_services
from flightmesh.clock import SystemClock, SystemRandomness, new_command_id
from flightmesh.event_bus.memory import InMemoryEventBus
from flightmesh.journal.memory import InMemoryStore
from flightmesh.registry.memory import InMemoryRegistry
from flightmesh.routing.channel_cache import ChannelCache
from flightmesh.routing.command_router import CommandRouter
from flightmesh.routing.node_client import GrpcNodeClient
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.rpc.server import GrpcServer
from flightmesh.runtime.tasks import TaskOwner
from flightmesh.sharding.shard_map import ShardAssignment, ShardMap, ShardState
from shard_node.bootstrap import ShardNodeService, build_shard_node
from shard_node.config import ShardNodeConfig

SHARDS = 8


class Cluster:
    """The nodes, and stubs to talk to them."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.clock, self.randomness = SystemClock(), SystemRandomness()
        self.store = InMemoryStore()
        self.map = ShardMapCache(ShardMap.of(SHARDS, 1, ()))
        self.services: list[ShardNodeService] = []
        self.addresses: list[str] = []
        self.servers: list[GrpcServer] = []
        self.epoch = 0
        self._bus, self._registry = InMemoryEventBus(), InMemoryRegistry(self.clock)
        self._stack = stack
        self._tasks = TaskOwner("cluster")
        stack.push_async_callback(self._tasks.stop)
        self._channels = ChannelCache(self._tasks)
        stack.push_async_callback(self._channels.close)
        self.router = CommandRouter(
            self.map,
            lambda address: GrpcNodeClient(partial(self._channels.get, address)),
            clock=self.clock,
            randomness=self.randomness,
            tasks=self._tasks,
        )

    async def add_node(self) -> None:
        server = GrpcServer("127.0.0.1:0")
        service = build_shard_node(
            ShardNodeConfig(f"node-{len(self.services)}", "", flush_s=0.05),
            self.store,
            self._bus,
            self._registry,
            clock=self.clock,
            randomness=self.randomness,
            shard_map=self.map,
            router=self.router,
        )
        service.register(server.grpc_server, server.streams)
        address = server.bind()
        await server.start()
        await service.start(address)
        self._stack.push_async_callback(service.stop)
        self._stack.push_async_callback(server.stop, 0.5)
        self.services.append(service)
        self.addresses.append(address)
        self.servers.append(server)

    async def assign(self, number: int, *shards: int) -> None:
        """Gives shards to a node, as a coordinator does."""
        self.epoch += 1
        node = self.services[number].node
        rows = list(self.map.map.assignments)
        for shard in shards:
            rows[shard] = ShardAssignment(
                shard,
                self.epoch,
                node.session.id,
                node.config.name,
                self.addresses[number],
                ShardState.ACTIVE,
            )
        self.map.replace(ShardMap.of(SHARDS, self.map.map.revision + 1, rows))
        await node.assign(node.session.id, [(shard, self.epoch) for shard in shards])

    async def release(self, number: int, *shards: int) -> None:
        node = self.services[number].node
        pairs = [(shard, self.epoch) for shard in shards]
        released = await node.release(node.session.id, pairs)
        assert sorted(released) == sorted(pairs)

    def channel(self, number: int) -> grpc.aio.Channel:
        return self._channels.get(self.addresses[number])

    def commands(self, number: int = 0) -> Any:
        stub: Any = command_services.CommandServiceStub
        return stub(self.channel(number))

    def aggregates(self, number: int = 0) -> Any:
        stub: Any = aggregate_services.AggregateServiceStub
        return stub(self.channel(number))

    def control(self, number: int = 0) -> Any:
        stub: Any = control_services.ShardControlServiceStub
        return stub(self.channel(number))

    def request(self, **fields: Any) -> pb.ExecuteRequest:
        command_id = new_command_id(self.clock, self.randomness)
        return pb.ExecuteRequest(**{"schedule": "s05", "command_id": command_id, **fields})

    def add_leg(self, rotation: str, hour: int, **fields: Any) -> pb.ExecuteRequest:
        leg = {
            "carrier": "XX",
            "flight_number": hour % 9999 + 1,
            "day_of_origin": "2005-06-14",
            "departure_airport": "MRS",
            "arrival_airport": "CDG",
            "departure_time": {"seconds": 1_118_707_200 + hour * 3600},
            "arrival_time": {"seconds": 1_118_707_200 + hour * 3600 + 3000},
        }
        return self.request(aggregate_id=rotation, add_leg={"leg": leg}, **fields)

    async def create(self, rotations: int = 1) -> list[str]:
        await self.commands().Execute(self.request(create_schedule={}), timeout=5)
        requests = [self.request(create_rotation={"name": f"r{n}"}) for n in range(rotations)]
        answer = await self.commands().ExecuteBatch(
            pb.ExecuteBatchRequest(requests=requests), timeout=5
        )
        return [result.response.aggregate_id for result in answer.results]


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        made = Cluster(stack)
        for _ in range(2):
            await made.add_node()
        await made.assign(0, *range(0, SHARDS, 2))
        await made.assign(1, *range(1, SHARDS, 2))
        yield made
