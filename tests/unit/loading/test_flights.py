"""Flights with tail numbers; local times; airplanes and airports from CSV."""

import datetime as dt
import zoneinfo

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flightmesh import ids
from flightmesh.domain.values import EPOCH, instant_of, iso_minute, minute_of
from flightmesh.loading import reference
from flightmesh.loading.flights import FlightsPlanner
from flightmesh.loading.local_time import LocalTimes
from flightmesh.loading.planners import AirplanesPlanner, AirportsPlanner
from flightmesh.loading.source_legs import DuplicateHandling


def row(
    day="1", departure="1000", arrival="1200", number="7", tail="N1AT", route="ATL,MCO", month="5"
):
    return (
        f"2008,{month},{day},4,1,{departure},1,{arrival},FL,{number},{tail},1,1,1,0,0,{route},"
        "1,1,1,0,,0,NA,NA,NA,NA,NA\n"
    ).encode()


def plan_of(*rows, **options):
    planner = FlightsPlanner("test", **options)
    data = b"".join(rows)
    for start in range(0, len(data), 61):
        planner.feed(data[start : start + 61])
    return planner.finish()


def test_a_tail_number_gives_a_rotation_and_an_airplane():
    plan = plan_of(row(number="8", departure="1400", arrival="1530"), row())
    (rotation,) = plan.rotations
    assert (rotation.name, rotation.registration, rotation.explicit) == ("N1AT", "N1AT", True)
    assert rotation.rotation_id == ids.rotation_id("test", "N1AT")
    assert [leg.flight_number for leg in rotation.legs] == [7, 8]
    (airplane,) = plan.airplanes
    assert airplane.airplane_id == ids.airplane_id("test", "N1AT")
    assert not airplane.stated
    leg = rotation.legs[0]
    assert iso_minute(leg.departure) == "2008-05-01T14:00Z"
    assert (leg.departure_offset, leg.day_of_origin) == (-240, "2008-05-01")
    assert (leg.aircraft_type, leg.service_type, leg.suffix) == ("", "", "")
    assert leg.leg_id == ids.leg_id("test", "FL 7/2008-05-01/ATL", 0)


def only_leg(*rows, **options):
    plan = plan_of(*rows, **options)
    assert plan.issue_counts == {}
    return plan.rotations[0].legs[0]


def test_arrival_is_on_the_next_day_where_the_clock_says_so():
    leg = only_leg(row(departure="2300", arrival="15", route="LAX,ATL"))
    assert leg.arrival - leg.departure == 22 * 60 + 15
    leg = only_leg(row(departure="2300", arrival="0615", route="LAX,ATL"))
    assert leg.arrival - leg.departure == 4 * 60 + 15


def test_2400_is_midnight_at_the_end_of_the_day():
    leg = only_leg(row(departure="2200", arrival="2400"))
    assert iso_minute(leg.arrival) == "2008-05-02T04:00Z"
    leg = only_leg(row(departure="2400", arrival="130"))
    assert iso_minute(leg.departure) == "2008-05-02T04:00Z"
    assert leg.day_of_origin == "2008-05-01"


def test_an_ambiguous_departure_means_the_first_occurrence():
    leg = only_leg(row(month="11", day="2", departure="0130", arrival="0800"))
    assert iso_minute(leg.departure) == "2008-11-02T05:30Z"
    assert leg.departure_offset == -240


def test_an_ambiguous_arrival_is_the_first_occurrence_after_departure():
    # 01:45 EDT departs after the first 01:30; the second 01:30 is 45 minutes later.
    leg = only_leg(row(month="11", day="2", departure="0145", arrival="0130"))
    assert iso_minute(leg.arrival) == "2008-11-02T06:30Z"
    assert leg.arrival_offset == -300


def test_a_local_time_that_does_not_exist_is_shifted_forward():
    leg = only_leg(row(month="3", day="9", departure="0230", arrival="0600"))
    assert iso_minute(leg.departure) == "2008-03-09T07:30Z"
    assert leg.departure_offset == -240


ZONE = zoneinfo.ZoneInfo("America/New_York")


@given(
    st.sampled_from([dt.date(2008, 3, 9), dt.date(2008, 11, 2), dt.date(2008, 5, 1)]),
    st.integers(-1500, 1500),
    st.integers(0, 1439),
)
@example(dt.date(2008, 3, 9), 0, 150)
@example(dt.date(2008, 5, 1), 840, 600)
@example(dt.date(2008, 11, 2), 345, 90)
def test_the_next_local_time_is_the_first_minute_whose_clock_shows_it(day, after, time):
    start = (day.toordinal() - EPOCH.toordinal()) * 1440 + after
    minute, offset = LocalTimes().next_instant("ATL", time, start)
    expected = None
    for candidate in range(start + 1, start + 2 * 1440 + 61):
        local = instant_of(candidate).astimezone(ZONE)
        shown = local.hour * 60 + local.minute
        # The hour that the clocks skip counts as the hour after it.
        skipped = (local.month, local.day, local.hour) == (3, 9, 3) and time // 60 == 2
        if shown == time or (skipped and shown == time + 60):
            expected = candidate
            break
    assert minute == expected
    assert offset * 60 == instant_of(minute).astimezone(ZONE).utcoffset().total_seconds()


@given(st.datetimes(dt.datetime(2008, 1, 1), dt.datetime(2008, 12, 31)))
def test_local_times_agree_with_the_time_zone_database(local):
    local = local.replace(second=0, microsecond=0)
    minute, offset = LocalTimes().instant("ATL", local.toordinal(), local.hour * 60 + local.minute)
    expected = local.replace(tzinfo=ZONE, fold=0).astimezone(dt.UTC)
    assert minute == minute_of(expected)
    assert offset * 60 == expected.astimezone(ZONE).utcoffset().total_seconds()


BAD_ROWS = [
    (b"2008,5,1\n", "FLIGHTS_COLUMNS", 0),
    (row(day="32"), "FLIGHTS_DATE", 0),
    (row(day="x"), "FLIGHTS_DATE", 0),
    (row(month="2", day="30"), "FLIGHTS_DATE", 0),
    (row(number="0"), "FLIGHTS_FLIGHT", 0),
    (row(number="12345"), "FLIGHTS_FLIGHT", 0),
    (row(tail="NA"), "FLIGHTS_TAIL_NUMBER", 1),
    (row(tail=""), "FLIGHTS_TAIL_NUMBER", 1),
    (row(tail="000000"), "FLIGHTS_TAIL_NUMBER", 1),
    (row(tail="n1\xe9"), "FLIGHTS_TAIL_NUMBER", 1),
    (row(departure="2401"), "FLIGHTS_TIME", 1),
    (row(arrival="1260"), "FLIGHTS_TIME", 1),
    (row(arrival="NA"), "FLIGHTS_TIME", 1),
    (row(route="atl,MCO"), "FLIGHTS_AIRPORT", 1),
    (row(route="PFN,MCO"), "TIME_ZONE_UNKNOWN", 1),
    (row(route="ATL,PFN"), "TIME_ZONE_UNKNOWN", 1),
]


@pytest.mark.parametrize(("bad", "rule", "items"), BAD_ROWS)
def test_a_bad_row_is_an_issue_and_the_others_are_read(bad, rule, items):
    plan = plan_of(bad, row(day="2"))
    assert [leg.day_of_origin for leg in plan.rotations[0].legs] == ["2008-05-02"]
    (issue,) = plan.issues
    assert (issue.line, issue.rule, issue.rejected) == (1, rule, True)
    assert (plan.records, plan.items, plan.rejected) == (2, 1 + items, items)
    assert plan.lines_rejected == 1 - items
    assert plan_of(bad, row(day="2"), strict=True).refused


def test_a_time_zone_that_the_reference_data_lack_can_be_given():
    plan = plan_of(row(route="PFN,MCO"), time_zones={"PFN": "America/Chicago"})
    assert iso_minute(plan.rotations[0].legs[0].departure) == "2008-05-01T15:00Z"
    assert plan.issue_counts == {"AIRPORT_UNKNOWN": 1}
    plan = plan_of(row(), time_zones={"ATL": "Mars/Base"})
    assert plan.issue_counts == {"TIME_ZONE_UNKNOWN": 1}


def test_a_leg_that_overlaps_the_last_kept_one_is_refused_and_listed():
    plan = plan_of(
        row(),
        row(number="8", departure="1100", arrival="1500"),
        row(number="9", departure="1200", arrival="1300"),
    )
    assert [leg.flight_number for leg in plan.rotations[0].legs] == [7, 9]
    (issue,) = plan.issues
    assert (issue.line, issue.rule) == (2, "LEG_OVERLAP")
    assert "FL 7/2008-05-01/ATL" in issue.message
    assert "FL 8/2008-05-01/ATL" in issue.message
    assert (plan.items, plan.rejected) == (3, 1)


def test_a_flight_given_twice_is_handled_as_asked():
    rows = (row(), row(tail="N2AT"))
    assert [r.name for r in plan_of(*rows).rotations] == ["N1AT", "N2AT"]
    rejected = plan_of(*rows, duplicates=DuplicateHandling.REJECT)
    assert [r.name for r in rejected.rotations] == ["N1AT"]
    replaced = plan_of(*rows, duplicates=DuplicateHandling.REPLACE)
    assert [r.name for r in replaced.rotations] == ["N2AT"]


def test_the_real_flights_equal_an_independent_computation(test_data):
    path = test_data / "rotations" / "flights_2008_5_1.csv"
    planner = FlightsPlanner("test")
    planner.feed(path.read_bytes())
    plan = planner.finish()
    kept, refused = independent_flights(path)
    got = {
        (rotation.name, leg.flight_number, leg.departure, leg.arrival)
        for rotation in plan.rotations
        for leg in rotation.legs
    }
    assert got == kept
    assert (plan.items, plan.rejected) == (10_000, refused)
    assert (len(plan.rotations), len(plan.airplanes)) == (141, 141)
    assert (len(kept), refused) == (9_932, 68)
    assert plan.issue_counts == {"LEG_OVERLAP": 68}


def independent_flights(path):
    """Kept flights and the number of overlapping ones, by DuckDB's time zones and a plain loop."""
    connection = duckdb.connect()
    connection.execute("create table zones (iata varchar, zone varchar)")
    flights = connection.read_csv(str(path), header=False, all_varchar=True)
    airports = {code for row in flights.project("column16, column17").fetchall() for code in row}
    connection.executemany(
        "insert into zones values (?, ?)", [(code, reference.time_zone(code)) for code in airports]
    )
    rows = connection.execute(
        """
        with flights as (
            select column10 as tail, column09::int as number,
                d.zone as from_zone, a.zone as to_zone,
                make_timestamp(column00::int, column01::int, column02::int,
                    column05::int // 100, column05::int % 100, 0) as local_departure,
                column07::int as sta
            from read_csv(?, header=false, all_varchar=true)
            join zones d on d.iata = column16 join zones a on a.iata = column17
        ), departures as (
            select *, timezone(from_zone, local_departure) as departure from flights
        ), candidates as (
            select *, timezone(to_zone, date_trunc('day', timezone(to_zone, departure))
                + to_days(shift) + to_minutes(sta // 100 * 60 + sta % 100)) as arrival
            from departures, (values (0), (1)) as shifts(shift)
        )
        select tail, number, (epoch(departure) / 60)::bigint as dep,
            (epoch(min(arrival) filter (arrival > departure)) / 60)::bigint as arr
        from candidates group by tail, number, departure order by tail, dep, arr
        """,
        [str(path)],
    ).fetchall()
    kept, refused, last = set(), 0, {}
    for tail, number, departure, arrival in rows:
        if departure < last.get(tail, -(2**62)):
            refused += 1
        else:
            kept.add((tail, number, departure, arrival))
            last[tail] = arrival
    return kept, refused


def finish(planner, data):
    planner.feed(data)
    return planner.finish()


def test_airplanes_are_read_from_csv():
    data = (
        b"\xef\xbb\xbfregistration, Aircraft_Type ,minimum_ground_minutes\r\n"
        b"F-OABC,772,75\r\n\r\nF-OXYZ,,\nF-OABC,773,\nbad one,772,\nF-O,772,x\nF-O,772,10081\n"
    )
    plan = finish(AirplanesPlanner("test"), data)
    assert [
        (plane.registration, plane.aircraft_type, plane.minimum_ground_minutes)
        for plane in plan.airplanes
    ] == [("F-OABC", "772", 75), ("F-OXYZ", "", None)]
    assert plan.airplanes[0].airplane_id == ids.airplane_id("test", "F-OABC")
    assert (plan.items, plan.rejected) == (6, 4)
    assert plan.issue_counts == {"CSV_REPEATED": 1, "CSV_VALUE": 3}
    assert [issue.line for issue in plan.issues] == [5, 6, 7, 8]


def test_airports_are_read_from_csv_with_the_time_zone_of_the_reference_data():
    data = (
        b"time_zone,iata,minimum_ground_minutes\nEurope/Paris,CDG,45\n,MRS,\nMars/Base,XXX,\n"
        b",QQQ,5\n,cdg,\n"
    )
    plan = finish(AirportsPlanner("test"), data)
    assert [
        (airport.iata, airport.minimum_ground_minutes, airport.time_zone)
        for airport in plan.airports
    ] == [("CDG", 45, "Europe/Paris"), ("MRS", None, "Europe/Paris"), ("QQQ", 5, "")]
    assert plan.issue_counts == {"CSV_VALUE": 2}


@pytest.mark.parametrize("planner", [AirplanesPlanner, AirportsPlanner])
def test_a_csv_file_without_its_header_or_without_anything_gives_nothing(planner):
    plan = finish(planner("test", strict=True), b"F-OABC,772,75\nF-OXYZ,772,75\n")
    assert plan.issue_counts == {"CSV_HEADER": 1}
    assert plan.refused
    assert (plan.airplanes, plan.airports, plan.rejected) == ((), (), 1)
    assert finish(planner("test"), b"").issue_counts == {"FILE_EMPTY": 1}
