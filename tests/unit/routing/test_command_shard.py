"""Which aggregate a command is for."""

import pytest

from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.clock.virtual import ManualClock, SeededRandomness
from flightmesh.errors import InvalidInput
from flightmesh.ids import airplane_id, airport_id, created_by, is_uuid7, schedule_aggregate_id
from flightmesh.routing.backoff import Backoff
from flightmesh.routing.command_shard import aggregate_of, fill_command_id

COMMAND_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def request(kind: str, **fields: str) -> pb.ExecuteRequest:
    message = pb.ExecuteRequest(schedule="s1", command_id=COMMAND_ID, **fields)
    getattr(message, kind).SetInParent()
    return message


@pytest.mark.parametrize("kind", ["create_schedule", "delete_schedule", "change_finding_rules"])
def test_commands_on_a_schedule_are_for_its_aggregate(kind: str) -> None:
    assert aggregate_of(request(kind)) == schedule_aggregate_id("s1")


def test_a_rotation_without_an_id_is_for_the_id_derived_from_the_command() -> None:
    assert aggregate_of(request("create_rotation")) == created_by(COMMAND_ID)


def test_an_airplane_without_an_id_is_known_by_its_registration() -> None:
    message = request("register_airplane")
    message.register_airplane.registration = "F-ABCD"
    assert aggregate_of(message) == airplane_id("s1", "F-ABCD")


def test_an_airport_without_an_id_is_known_by_its_code() -> None:
    message = request("define_airport")
    message.define_airport.iata = "CDG"
    assert aggregate_of(message) == airport_id("s1", "CDG")


def test_a_given_id_is_taken() -> None:
    given = created_by("x")
    assert aggregate_of(request("create_rotation", aggregate_id=given)) == given
    assert aggregate_of(request("add_leg", aggregate_id=given)) == given


def test_a_command_that_creates_nothing_needs_an_id() -> None:
    with pytest.raises(InvalidInput) as refused:
        aggregate_of(request("add_leg"))
    assert refused.value.field == "aggregate_id"


def test_an_empty_command_id_is_filled_in_once() -> None:
    message = pb.ExecuteRequest()
    fill_command_id(message, ManualClock(), SeededRandomness(1))
    minted = message.command_id
    assert is_uuid7(minted)
    fill_command_id(message, ManualClock(), SeededRandomness(2))
    assert message.command_id == minted


def test_waits_grow_to_their_bound_and_differ() -> None:
    backoff, randomness = Backoff(0.02, 0.5), SeededRandomness(3)
    first = [backoff.delay_s(0, randomness) for _ in range(50)]
    last = [backoff.delay_s(1000, randomness) for _ in range(50)]
    assert all(0.01 <= delay <= 0.03 for delay in first)
    assert all(0.25 <= delay <= 0.75 for delay in last)
    assert len(set(first)) > 40
