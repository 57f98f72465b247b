"""The asyncio and the blocking client against a scripted mesh."""

import asyncio
import datetime as dt
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from clients.aio import FlightmeshClient
from clients.commands import Envelope
from clients.config import ClientConfig
from clients.files import ImportSettings
from clients.results import CommandResult
from clients.sync import Client
from clients.values import new_leg
from flightmesh.api.loading.v1 import loading_service_pb2 as loading
from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate
from flightmesh.api.shard.v1 import command_service_pb2 as command
from flightmesh.errors import InvalidInput, NotOwner, Refused, ShardMoving, Unavailable
from flightmesh.ids import is_uuid7, rotation_id
from flightmesh.rpc.errors import status_of

ROTATION = rotation_id("s05", "line 1")
DEPARTURE = dt.datetime(2005, 6, 14, 23, 50, tzinfo=dt.UTC)
LEG = new_leg(
    carrier="XX",
    flight_number=946,
    departure_airport="MRS",
    arrival_airport="ORY",
    departure_time=DEPARTURE,
    arrival_time=DEPARTURE + dt.timedelta(minutes=80),
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def commands_seen(scripted: Any) -> list[command.ExecuteRequest]:
    return [item for batch in scripted.calls["ExecuteBatch"] for item in batch.requests]


async def test_a_command_goes_to_its_owner_with_an_id_and_its_origin(scripted: Any) -> None:
    config = ClientConfig((scripted.address,), actor="kim", source="test")
    async with FlightmeshClient(config) as client:
        result = await client.commands.add_leg("s05", ROTATION, LEG)
    sent = commands_seen(scripted)[0]
    assert is_uuid7(sent.command_id)
    assert (sent.metadata.actor, sent.metadata.source) == ("kim", "test")
    assert sent.add_leg.leg == LEG
    assert (result.aggregate_id, result.sequence, result.position) == (ROTATION, 1, "7:1")


async def test_a_moving_shard_is_asked_again_with_the_same_command_id(scripted: Any) -> None:
    answers = [command.ExecuteResult(error=status_of(ShardMoving(3, 1, 0.01)))]
    scripted.execute = lambda request: answers.pop() if answers else scripted.accept(request)
    async with FlightmeshClient(scripted.address) as client:
        await client.commands.remove_rotation("s05", ROTATION)
    ids = [request.command_id for request in commands_seen(scripted)]
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_a_wrong_owner_is_corrected_and_the_command_sent_on(scripted: Any) -> None:
    answers = [command.ExecuteResult(error=status_of(NotOwner(0, 9, 8, scripted.address)))]
    scripted.execute = lambda request: answers.pop() if answers else scripted.accept(request)
    async with FlightmeshClient(scripted.address) as client:
        result = await client.commands.create_rotation("s05", "line", rotation_id=ROTATION)
    assert result.sequence == 1


async def test_a_refusal_keeps_its_reason_and_details(scripted: Any) -> None:
    refused = Refused("LEG_OVERLAP", "overlaps XX1", {"leg_id": "x"})
    scripted.execute = lambda _: command.ExecuteResult(error=status_of(refused))
    async with FlightmeshClient(scripted.address) as client:
        with pytest.raises(Refused, match="overlaps XX1") as caught:
            await client.commands.add_leg("s05", ROTATION, LEG)
    assert caught.value.reason == "LEG_OVERLAP"
    assert caught.value.details == {"leg_id": "x"}


async def test_many_commands_succeed_or_fail_each_for_itself(scripted: Any) -> None:
    refused = command.ExecuteResult(error=status_of(InvalidInput("leg.carrier", "bad")))

    def execute(request: command.ExecuteRequest) -> command.ExecuteResult:
        return refused if request.HasField("remove_leg") else scripted.accept(request)

    scripted.execute = execute
    async with FlightmeshClient(scripted.address) as client:
        good = client.commands.request("s05", ROTATION)
        good.remove_rotation.SetInParent()
        bad = client.commands.request("s05", ROTATION)
        bad.remove_leg.leg_id = "x"
        outcomes = await client.commands.execute_many([good, bad, good])
    assert isinstance(outcomes[0], CommandResult)
    assert isinstance(outcomes[1], InvalidInput)
    assert isinstance(outcomes[2], CommandResult)


async def test_every_command_says_what_it_is(scripted: Any) -> None:
    async with FlightmeshClient(scripted.address) as client:
        do = client.commands
        later = DEPARTURE + dt.timedelta(hours=2)
        await do.create_schedule("s05", "Summer")
        await do.delete_schedule("s05")
        await do.create_rotation("s05", "line")
        await do.add_legs("s05", ROTATION, [LEG, LEG])
        await do.remove_leg("s05", ROTATION, "leg")
        await do.change_leg_times("s05", ROTATION, "leg", DEPARTURE, later, keep_offsets=False)
        await do.assign_rotation("s05", ROTATION, registration="F-ABCD")
        await do.unassign_rotation("s05", ROTATION)
        await do.register_airplane("s05", "F-ABCD", "733", 40)
        await do.change_airplane("s05", ROTATION, "734")
        await do.retire_airplane("s05", ROTATION)
        await do.define_airport("s05", "ORY", 45, "Europe/Paris")
    seen = [request.WhichOneof("command") for request in commands_seen(scripted)]
    assert seen == [
        "create_schedule",
        "delete_schedule",
        "create_rotation",
        "add_legs",
        "remove_leg",
        "change_leg_times",
        "assign_rotation_to_airplane",
        "unassign_rotation",
        "register_airplane",
        "change_airplane",
        "retire_airplane",
        "define_airport",
    ]


async def test_the_envelope_is_sent_as_given(scripted: Any) -> None:
    envelope = Envelope(expected_sequence=0, correlation_id="c", with_events=False)
    async with FlightmeshClient(scripted.address) as client:
        await client.commands.create_rotation("s05", envelope=envelope)
    sent = commands_seen(scripted)[0]
    assert sent.HasField("expected_sequence")
    assert sent.expected_sequence == 0
    assert sent.metadata.correlation_id == "c"
    assert sent.event_view == command.EVENT_VIEW_NONE


async def test_queries_wait_for_the_highest_position_seen(scripted: Any) -> None:
    async with FlightmeshClient(scripted.address) as client:
        client.saw("9:4")
        await client.commands.remove_rotation("s05", ROTATION)
        await client.queries.schedules()
        await client.queries.schedules(min_position="")
    asked = [request.min_position for request in scripted.calls["ListSchedules"]]
    assert asked == ["7:1,9:4", ""]


async def test_pages_are_joined_and_the_limit_is_kept(scripted: Any, placed: Any) -> None:
    scripted.legs = placed(25_000)
    async with FlightmeshClient(scripted.address) as client:
        every = [leg.leg.leg_id async for leg in client.queries.legs("s05")]
        some = [leg async for leg in client.queries.legs("s05", limit=10_007)]
    assert every == [leg.leg.leg_id for leg in scripted.legs]
    assert len(some) == 10_007
    sizes = [request.page_size for request in scripted.calls["ListLegs"]]
    assert sizes == [10_000] * 3 + [10_000, 7]


async def test_a_dead_server_is_passed_over(scripted: Any) -> None:
    servers = f"127.0.0.1:{free_port()},{scripted.address}"
    async with FlightmeshClient(servers) as client:
        assert await client.queries.schedules() == []
        result = await client.commands.remove_rotation("s05", ROTATION)
    assert result.sequence == 1


@pytest.mark.parametrize("callers", [1, 2, 3, 8])
async def test_callers_that_meet_a_dead_server_together_all_go_to_the_next(
    scripted: Any, callers: int
) -> None:
    # No patience: each server is asked once. If each caller chose the next server for all of them,
    # an even number would come back to the dead one.
    config = ClientConfig((f"127.0.0.1:{free_port()}", scripted.address), patience_s=0.001)
    async with FlightmeshClient(config) as client:
        answers = await asyncio.gather(*(client.queries.schedules() for _ in range(callers)))
    assert answers == [[]] * callers


async def test_a_name_is_looked_up(scripted: Any) -> None:
    async with FlightmeshClient(scripted.address.replace("127.0.0.1", "localhost")) as client:
        assert await client.queries.schedules() == []


async def test_no_server_at_all_is_unavailable_after_the_patience() -> None:
    config = ClientConfig((f"127.0.0.1:{free_port()}",), patience_s=0.1)
    async with FlightmeshClient(config) as client:
        with pytest.raises(Unavailable, match="cannot connect"):
            await client.queries.schedules()
        with pytest.raises(Unavailable, match="cannot connect"):
            await client.commands.remove_rotation("s05", ROTATION)


async def test_an_import_sends_options_then_bytes_and_tells_its_progress(scripted: Any) -> None:
    scripted.progress = [
        loading.ImportProgress(phase=loading.IMPORT_PHASE_LOADING, done=n, total=2) for n in (1, 2)
    ]
    scripted.report.added = 2
    scripted.report.position = "8:3"
    settings = ImportSettings("s05", loading.FILE_FORMAT_SSIM, "a.ssim", strict=True)
    seen: list[int] = []
    async with FlightmeshClient(scripted.address) as client:
        report = await client.files.import_file(
            settings, [b"x" * 600_000], [b"carrier"], lambda progress: seen.append(progress.done)
        )
        assert client.position == "8:3"
    pieces = scripted.calls["ImportFile"][0]
    kinds = [piece.WhichOneof("piece") for piece in pieces]
    assert kinds == ["options", "assignments", "data", "data", "data"]
    assert pieces[0].options.strict
    assert sum(len(piece.data) for piece in pieces) == 600_000
    assert seen == [1, 2]
    assert report.added == 2


async def test_a_silent_import_is_given_up(scripted: Any) -> None:
    config = ClientConfig((scripted.address,), silence_timeout_s=0.05)

    scripted.report_may_come.clear()
    settings = ImportSettings("s05", loading.FILE_FORMAT_SSIM)
    async with FlightmeshClient(config) as client:
        with pytest.raises(
            Unavailable, match=r"nothing was heard for 0\.05 s; load the file again"
        ):
            await client.files.import_file(settings, [b"x"])


async def test_a_file_that_cannot_be_read_on_is_told_as_such(scripted: Any) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the disk is gone")

    settings = ImportSettings("s05", loading.FILE_FORMAT_SSIM)
    async with FlightmeshClient(scripted.address) as client:
        with pytest.raises(OSError, match="the disk is gone"):
            await client.files.import_file(settings, pieces())


async def test_a_past_state_is_asked_of_the_owner(scripted: Any) -> None:
    async with FlightmeshClient(scripted.address) as client:
        await client.aggregates.rotation("s05", ROTATION, at_sequence=0)
        await client.aggregates.rotation("s05", ROTATION, at_time=DEPARTURE)
    first, second = scripted.calls["GetRotation"]
    assert first.HasField("at_sequence")
    assert not second.HasField("at_sequence")
    assert second.at_time.ToDatetime(dt.UTC) == DEPARTURE


async def test_the_shard_map_can_be_watched(scripted: Any) -> None:
    async with FlightmeshClient(scripted.address) as client:
        async for message in client.mesh.watch_shard_map(timeout_s=5):
            assert len(message.assignments) == 8
            break


def test_the_blocking_client_does_the_same(scripted: Any, placed: Any) -> None:
    scripted.legs = placed(2_500)
    scripted.records = [aggregate.HistoryRecord(sequence=n) for n in range(1, 4)]
    with Client(scripted.address) as client:
        result = client.commands.add_leg("s05", ROTATION, LEG)
        assert result.sequence == 1
        assert client.position == "7:1"
        assert len(list(client.queries.legs("s05"))) == 2_500
        assert [page.total for page in client.queries.leg_pages("s05")] == [2_500]
        history = client.aggregates.history("s05", ROTATION)
        assert [record.sequence for record in history] == [1, 2, 3]
        exported = client.files.export_file("s05", loading.FILE_FORMAT_LEGS)
        assert b"".join(exported) == b"line 1\nline 2\n"
        assert client.mesh.is_serving()
        scripted.failures["GetRotation"] = [Refused("ROTATION_NOT_FOUND", "no such rotation")]
        with pytest.raises(Refused, match="no such rotation"):
            client.aggregates.rotation("s05", ROTATION)


def test_leaving_a_blocking_iteration_early_ends_it(scripted: Any, placed: Any) -> None:
    scripted.legs = placed(25_000)
    with Client(scripted.address) as client:
        for _ in client.queries.legs("s05"):
            break
    assert len(scripted.calls["ListLegs"]) == 1
