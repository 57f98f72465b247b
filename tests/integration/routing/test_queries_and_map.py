"""Queries to read nodes, and the map followed over gRPC and in the registry."""

import asyncio
from typing import Any

import grpc
import pytest

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as map_pb
from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as map_services
from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.api.shard.v1 import shard_control_service_pb2 as control_pb
from flightmesh.api.shard.v1 import shard_control_service_pb2_grpc as control_services
from flightmesh.errors import Refused, Unavailable
from flightmesh.registry import Delete, Put
from flightmesh.routing.followers import follow_endpoints, follow_registry
from flightmesh.routing.node_directory import (
    NodeDirectory,
    follow_nodes_in_registry,
    follow_nodes_of_endpoints,
)
from flightmesh.routing.query_router import PositionTracker
from flightmesh.routing.shard_map_cache import ShardMapCache
from flightmesh.sharding.shard_map import (
    CONSTANTS_KEY,
    FIRST_SESSION,
    MeshConstants,
    NodeRegistration,
    NodeRole,
    ShardAssignment,
    ShardState,
    encode_assignment,
    encode_constants,
    encode_registration,
    map_key,
    registration_key,
)

Mesh = Any


def query() -> pb.Query:
    return pb.Query(list_legs=pb.ListLegsRequest(schedule="s1"))


async def _until(cache: ShardMapCache, condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await cache.wait_change(cache.version, 0.2)


async def test_concurrent_queries_share_batches_and_are_answered_in_the_asked_encoding(
    mesh: Mesh,
) -> None:
    node = await mesh.node()
    router = mesh.queries()

    results = await asyncio.gather(
        *(router.query(query(), 5.0, pb.REPLY_FORMAT_JSON) for _ in range(100))
    )

    assert {result.reply for result in results} == {b"{}"}
    assert len(node.batches) < 15


async def test_equal_queries_travel_once_per_batch_and_every_caller_gets_its_own_answer(
    mesh: Mesh,
) -> None:
    node = await mesh.node()
    router = mesh.queries()
    asked = [f"s{number % 3}" for number in range(90)]

    async def ask(schedule: str) -> bytes:
        query = pb.Query(list_legs=pb.ListLegsRequest(schedule=schedule))
        return bytes((await router.query(query, 5.0)).reply)

    replies = await asyncio.gather(*(ask(schedule) for schedule in asked))

    alone = {schedule: await ask(schedule) for schedule in set(asked)}
    assert len(set(alone.values())) == 3
    assert replies == [alone[schedule] for schedule in asked]
    assert max(node.batches) <= 3


async def test_queries_are_spread_over_the_read_nodes(mesh: Mesh) -> None:
    nodes = [await mesh.node() for _ in range(2)]
    router = mesh.queries()
    for _ in range(20):
        await router.query(query(), 5.0)
    assert [len(node.queries) for node in nodes] == [10, 10]


async def test_a_query_is_repeated_elsewhere_if_its_read_node_fails(mesh: Mesh) -> None:
    broken, other = await mesh.node(), await mesh.node()
    await broken.server.stop(0)
    router = mesh.queries()
    for _ in range(6):
        await router.query(query(), 5.0)
    assert len(other.queries) == 6

    other.query_error = Unavailable("catching up")
    with pytest.raises(Unavailable):
        await router.query(query(), 0.2)


async def test_a_refused_query_is_told(mesh: Mesh) -> None:
    node = await mesh.node()
    node.query_error = Refused("SCHEDULE_NOT_FOUND", "no such schedule")
    with pytest.raises(Refused):
        await mesh.queries().query(query(), 5.0)
    assert len(node.queries) == 1


async def test_without_read_nodes_a_query_ends_in_unavailable(mesh: Mesh) -> None:
    with pytest.raises(Unavailable):
        await mesh.queries().query(query(), 0.1)


async def test_the_highest_position_seen_is_carried_along(mesh: Mesh) -> None:
    node = await mesh.node()
    positions = PositionTracker()
    router = mesh.queries(positions)

    await router.query(query(), 5.0)
    positions.observe("9:4")
    await router.query(query(), 5.0)
    explicit = query()
    explicit.list_legs.min_position = "3:3"
    await router.query(explicit, 5.0)

    carried = [asked.list_legs.min_position for asked in node.queries]
    assert carried == ["", "7:1,9:4", "3:3"]


async def test_queries_that_wait_for_a_position_do_not_hold_up_the_others(mesh: Mesh) -> None:
    node = await mesh.node()
    router = mesh.queries()
    node.gate.clear()
    waiting = query()
    waiting.list_legs.min_position = "99:1"
    held = [asyncio.ensure_future(router.query(waiting, 5.0)) for _ in range(4)]
    await node.asked.wait()

    await router.query(query(), 5.0)

    assert not any(future.done() for future in held)
    node.gate.set()
    await asyncio.gather(*held)


async def test_the_map_is_followed_over_a_stream(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node, None)
    copy = ShardMapCache()
    mesh.tasks.start(
        follow_endpoints(copy, [node.address], mesh.channels.get, mesh.clock), "follow"
    )

    await _until(copy, lambda: copy.map == mesh.shard_map.map)
    mesh.give(node, node)
    await _until(copy, lambda: copy.map == mesh.shard_map.map)


async def test_another_endpoint_is_followed_when_the_first_breaks(mesh: Mesh) -> None:
    first, second = await mesh.node(), await mesh.node()
    mesh.give(first)
    copy = ShardMapCache()
    endpoints = [first.address, second.address]
    mesh.tasks.start(follow_endpoints(copy, endpoints, mesh.channels.get, mesh.clock), "follow")
    await _until(copy, lambda: copy.map == mesh.shard_map.map)

    await first.server.stop(0)
    mesh.give(second)

    await _until(copy, lambda: copy.map == mesh.shard_map.map)


async def test_a_server_does_not_wait_for_those_who_watch_its_map(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    stub: Any = map_services.ShardMapServiceStub(mesh.channels.get(node.address))
    watch = stub.WatchShardMap(map_pb.WatchShardMapRequest())
    await watch.read()

    async with asyncio.timeout(20):
        await node.server.stop(3600.0)

    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await watch.read()
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_server_that_stops_waits_for_calls_under_way(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    node.gate.clear()
    channel = mesh.channels.get(node.address)
    stub: Any = control_services.ShardControlServiceStub(channel)
    answer = stub.ListServedShards(control_pb.ListServedShardsRequest(), timeout=60)
    maps: Any = map_services.ShardMapServiceStub(channel)
    watch = maps.WatchShardMap(map_pb.WatchShardMapRequest())
    await watch.read()

    stopping = asyncio.ensure_future(node.server.stop(3600.0))
    with pytest.raises(grpc.aio.AioRpcError):
        await watch.read()
    assert not stopping.done()
    node.gate.set()

    assert await answer == control_pb.ListServedShardsResponse()
    await stopping


async def test_the_map_is_not_told_before_it_is_known(mesh: Mesh) -> None:
    node = await mesh.node()
    stub: Any = map_services.ShardMapServiceStub(mesh.channels.get(node.address))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetShardMap(map_pb.GetShardMapRequest(), timeout=5.0)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_the_map_is_followed_in_the_registry(mesh: Mesh) -> None:
    copy = ShardMapCache()
    mesh.tasks.start(follow_registry(copy, mesh.registry, mesh.clock), "follow")
    await asyncio.sleep(0)
    assert copy.shard_count == 0

    constants = Put(CONSTANTS_KEY, encode_constants(MeshConstants(4, 1)))
    await mesh.registry.transact([], [constants])
    await _until(copy, lambda: copy.shard_count == 4)
    row = ShardAssignment(2, 3, 7, "a", "a:1", ShardState.ACTIVE)
    await mesh.registry.transact([], [Put(map_key(2), encode_assignment(row))])
    await _until(copy, lambda: copy.assignment(2) == row)


async def test_nodes_are_listed_with_what_the_map_and_the_leader_key_tell(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node, node, None)
    shard_node = NodeRegistration("s1", NodeRole.SHARD_NODE, node.address, 7, session=1)
    extra = {"position": "1:5", "metrics": "r:9"}
    reader = NodeRegistration("r1", NodeRole.READ_NODE, "r:1", extra=extra)
    leader = NodeRegistration("c1", NodeRole.COORDINATOR, "c:1")
    puts = [Put(registration_key(n), encode_registration(n)) for n in (shard_node, reader, leader)]
    await mesh.registry.transact(
        [], [*puts, Put("leader", encode_registration(leader)), Put("drain/s1", b"1")]
    )
    stub: Any = map_services.ShardMapServiceStub(mesh.channels.get(node.address))

    answer = await stub.ListNodes(map_pb.ListNodesRequest(), timeout=5.0)

    told = {n.name: n for n in answer.nodes}
    assert [n.name for n in answer.nodes] == ["c1", "r1", "s1"]
    assert (told["s1"].shards_owned, told["s1"].draining, told["s1"].session) == (2, True, 1)
    assert (told["c1"].leader, told["r1"].leader) == (True, False)
    assert (told["r1"].position, told["r1"].metrics_address) == ("1:5", "r:9")


async def test_a_drained_node_shows_so_in_each_session_of_its_process(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    nodes = [
        NodeRegistration("s1", NodeRole.SHARD_NODE, "a:1", session=9, extra={FIRST_SESSION: "4"}),
        NodeRegistration("s2", NodeRole.SHARD_NODE, "b:1", session=8, extra={FIRST_SESSION: "8"}),
    ]
    puts = [Put(registration_key(n), encode_registration(n)) for n in nodes]
    drains = [Put("drain/s1", b"4"), Put("drain/s2", b"4")]
    await mesh.registry.transact([], [*puts, *drains])
    stub: Any = map_services.ShardMapServiceStub(mesh.channels.get(node.address))

    answer = await stub.ListNodes(map_pb.ListNodesRequest(), timeout=5.0)

    assert {n.name: n.draining for n in answer.nodes} == {"s1": True, "s2": False}


async def test_read_nodes_are_found_in_the_registry_and_over_grpc(mesh: Mesh) -> None:
    node = await mesh.node()
    reader = NodeRegistration("r1", NodeRole.READ_NODE, "r:1")
    await mesh.registry.transact([], [Put(registration_key(reader), encode_registration(reader))])
    by_registry, by_grpc = NodeDirectory(), NodeDirectory()
    mesh.tasks.start(follow_nodes_in_registry(by_registry, mesh.registry, mesh.clock), "registry")
    mesh.tasks.start(
        follow_nodes_of_endpoints(by_grpc, [node.address], mesh.channels.get, mesh.clock, 0.05),
        "endpoints",
    )

    async def until(directory: NodeDirectory, addresses: list[str]) -> None:
        async with asyncio.timeout(5):
            while list(directory.addresses(NodeRole.READ_NODE)) != addresses:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    for directory in (by_registry, by_grpc):
        await until(directory, ["r:1"])
    await mesh.registry.transact([], [Delete(registration_key(reader))])
    for directory in (by_registry, by_grpc):
        await until(directory, [])
