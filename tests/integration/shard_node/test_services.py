"""The node's services over real gRPC."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate_pb
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.api.shard.v1 import shard_control_service_pb2 as control_pb
from flightmesh.errors import FlightmeshError, InvalidInput, NotOwner, Refused, Unavailable
from flightmesh.ledger.sealer import seal_ledger
from flightmesh.rpc.errors import error_of, error_of_call
from tests.integration.shard_node.conftest import SHARDS, Cluster


async def error_from(call: Any) -> FlightmeshError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_of_call(caught.value)


async def refusal_from(call: Any) -> Refused:
    error = await error_from(call)
    assert isinstance(error, Refused), error
    return error


async def test_a_schedule_is_planned_through_any_node(cluster: Cluster) -> None:
    rotations = await cluster.create(8)
    for n, rotation in enumerate(rotations):
        reply = await cluster.commands(n % 2).Execute(cluster.add_leg(rotation, 1), timeout=5)
        assert (reply.aggregate_id, reply.sequence) == (rotation, 2)
        state = await cluster.aggregates((n + 1) % 2).GetRotation(
            aggregate_pb.GetRotationRequest(schedule="s05", aggregate_id=rotation), timeout=5
        )
        assert (state.sequence, state.name, len(state.legs)) == (2, f"r{n}", 1)
        assert state.legs[0] == reply.events[0].event.leg_added.leg


async def test_bad_commands_are_clear_errors_with_nothing_done(cluster: Cluster) -> None:
    (rotation,) = await cluster.create()
    execute = cluster.commands().Execute
    kept = cluster.add_leg(rotation, 1)
    await execute(kept, timeout=5)

    bad = cluster.add_leg(rotation, 3)
    bad.add_leg.leg.departure_airport = "mrs"
    error = await error_from(execute(bad, timeout=5))
    assert isinstance(error, InvalidInput)
    assert error.field == "leg.departure_airport"

    backwards = cluster.add_leg(rotation, 3)
    backwards.add_leg.leg.arrival_time.seconds = backwards.add_leg.leg.departure_time.seconds - 60
    error = await error_from(execute(backwards, timeout=5))
    assert isinstance(error, InvalidInput)
    assert error.field == "leg.arrival_time"

    assert (await refusal_from(execute(cluster.add_leg(rotation, 1), timeout=5))).reason == (
        "LEG_OVERLAP"
    )
    reused = cluster.add_leg(rotation, 5, command_id=kept.command_id)
    assert (await refusal_from(execute(reused, timeout=5))).reason == "COMMAND_ID_REUSED"
    stale = cluster.add_leg(rotation, 5, expected_sequence=1)
    assert (await refusal_from(execute(stale, timeout=5))).reason == "SEQUENCE_MISMATCH"

    huge = cluster.request(aggregate_id=rotation, create_rotation={"name": "x" * 10_000_000})
    assert (await refusal_from(execute(huge, timeout=5))).reason == "TOO_LARGE"

    await execute(cluster.request(delete_schedule={}), timeout=5)
    await asyncio.sleep(1.0)  # the time SPEC D5 allows
    late = cluster.add_leg(rotation, 7)
    assert (await refusal_from(execute(late, timeout=5))).reason == "SCHEDULE_DELETED"

    then = await cluster.aggregates().GetRotation(
        aggregate_pb.GetRotationRequest(schedule="s05", aggregate_id=rotation, at_sequence=2),
        timeout=5,
    )
    assert [leg.flight_number for leg in then.legs] == [2]


async def test_what_went_with_its_schedule_is_gone_at_any_instant_after(cluster: Cluster) -> None:
    execute = cluster.commands(0).Execute
    (rotation,) = await cluster.create(1)
    ask = cluster.aggregates().GetRotation
    now, later = Timestamp(), Timestamp()
    now.GetCurrentTime()
    await asyncio.sleep(0.02)
    await execute(cluster.request(delete_schedule={}), timeout=5)
    await asyncio.sleep(0.02)
    later.GetCurrentTime()
    request = aggregate_pb.GetRotationRequest(schedule="s05", aggregate_id=rotation, at_time=now)
    assert (await ask(request, timeout=5)).sequence == 1
    request = aggregate_pb.GetRotationRequest(schedule="s05", aggregate_id=rotation, at_time=later)
    assert (await refusal_from(ask(request, timeout=5))).reason == "SCHEDULE_DELETED"

    await execute(cluster.request(create_schedule={}), timeout=8)
    later.GetCurrentTime()
    request = aggregate_pb.GetRotationRequest(schedule="s05", aggregate_id=rotation, at_time=later)
    assert (await refusal_from(ask(request, timeout=5))).reason == "ROTATION_REMOVED"


async def test_a_batch_answers_each_command_for_itself(cluster: Cluster) -> None:
    rotations = await cluster.create(4)
    requests = [cluster.add_leg(r, hour) for hour in (1, 1, 3) for r in rotations]
    answer = await cluster.commands(1).ExecuteBatch(
        pb.ExecuteBatchRequest(requests=requests), timeout=5
    )
    assert [r.WhichOneof("outcome") for r in answer.results] == (
        ["response"] * 4 + ["error"] * 4 + ["response"] * 4
    )
    reasons = {error_of(result.error).reason for result in answer.results[4:8]}
    assert reasons == {"LEG_OVERLAP"}


async def test_a_batch_beyond_the_bound_is_refused(cluster: Cluster) -> None:
    requests = [cluster.request(create_rotation={})] * 1_001
    call = cluster.commands().ExecuteBatch(pb.ExecuteBatchRequest(requests=requests), timeout=5)
    assert isinstance(await error_from(call), InvalidInput)


async def test_a_stream_answers_in_order_with_many_batches_in_flight(cluster: Cluster) -> None:
    rotations = await cluster.create(3)

    async def batches() -> AsyncIterator[pb.ExecuteStreamRequest]:
        for n in range(40):
            yield pb.ExecuteStreamRequest(
                requests=[cluster.add_leg(r, n, event_view=2) for r in rotations]
            )

    sequences = [
        [result.response.sequence for result in answer.results]
        async for answer in cluster.commands().ExecuteStream(batches(), timeout=20)
    ]
    assert sequences == [[n + 2] * 3 for n in range(40)]


async def test_an_error_ends_a_stream_after_the_answers_before_it(cluster: Cluster) -> None:
    (rotation,) = await cluster.create()

    async def batches() -> AsyncIterator[pb.ExecuteStreamRequest]:
        yield pb.ExecuteStreamRequest(requests=[cluster.add_leg(rotation, 1)])
        yield pb.ExecuteStreamRequest(requests=[cluster.add_leg(rotation, 3)] * 1_001)

    call = cluster.commands().ExecuteStream(batches(), timeout=5)
    first = await call.read()
    assert first.results[0].response.sequence == 2
    assert isinstance(await error_from(call.read()), InvalidInput)


async def test_a_caller_may_leave_a_stream(cluster: Cluster) -> None:
    (rotation,) = await cluster.create()
    call = cluster.commands().ExecuteStream(timeout=5)
    await call.write(pb.ExecuteStreamRequest(requests=[cluster.add_leg(rotation, 1)]))
    await call.read()
    call.cancel()
    reply = await cluster.commands().Execute(cluster.add_leg(rotation, 3), timeout=5)
    assert reply.sequence == 3


async def test_a_stream_ends_with_the_server_when_what_came_is_answered(cluster: Cluster) -> None:
    (rotation,) = await cluster.create()
    owner = cluster.map.shard_of(rotation) % 2
    call = cluster.commands(owner).ExecuteStream(timeout=60)
    watch = cluster.control(owner).WatchHeartbeat(control_pb.WatchHeartbeatRequest(), timeout=60)
    await watch.read()
    await call.write(pb.ExecuteStreamRequest(requests=[cluster.add_leg(rotation, 1)]))
    answer = await call.read()
    assert answer.results[0].response.sequence == 2

    async with asyncio.timeout(20):
        await cluster.servers[owner].stop(3600.0)

    assert isinstance(await error_from(call.read()), Unavailable)
    assert isinstance(await error_from(drained(watch)), Unavailable)


async def drained(call: Any) -> None:
    """Reads what a call holds still, to its end."""
    while await call.read() is not grpc.aio.EOF:
        pass


async def test_a_second_hop_is_answered_not_owner(cluster: Cluster) -> None:
    (rotation,) = await cluster.create()
    other = 1 - cluster.map.shard_of(rotation) % 2
    request = cluster.add_leg(rotation, 1, hops=1)
    error = await error_from(cluster.commands(other).Execute(request, timeout=5))
    assert isinstance(error, NotOwner)
    assert error.owner_address == cluster.addresses[1 - other]
    question = aggregate_pb.GetRotationRequest(schedule="s05", aggregate_id=rotation, hops=1)
    error = await error_from(cluster.aggregates(other).GetRotation(question, timeout=5))
    assert isinstance(error, NotOwner)


async def test_a_deadline_that_passes_harms_no_commit(cluster: Cluster) -> None:
    (rotation,) = await cluster.create()
    requests = [cluster.add_leg(rotation, hour) for hour in range(200)]
    calls = [
        cluster.commands(n % 2).Execute(request, timeout=0.001 * (n % 7))
        for n, request in enumerate(requests)
    ]
    await asyncio.gather(*calls, return_exceptions=True)
    replies = [await cluster.commands().Execute(request, timeout=5) for request in requests]
    assert sorted(reply.sequence for reply in replies) == list(range(2, 202))


async def test_history_and_the_other_aggregates_are_told(cluster: Cluster) -> None:
    execute = cluster.commands().Execute
    await cluster.create()
    airplane = await execute(
        cluster.request(register_airplane={"registration": "N971AT", "aircraft_type": "733"}),
        timeout=5,
    )
    airport = await execute(
        cluster.request(
            define_airport={"iata": "MRS", "minimum_ground_minutes": 0},
            metadata={"actor": "kim"},
        ),
        timeout=5,
    )
    plane = await cluster.aggregates(1).GetAirplane(
        aggregate_pb.GetAirplaneRequest(schedule="s05", aggregate_id=airplane.aggregate_id),
        timeout=5,
    )
    assert (plane.registration, plane.HasField("minimum_ground_minutes")) == ("N971AT", False)
    place = await cluster.aggregates(1).GetAirport(
        aggregate_pb.GetAirportRequest(schedule="s05", aggregate_id=airport.aggregate_id),
        timeout=5,
    )
    assert (place.iata, place.HasField("minimum_ground_minutes")) == ("MRS", True)
    history = await cluster.aggregates(1).ListHistory(
        aggregate_pb.ListHistoryRequest(schedule="s05", aggregate_id=airport.aggregate_id),
        timeout=5,
    )
    (record,) = history.records
    assert (record.metadata.actor, record.sequence) == ("kim", 1)
    assert record.events[0] == airport.events[0]
    assert record.position == airport.position
    assert record.committed_at.seconds > 1_700_000_000
    schedule = await cluster.aggregates(1).GetScheduleState(
        aggregate_pb.GetScheduleStateRequest(schedule="s05"), timeout=5
    )
    assert (schedule.exists, schedule.incarnation, schedule.sequence) == (True, 1, 1)
    none = await cluster.aggregates(1).GetScheduleState(
        aggregate_pb.GetScheduleStateRequest(schedule="none"), timeout=5
    )
    assert (none.exists, none.sequence, none.schedule) == (False, 0, "none")


async def test_planned_hand_overs_under_load_fail_no_command(cluster: Cluster) -> None:
    rotations = await cluster.create(16)
    stopping = False
    answered: asyncio.Queue[int] = asyncio.Queue()

    async def plan(rotation: str) -> None:
        hour = 0
        while not stopping:
            reply = await cluster.router.execute(cluster.add_leg(rotation, hour), 10)
            assert reply.sequence == hour + 2
            hour += 1
            answered.put_nowait(hour)

    async with asyncio.TaskGroup() as planners:
        for rotation in rotations:
            planners.create_task(plan(rotation))
        for n in range(10):
            source, target = n % 2, 1 - n % 2
            held = cluster.services[source].node.session.ownership.slots
            shards = sorted(held)[:3]
            cluster.epoch += 1
            await cluster.release(source, *shards)
            await cluster.assign(target, *shards)
            # Moves without a pause would be all that the nodes are busy with.
            for _ in range(30):
                await answered.get()
        stopping = True


async def test_a_fenced_session_under_load_loses_and_doubles_nothing(cluster: Cluster) -> None:
    rotations = await cluster.create(8)

    async def plan(rotation: str) -> None:
        for hour in range(25):
            reply = await cluster.router.execute(cluster.add_leg(rotation, hour), 10)
            assert reply.sequence == hour + 2

    async with asyncio.TaskGroup() as planners:
        for rotation in rotations:
            planners.create_task(plan(rotation))
        await asyncio.sleep(0.05)
        old = cluster.services[0].node.session.id
        await seal_ledger(cluster.store.journal, old, cluster.clock)
        await cluster.assign(1, *range(SHARDS))


async def test_the_coordinator_sees_signs_of_life(cluster: Cluster) -> None:
    await cluster.create(3)
    watch = cluster.control().WatchHeartbeat(control_pb.WatchHeartbeatRequest(), timeout=5)
    sign = await watch.read()
    node = cluster.services[0].node
    assert sign.session == node.session.id
    assert {pair.shard for pair in sign.owned} == set(range(0, SHARDS, 2))
    assert sign.commands == node.session.queue.commands > 0
    watch.cancel()
    claim = control_pb.AssignShardsRequest(
        session=sign.session, shards=[control_pb.ShardEpoch(shard=1, epoch=99)]
    )
    answer = await cluster.control().AssignShards(claim, timeout=5)
    other = cluster.services[1].node.session.id
    assert [(b.shard, b.holder_session) for b in answer.blocked] == [(1, other)]
    wrong = control_pb.ReleaseShardsRequest(session=sign.session + 100)
    refused = await refusal_from(cluster.control().ReleaseShards(wrong, timeout=5))
    assert refused.reason == "SESSION_MISMATCH"
