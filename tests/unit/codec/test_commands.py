"""Requests become commands, or an error that names the field."""

import uuid

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from flightmesh.codec.commands import Request, address_of, derived_leg_id, envelope_of
from flightmesh.domain import commands as c
from flightmesh.domain.values import FindingRules
from flightmesh.errors import InvalidInput
from flightmesh.eventsourcing import CommandEnvelope, Origin
from flightmesh.ids import CommandId, airplane_id, airport_id, created_by, schedule_aggregate_id

COMMAND_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
MINTED = CommandId("01890a5d-ac96-774b-bcce-b302099a8058")
ROTATION = "00000000-0000-4000-8000-0000000000aa"
LEG = "00000000-0000-4000-8000-000000000001"


def read(request: Request) -> CommandEnvelope:
    return envelope_of(request, address_of(request, lambda: MINTED))


def a_request(**fields: object) -> Request:
    values = {"schedule": "s05", "command_id": COMMAND_ID, "aggregate_id": ROTATION, **fields}
    return Request(**values)  # type: ignore[arg-type]


def a_leg(**fields: object) -> dict[str, object]:
    return {
        "leg_id": LEG,
        "carrier": "XX",
        "flight_number": 946,
        "day_of_origin": "2005-06-14",
        "departure_airport": "MRS",
        "arrival_airport": "CDG",
        "departure_time": {"seconds": 1_118_793_000},
        "arrival_time": {"seconds": 1_118_799_000},
        **fields,
    }


def add_leg(**fields: object) -> Request:
    return a_request(add_leg={"leg": a_leg(**fields)})


def field_of_error(request: Request) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(request)
    return caught.value.field


def test_a_leg_is_read() -> None:
    envelope = read(add_leg(departure_utc_offset_minutes=120))
    assert envelope.command_id == COMMAND_ID
    assert (envelope.aggregate_id, envelope.aggregate_type) == (ROTATION, "rotation")
    assert (envelope.scope, envelope.expected_sequence) == ("s05", None)
    assert isinstance(envelope.command, c.AddLeg)
    assert envelope.command.leg.departure == 1_118_793_000 // 60
    assert envelope.command.leg.departure_offset == 120


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"leg_id": "1"}, "leg.leg_id"),
        ({"leg_id": LEG.upper().replace("0000-4", "000A-4")}, "leg.leg_id"),
        ({"carrier": "X"}, "leg.carrier"),
        ({"carrier": "xx"}, "leg.carrier"),
        ({"flight_number": 0}, "leg.flight_number"),
        ({"flight_number": 10_000}, "leg.flight_number"),
        ({"suffix": "AB"}, "leg.suffix"),
        ({"day_of_origin": "2005-02-29"}, "leg.day_of_origin"),
        ({"day_of_origin": "20050614"}, "leg.day_of_origin"),
        ({"departure_airport": "MR"}, "leg.departure_airport"),
        ({"departure_airport": "mrs"}, "leg.departure_airport"),
        ({"arrival_airport": "M1S"}, "leg.arrival_airport"),
        ({"departure_time": None}, "leg.departure_time"),
        ({"arrival_time": None}, "leg.arrival_time"),
        ({"departure_time": {"seconds": 1_118_793_001}}, "leg.departure_time"),
        ({"departure_time": {"seconds": 1_118_793_000, "nanos": 1}}, "leg.departure_time"),
        ({"arrival_time": {"seconds": 1_118_799_030}}, "leg.arrival_time"),
        ({"arrival_time": {"seconds": 1_118_793_000}}, "leg.arrival_time"),
        ({"arrival_time": {"seconds": 1_118_792_940}}, "leg.arrival_time"),
        ({"arrival_time": {"seconds": 1_118_793_000 + 48 * 3600 + 60}}, "leg.arrival_time"),
        ({"departure_time": {"seconds": -62_135_596_800}}, "leg.departure_time"),
        ({"arrival_time": {"seconds": 253_402_300_740}}, "leg.arrival_time"),
        ({"departure_utc_offset_minutes": 841}, "leg.departure_utc_offset_minutes"),
        ({"arrival_utc_offset_minutes": -841}, "leg.arrival_utc_offset_minutes"),
        ({"aircraft_type": "7337X"}, "leg.aircraft_type"),
        ({"service_type": "1"}, "leg.service_type"),
    ],
)
def test_a_malformed_leg_names_its_field(fields: dict[str, object], field: str) -> None:
    assert field_of_error(add_leg(**fields)) == field


def test_a_malformed_leg_among_many_is_named_by_its_place() -> None:
    request = a_request(add_legs={"legs": [a_leg(), a_leg(carrier="?")]})
    assert field_of_error(request) == "legs[1].carrier"
    assert field_of_error(a_request(add_legs={})) == "legs"
    too_many = a_request(add_legs={"legs": [a_leg()] * 10_001})
    assert field_of_error(too_many) == "legs"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (a_request(), "command"),
        (a_request(schedule="S05", remove_rotation={}), "schedule"),
        (a_request(schedule="", remove_rotation={}), "schedule"),
        (a_request(schedule="-", remove_rotation={}), "schedule"),
        (a_request(schedule="a" * 64, remove_rotation={}), "schedule"),
        (a_request(command_id="x", remove_rotation={}), "command_id"),
        (a_request(command_id=str(uuid.UUID(int=5, version=4)), remove_rotation={}), "command_id"),
        (a_request(aggregate_id="", remove_rotation={}), "aggregate_id"),
        (a_request(delete_schedule={}), "aggregate_id"),
        (a_request(add_leg={}), "leg"),
        (a_request(remove_leg={}), "leg_id"),
        (a_request(change_leg_times={"leg_id": LEG}), "departure_time"),
        (a_request(create_rotation={"name": "a" * 201}), "name"),
        (a_request(create_rotation={"name": "a\nb"}), "name"),
        (a_request(assign_rotation_to_airplane={}), "airplane_id"),
        (a_request(assign_rotation_to_airplane={"airplane_id": "1"}), "airplane_id"),
        (a_request(assign_rotation_to_airplane={"registration": "n 1"}), "registration"),
        (a_request(register_airplane={}), "registration"),
        (
            a_request(register_airplane={"registration": "N1", "minimum_ground_minutes": 10_081}),
            "minimum_ground_minutes",
        ),
        (a_request(change_airplane={"aircraft_type": "lower"}), "aircraft_type"),
        (a_request(aggregate_id="", define_airport={"iata": "MR"}), "iata"),
        (a_request(aggregate_id="", change_finding_rules={}), "finding_rules"),
        (a_request(remove_rotation={}, metadata={"actor": "a" * 201}), "metadata.actor"),
        (a_request(remove_rotation={}, metadata={"source": "\x00"}), "metadata.source"),
    ],
)
def test_a_malformed_request_names_its_field(request_: Request, field: str) -> None:
    assert field_of_error(request_) == field


def test_commands_to_the_schedule_go_to_its_aggregate() -> None:
    created = read(a_request(aggregate_id="", create_schedule={"title": "Summer"}))
    assert created.aggregate_id == schedule_aggregate_id("s05")
    assert created.command == c.CreateSchedule("s05", "Summer", FindingRules())
    rules = {"airplane_overlap": True}
    some = read(a_request(aggregate_id="", create_schedule={"finding_rules": rules}))
    assert some.command.finding_rules == FindingRules(True, False, False)
    named = read(a_request(aggregate_id=schedule_aggregate_id("s05"), delete_schedule={}))
    assert named.aggregate_id == schedule_aggregate_id("s05")


def test_a_create_without_an_id_gets_one_that_a_repeat_gets_too() -> None:
    rotation = a_request(aggregate_id="", create_rotation={})
    assert read(rotation).aggregate_id == created_by(COMMAND_ID)
    airplane = a_request(aggregate_id="", register_airplane={"registration": "N1"})
    assert read(airplane).aggregate_id == airplane_id("s05", "N1")
    airport = a_request(aggregate_id="", define_airport={"iata": "MRS"})
    assert read(airport).aggregate_id == airport_id("s05", "MRS")


def test_an_airport_is_known_by_its_code_alone() -> None:
    known = airport_id("s05", "MRS")
    named = a_request(aggregate_id=known, define_airport={"iata": "MRS"})
    assert read(named).aggregate_id == known
    other = a_request(aggregate_id=airport_id("s05", "CDG"), define_airport={"iata": "MRS"})
    assert field_of_error(other) == "aggregate_id"


def test_a_missing_command_id_is_made() -> None:
    request = a_request(command_id="", remove_rotation={})
    assert read(request).command_id == MINTED
    assert request.command_id == MINTED


def test_a_leg_without_an_id_gets_one_from_the_command_id() -> None:
    assert read(add_leg(leg_id="")).command.leg.leg_id == derived_leg_id(COMMAND_ID, 0)
    many = read(a_request(add_legs={"legs": [a_leg(leg_id=""), a_leg(leg_id="")]}))
    assert [leg.leg_id for leg in many.command.legs] == [
        derived_leg_id(COMMAND_ID, 0),
        derived_leg_id(COMMAND_ID, 1),
    ]


def test_an_airplane_may_be_named_by_its_registration() -> None:
    request = a_request(assign_rotation_to_airplane={"registration": "N971AT"})
    assert read(request).command.airplane_id == airplane_id("s05", "N971AT")


def test_the_origin_is_kept() -> None:
    request = a_request(remove_rotation={}, metadata={"actor": "kim", "correlation_id": "7"})
    assert read(request).origin == Origin("kim", "", "7", "")


def test_the_hash_tells_bodies_apart_and_not_origins() -> None:
    same = [
        add_leg(),
        a_request(add_leg={"leg": a_leg()}, metadata={"actor": "kim"}, event_view=2, hops=1),
    ]
    assert len({read(request).body_hash for request in same}) == 1
    different = [
        add_leg(),
        add_leg(flight_number=947),
        a_request(add_legs={"legs": [a_leg()]}),
        a_request(add_leg={"leg": a_leg()}, expected_sequence=0),
        a_request(add_leg={"leg": a_leg()}, expected_sequence=1),
        a_request(add_leg={"leg": a_leg()}, schedule="s06"),
        a_request(add_leg={"leg": a_leg()}, aggregate_id=LEG),
    ]
    assert len({read(request).body_hash for request in different}) == len(different)
    assert all(len(read(request).body_hash) == 16 for request in different)


@examples(st.text(max_size=40), st.text(max_size=40), st.text(max_size=5), st.binary(max_size=200))
def test_whatever_comes_it_is_read_or_names_a_field(
    schedule: str, aggregate_id: str, code: str, noise: bytes
) -> None:
    request = add_leg(departure_airport=code, suffix=code)
    request.schedule, request.aggregate_id = schedule, aggregate_id
    request.metadata.actor = noise.decode("latin-1")
    field = "none: it was read"
    try:
        read(request)
    except InvalidInput as error:
        field = error.field
    assert field
