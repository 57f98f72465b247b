"""Writing a schedule and reading it again."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightmesh import ids
from flightmesh.domain.values import EPOCH, Leg, designator
from flightmesh.errors import Refused
from flightmesh.loading.difference import StoredAirplane, StoredAirport
from flightmesh.loading.export_csv import (
    ExportedLeg,
    export_airplanes,
    export_airports,
    export_assignments,
    export_legs,
)
from flightmesh.loading.export_ssim import export_ssim, onward_flights
from flightmesh.loading.flights import FlightsPlanner
from flightmesh.loading.planners import AirplanesPlanner, AirportsPlanner
from flightmesh.loading.sample_schedule import sample_schedule

CREATED = dt.datetime(2026, 11, 23, 13, 30, tzinfo=dt.UTC)


def ssim_of(legs, utc=True, onward=None):
    return b"".join(export_ssim("test", legs, created=CREATED, utc=utc, onward=onward))


def assignments_of(plan):
    rows = [
        ExportedLeg(leg, rotation.rotation_id, rotation.name, rotation.registration)
        for rotation in plan.rotations
        for leg in rotation.legs
    ]
    return b"".join(export_assignments(plan.schedule, rows))


@st.composite
def schedules(draw):
    """Legs of a few flights, with repeated designators, odd days of origin and all fields."""
    start = (dt.date(2005, 3, 20).toordinal() - EPOCH.toordinal()) * 1440
    occurrences: dict[str, int] = {}
    legs = []
    for _ in range(draw(st.integers(1, 25))):
        carrier = draw(st.sampled_from(["XX", "YYY"]))
        number = draw(st.sampled_from([1, 946]))
        suffix = draw(st.sampled_from(["", "", "Z"]))
        departure = start + draw(st.integers(0, 20)) * 1440 + draw(st.integers(0, 1439))
        day = EPOCH.date() + dt.timedelta(departure // 1440 - draw(st.integers(0, 2)))
        origin = draw(st.sampled_from(["MRS", "CDG"]))
        name = designator(carrier, number, suffix, day.isoformat(), origin)
        occurrence = occurrences.get(name, 0)
        occurrences[name] = occurrence + 1
        legs.append(
            Leg(
                ids.leg_id("test", name, occurrence),
                carrier,
                number,
                suffix,
                day.isoformat(),
                origin,
                draw(st.sampled_from(["RUN", "DZA"])),
                departure,
                departure + draw(st.integers(1, 2880)),
                60 * draw(st.integers(-11, 12)),
                15 * draw(st.integers(-44, 48)),
                draw(st.sampled_from(["", "772", "AT7"])),
                draw(st.sampled_from(["", "J"])),
            )
        )
    return draw(st.permutations(legs))


@settings(max_examples=80)
@given(legs=schedules(), utc=st.booleans())
def test_exported_legs_are_read_again_with_their_ids(load, legs_of, legs, utc):
    plan = load(ssim_of(legs, utc))
    assert set(legs_of(plan)) == set(legs)
    # Made-up offsets contradict the time zones, and some designators repeat; nothing else is said.
    said = {"SSIM_TIME_ZONE", "DUPLICATE_REPORTED"}
    assert plan.issue_counts.keys() <= said


def test_a_file_is_in_records_of_200_columns_and_blocks_of_five():
    lines = ssim_of([one_leg()]).split(b"\r\n")
    assert lines.pop() == b""
    assert {len(line) for line in lines} == {200}
    assert [line[:1] for line in lines[::5]] == [b"1", b"2", b"3", b"5"]
    assert len(lines) == 20
    assert lines[15][187:] == b"000003E000004"


def one_leg(**fields):
    values = {
        "leg_id": ids.leg_id("test", "XX 1/2005-06-14/MRS", 0),
        "carrier": "XX",
        "flight_number": 1,
        "suffix": "",
        "day_of_origin": "2005-06-14",
        "departure_airport": "MRS",
        "arrival_airport": "CDG",
        "departure": (dt.date(2005, 6, 14).toordinal() - EPOCH.toordinal()) * 1440,
        "arrival": (dt.date(2005, 6, 14).toordinal() - EPOCH.toordinal()) * 1440 + 60,
        **fields,
    }
    return Leg(**values)


@pytest.mark.parametrize(
    "fields",
    [
        {"aircraft_type": "B772"},
        {"day_of_origin": "2005-06-05"},
        {"day_of_origin": "2005-06-16"},
        {
            "day_of_origin": "1969-12-31",
            "departure": -100,
            "arrival": -40,
        },
    ],
)
def test_what_the_format_cannot_hold_is_refused_before_the_first_byte(fields):
    with pytest.raises(Refused) as refusal:
        export_ssim("test", [one_leg(**fields)], created=CREATED)
    assert refusal.value.reason == "NOT_EXPRESSIBLE"
    assert "XX 1/" in refusal.value.message


def test_an_empty_schedule_is_a_file_with_a_header_only(load):
    plan = load(ssim_of([]))
    assert (plan.records, plan.items, plan.issue_counts) == (1, 0, {})


def test_more_than_99_itineraries_use_the_overflow_column(load, legs_of):
    legs = []
    for number in range(250):
        day = dt.date(2005, 1, 1) + dt.timedelta(number)
        start = (day.toordinal() - EPOCH.toordinal()) * 1440 + number
        name = designator("XX", 1, "", day.isoformat(), "MRS")
        legs.append(
            one_leg(
                leg_id=ids.leg_id("test", name, 0),
                day_of_origin=day.isoformat(),
                departure=start,
                arrival=start + 60,
            )
        )
    assert set(legs_of(load(ssim_of(legs)))) == set(legs)


@pytest.mark.parametrize("utc", [True, False])
def test_the_real_schedules_survive_export_and_import(load, legs_of, test_data, utc):
    flights = FlightsPlanner("test")
    flights.feed((test_data / "rotations" / "flights_2008_5_1.csv").read_bytes())
    for plan in (
        load((test_data / "ssim" / "XX_S05.ssim").read_bytes()),
        flights.finish(),
    ):
        onward = onward_flights(rotation.legs for rotation in plan.rotations)
        data = ssim_of(legs_of(plan), utc, onward)
        again = load(data, assignments_of(plan), strict=True)
        assert not again.refused
        assert {(r.rotation_id, r.registration, r.legs) for r in again.rotations} == {
            (r.rotation_id, r.registration, r.legs) for r in plan.rotations
        }


def test_onward_flights_bring_back_the_real_chains_without_assignments(load, legs_of, test_data):
    plan = load((test_data / "ssim" / "XX_S05.ssim").read_bytes())
    onward = onward_flights(rotation.legs for rotation in plan.rotations)
    again = load(ssim_of(legs_of(plan), onward=onward))
    assert again.rotations == plan.rotations


def test_assignments_name_rotations_by_id_where_names_are_not_enough():
    first, second, third = (ids.rotation_id("test", name) for name in "abc")
    legs = [
        ExportedLeg(one_leg(flight_number=1), first, "same", "F-OABC"),
        ExportedLeg(one_leg(flight_number=2, leg_id="2"), second, "same"),
        ExportedLeg(one_leg(flight_number=3, leg_id="3"), third),
    ]
    lines = b"".join(export_assignments("test", legs)).decode().splitlines()
    assert lines[1:] == [
        f"XX,1,,2005-06-14,MRS,{first},F-OABC",
        f"XX,2,,2005-06-14,MRS,{second},",
        f"XX,3,,2005-06-14,MRS,{third},",
    ]


def test_legs_are_written_as_csv_in_order_of_departure():
    early = ExportedLeg(one_leg(), ids.rotation_id("test", "a"), "a, b", "F-OABC")
    late = ExportedLeg(one_leg(leg_id="2", departure=2**25, arrival=2**25 + 1), early.rotation_id)
    lines = b"".join(export_legs([late, early])).decode().splitlines()
    assert lines[0].startswith("carrier,flight_number,suffix,day_of_origin,departure_airport,")
    assert lines[1].startswith(
        "XX,1,,2005-06-14,MRS,CDG,2005-06-14T00:00Z,2005-06-14T01:00Z,0,0,,,"
    )
    assert '"a, b",F-OABC' in lines[1]
    assert len(lines) == 3


def test_airplanes_and_airports_survive_export_and_import():
    fleet = [StoredAirplane("F-OXYZ"), StoredAirplane("F-OABC", "772", 75)]
    planner = AirplanesPlanner("test")
    planner.feed(b"".join(export_airplanes(fleet)))
    assert [
        StoredAirplane(plane.registration, plane.aircraft_type, plane.minimum_ground_minutes)
        for plane in planner.finish().airplanes
    ] == [fleet[1], fleet[0]]
    network = [StoredAirport("CDG", 45, "Europe/Paris"), StoredAirport("QQQ")]
    ports = AirportsPlanner("test")
    ports.feed(b"".join(export_airports(network)))
    assert [
        StoredAirport(port.iata, port.minimum_ground_minutes, port.time_zone)
        for port in ports.finish().airports
    ] == network


def test_the_sample_schedule_survives_export_and_import(load, legs_of):
    plan = sample_schedule("test", dt.date(2026, 3, 23))
    again = load(ssim_of(legs_of(plan), utc=False), assignments_of(plan))
    assert set(legs_of(again)) == set(legs_of(plan))
    assert {r.name for r in again.rotations} == {r.name for r in plan.rotations}


def test_a_flight_of_many_years_is_read_again(load, legs_of):
    first = dt.date(2005, 6, 14)
    days = [first + dt.timedelta(days) for days in range(1_500)]
    legs = []
    for day in days:
        start = (day - EPOCH.date()).days * 1440
        one = one_leg(day_of_origin=day.isoformat(), departure=start, arrival=start + 60)
        leg_id = ids.leg_id("test", one.designator, 0)
        legs.append(msgspec.structs.replace(one, leg_id=leg_id))
    assert legs_of(load(ssim_of(legs), strict=True)) == legs
