"""Commands on their way to owners that move, are fenced, are full or are gone."""

import asyncio
import uuid
from typing import Any, ClassVar

import pytest

from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate_pb
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.clock import Randomness
from flightmesh.errors import (
    FlightmeshError,
    InvalidInput,
    NotOwner,
    Overloaded,
    Refused,
    SessionFenced,
    ShardMoving,
    Unavailable,
)
from flightmesh.ids import is_uuid7
from flightmesh.routing.backoff import Backoff
from flightmesh.routing.command_router import RouterLimits
from flightmesh.rpc.errors import error_of

Mesh = Any


def command(aggregate_id: str | None = None) -> pb.ExecuteRequest:
    request = pb.ExecuteRequest(schedule="s1", aggregate_id=aggregate_id or str(uuid.uuid4()))
    request.remove_rotation.SetInParent()
    return request


def failing(count: int, error: FlightmeshError) -> Any:
    """A script that answers the error that many times, then accepts."""
    left = [count]

    def script(_: pb.ExecuteRequest) -> FlightmeshError | None:
        left[0] -= 1
        return error if left[0] >= 0 else None

    return script


async def test_a_command_goes_to_the_owner_of_its_shard(mesh: Mesh) -> None:
    a, b = await mesh.node(), await mesh.node()
    mesh.give(a, b)
    router = mesh.commands()
    commands = [command() for _ in range(20)]

    await asyncio.gather(*(router.execute(c, 5.0) for c in commands))

    for shard, node in enumerate((a, b)):
        assert all(mesh.shard_map.shard_of(c.aggregate_id) == shard for c in node.seen)
    assert len(a.seen) + len(b.seen) == 20


class Waits(Backoff):
    """Notes after which attempt it was waited, and does not wait."""

    attempts: ClassVar[list[int]] = []

    def delay_s(self, attempt: int, randomness: Randomness) -> float:
        self.attempts.append(attempt)
        return 0.0


async def test_an_owner_that_serves_in_a_moment_is_asked_again_soon(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    errors: list[FlightmeshError] = [*[Unavailable("gone")] * 6, *[ShardMoving(0, 1)] * 2]
    node.script = lambda _: errors.pop(0) if errors else None
    Waits.attempts.clear()

    await mesh.commands(backoff=Waits()).execute(command(), 5.0)

    assert Waits.attempts == [0, 1, 2, 3, 4, 5, 3, 3]


async def test_a_command_without_an_id_gets_one_and_the_answer_names_it(mesh: Mesh) -> None:
    mesh.give(await mesh.node())
    response = await mesh.commands().execute(command(), 5.0)
    assert is_uuid7(response.command_id)


async def test_concurrent_commands_share_batches(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    router = mesh.commands()

    await asyncio.gather(*(router.execute(command(), 5.0) for _ in range(200)))

    assert len(node.seen) == 200
    assert len(node.batches) < 20


@pytest.mark.parametrize(
    "error",
    [
        ShardMoving(0, 1),
        SessionFenced("over"),
        Overloaded("full"),
        Unavailable("starting"),
        NotOwner(0, 0, 0, ""),
    ],
    ids=lambda error: error.reason,
)
async def test_what_can_be_retried_is_retried_with_the_same_command_id(
    mesh: Mesh, error: FlightmeshError
) -> None:
    node = await mesh.node()
    mesh.give(node)
    node.script = failing(2, error)

    await mesh.commands().execute(command(), 5.0)

    assert len(node.seen) == 3
    assert len({request.command_id for request in node.seen}) == 1


async def test_a_not_owner_answer_sends_the_command_to_the_named_owner(mesh: Mesh) -> None:
    old, new = await mesh.node(), await mesh.node()
    mesh.give(old)
    old.script = lambda _: NotOwner(0, 9, 2, new.address)

    await mesh.commands().execute(command(), 5.0)
    await mesh.commands().execute(command(), 5.0)

    assert (len(old.seen), len(new.seen)) == (1, 2)


async def test_a_command_waits_for_an_owner_while_there_is_none(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(None)
    waiting = asyncio.gather(mesh.commands().execute(command(), 5.0))
    await asyncio.sleep(0)

    mesh.give(node)

    await waiting
    assert len(node.seen) == 1


async def test_commands_wait_for_the_first_map(mesh: Mesh) -> None:
    node = await mesh.node()
    router = mesh.commands()
    waiting = asyncio.gather(
        router.execute(command(), 5.0), router.execute_many([command(), command()], 5.0)
    )
    await asyncio.sleep(0)

    mesh.give(node)

    await waiting
    assert len(node.seen) == 3


async def test_a_broken_connection_is_retried_at_the_next_owner(mesh: Mesh) -> None:
    old, new = await mesh.node(), await mesh.node()
    mesh.give(old)
    router = mesh.commands()
    old.gate.clear()
    first = command()
    waiting = asyncio.gather(router.execute(first, 10.0))
    await old.asked.wait()

    await old.server.stop(0)
    mesh.give(new)

    await waiting
    assert [request.command_id for request in new.seen] == [first.command_id]


async def test_the_deadline_ends_in_unavailable_with_a_hint_when_to_come_back(
    mesh: Mesh,
) -> None:
    node = await mesh.node()
    mesh.give(node)
    node.script = lambda _: ShardMoving(0, 1)

    with pytest.raises(Unavailable) as gave_up:
        await mesh.commands().execute(command(), 0.2)

    assert gave_up.value.retry_after_s >= 1.0
    assert "moving" in gave_up.value.message
    assert len(node.seen) > 1


async def test_a_node_that_does_not_answer_is_given_up_at_the_deadline(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    node.gate.clear()

    with pytest.raises(Unavailable):
        await mesh.commands().execute(command(), 0.2)
    results = await mesh.commands().execute_many([command()], 0.2)
    assert isinstance(error_of(results[0].error), Unavailable)


async def test_a_refusal_is_told_and_not_retried(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    node.script = lambda _: Refused("LEG_OVERLAP", "overlaps", {"leg_id": "x"})

    with pytest.raises(Refused) as refused:
        await mesh.commands().execute(command(), 5.0)

    assert (refused.value.reason, refused.value.details) == ("LEG_OVERLAP", {"leg_id": "x"})
    assert len(node.seen) == 1


async def test_a_malformed_id_is_refused_without_asking_anybody(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    router = mesh.commands()

    with pytest.raises(InvalidInput):
        await router.execute(command("ABC"), 5.0)
    results = await router.execute_many([command("ABC"), command()], 5.0)

    assert isinstance(error_of(results[0].error), InvalidInput)
    assert results[1].HasField("response")


async def test_many_commands_keep_their_order_and_their_places(mesh: Mesh) -> None:
    a, b = await mesh.node(), await mesh.node()
    mesh.give(a, b)
    ids = [str(uuid.uuid4()) for _ in range(7)]
    commands = [command(ids[n % 7]) for n in range(100)]

    results = await mesh.commands(RouterLimits(max_batch=9)).execute_many(commands, 5.0)

    assert [r.response.command_id for r in results] == [c.command_id for c in commands]
    for aggregate_id in ids:
        sent = [c.command_id for c in commands if c.aggregate_id == aggregate_id]
        seen = [c.command_id for c in a.seen + b.seen if c.aggregate_id == aggregate_id]
        assert seen == sent
    assert max(a.batches + b.batches) <= 9


async def test_a_retry_of_many_keeps_the_order_of_an_aggregate(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    aggregate_id = str(uuid.uuid4())
    commands = [command(aggregate_id) for _ in range(30)]
    node.script = failing(5, ShardMoving(0, 1))

    # The first batch of five is refused whole: none of the later ones may overtake it.
    results = await mesh.commands(RouterLimits(max_batch=5)).execute_many(commands, 5.0)

    assert all(result.HasField("response") for result in results)
    accepted = [request.command_id for request in node.seen[5:]]
    assert accepted == [c.command_id for c in commands]


async def test_many_commands_end_each_with_its_own_result(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node, None)
    commands = [command() for _ in range(40)]
    owned = [mesh.shard_map.shard_of(c.aggregate_id) == 0 for c in commands]
    refused = {c.aggregate_id for c in commands[::3]}
    node.script = lambda r: Refused("NO", "no") if r.aggregate_id in refused else None

    results = await mesh.commands().execute_many(commands, 0.3)

    for result, request, is_owned in zip(results, commands, owned, strict=True):
        if not is_owned:
            assert isinstance(error_of(result.error), Unavailable)
        elif request.aggregate_id in refused:
            assert isinstance(error_of(result.error), Refused)
        else:
            assert result.response.command_id == request.command_id


async def test_a_batch_that_is_too_large_for_the_server_is_halved(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    commands = [command() for _ in range(6)]
    for request in commands:
        request.metadata.source = "x" * 1_000_000

    results = await mesh.commands().execute_many(commands, 10.0)

    assert all(result.HasField("response") for result in results)
    assert [request.command_id for request in node.seen] == [c.command_id for c in commands]


async def test_a_question_about_an_aggregate_goes_to_its_owner_with_retries(mesh: Mesh) -> None:
    node = await mesh.node()
    mesh.give(node)
    aggregate_id = str(uuid.uuid4())
    node.script = failing(1, ShardMoving(0, 1))
    request = aggregate_pb.GetRotationRequest(schedule="s1", aggregate_id=aggregate_id)

    answer = await mesh.commands().call(aggregate_id, "GetRotation", request, 5.0)

    assert (answer.aggregate_id, answer.sequence) == (aggregate_id, 3)
    node.script = lambda _: Refused("ROTATION_NOT_FOUND", "no such rotation")
    with pytest.raises(Refused):
        await mesh.commands().call(aggregate_id, "GetRotation", request, 5.0)
