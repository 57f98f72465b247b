"""What the owners say of their shards, told with the map."""

from typing import Any

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as pb
from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as services
from flightmesh.api.shard.v1 import shard_control_service_pb2 as control_pb
from flightmesh.routing.served_shards import last_sequences

Mesh = Any


def _served(session: int, *shards: tuple[int, int, int]) -> control_pb.ListServedShardsResponse:
    return control_pb.ListServedShardsResponse(
        session=session,
        shards=[
            control_pb.ServedShard(shard=shard, epoch=epoch, last_sequence=last)
            for shard, epoch, last in shards
        ],
    )


async def _ask(mesh: Mesh, **wanted: bool) -> list[int | None]:
    stub: Any = services.ShardMapServiceStub(mesh.channels.get(mesh.nodes[0].address))
    answer = await stub.GetShardMap(pb.GetShardMapRequest(**wanted), timeout=5.0)
    return [
        row.last_sequence if row.HasField("last_sequence") else None for row in answer.assignments
    ]


async def test_the_map_tells_the_last_sequences_on_request(mesh: Mesh) -> None:
    one, two = await mesh.node(), await mesh.node()
    mesh.give(one, two, one, None)
    one.served = _served(1, (0, 1, 41), (2, 1, 0))
    two.served = _served(2, (1, 1, 7))

    assert await _ask(mesh, with_last_sequences=True) == [41, 7, 0, None]
    assert await _ask(mesh) == [None] * 4, "nobody is asked whom it is not wanted of"


async def test_a_shard_served_in_another_epoch_or_session_tells_nothing(mesh: Mesh) -> None:
    one, two = await mesh.node(), await mesh.node()
    mesh.give(one, one, two)
    one.served = _served(1, (0, 2, 41), (1, 1, 5))
    two.served = _served(9, (2, 1, 7))

    assert await _ask(mesh, with_last_sequences=True) == [None, 5, None]


async def test_an_owner_that_does_not_answer_costs_only_its_own_shards(mesh: Mesh) -> None:
    one, two = await mesh.node(), await mesh.node()
    mesh.give(one, two)
    one.served, two.served = _served(1, (0, 1, 41)), _served(2, (1, 1, 7))
    two.gate.clear()

    assert await last_sequences(mesh.shard_map.map, mesh.channels.get, 0.3) == {0: 41}
    two.gate.set()
