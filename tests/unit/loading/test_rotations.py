"""Which leg goes into which rotation: assignments, onward flights, flight and day; duplicates."""

import datetime as dt
from collections import Counter

import pytest

from flightmesh import ids
from flightmesh.domain.values import instant_of
from flightmesh.loading.issues import IssueLog
from flightmesh.loading.onward import departures_by_flight, resolve
from flightmesh.loading.source_legs import DuplicateHandling, LegCollector
from flightmesh.loading.ssim_expand import expand_ssim
from flightmesh.loading.ssim_records import parse_ssim

HEADER = b"carrier,flight_number,suffix,day_of_origin,departure_airport,rotation,registration\n"


def shape(plan):
    return {
        rotation.name: [f"{leg.flight_number}{leg.departure_airport}" for leg in rotation.legs]
        for rotation in plan.rotations
    }


def pair(ssim, **fields):
    """MRS 10:00 - CDG 11:30 as 946, then CDG 12:30 - MRS 14:00 as 947."""
    back = {"number": " 947", "origin": "CDG", "destination": "MRS"}
    times = {"departure": "1230", "arrival": "1400"}
    return ssim.leg(onward="XX  947  ", **fields), ssim.leg(**back, **times)


def test_without_more_said_a_rotation_holds_the_legs_of_a_flight_and_day(ssim, load):
    first = ssim.leg(last="15JUN05", days=" 23    ")
    second = ssim.leg(
        sequence="02",
        last="15JUN05",
        days=" 23    ",
        origin="CDG",
        destination="RUN",
        departure="1200",
        arrival="2300",
        arrival_variation="+0400",
    )
    plan = load(ssim.file(first, second))
    assert shape(plan) == {
        "XX 946/2005-06-14": ["946MRS", "946CDG"],
        "XX 946/2005-06-15": ["946MRS", "946CDG"],
    }
    assert not any(rotation.explicit for rotation in plan.rotations)
    for rotation in plan.rotations:
        assert rotation.rotation_id == ids.rotation_id("test", rotation.name)


def test_legs_of_a_flight_that_overlap_are_split(ssim, load):
    other = ssim.leg(sequence="02", origin="CDG", destination="DZA", departure="1100")
    plan = load(ssim.file(ssim.leg(), other))
    assert shape(plan) == {"XX 946/2005-06-14": ["946MRS"], "XX 946/2005-06-14#2": ["946CDG"]}


def test_onward_flights_are_chained(ssim, load):
    plan = load(ssim.file(*pair(ssim)))
    assert shape(plan) == {"XX 946/2005-06-14/MRS": ["946MRS", "947CDG"]}


def test_a_layover_skips_departures_within_its_days(ssim, load):
    leg = ssim.leg(onward="XX  9471 ")
    daily = ssim.leg(
        number=" 947",
        last="16JUN05",
        days=" 234   ",
        origin="CDG",
        destination="MRS",
        departure="1230",
        arrival="1400",
    )
    plan = load(ssim.file(leg, daily))
    chain = next(rotation for rotation in plan.rotations if len(rotation.legs) == 2)
    assert [leg.day_of_origin for leg in chain.legs] == ["2005-06-14", "2005-06-15"]


def test_an_onward_flight_follows_one_leg_only_and_the_other_is_noted(ssim, load):
    first, back = pair(ssim)
    late = ssim.leg(number=" 950", departure="1015", arrival="1145", onward="XX  947  ")
    plan = load(ssim.file(late, first, back))
    assert shape(plan) == {
        "XX 946/2005-06-14/MRS": ["946MRS", "947CDG"],
        "XX 950/2005-06-14": ["950MRS"],
    }
    assert plan.issue_counts == {"SSIM_ONWARD_TAKEN": 1}


def test_an_onward_flight_that_has_left_already_is_noted(ssim, load):
    first, back = pair(ssim, arrival="1231")
    plan = load(ssim.file(first, back))
    assert shape(plan) == {"XX 946/2005-06-14": ["946MRS"], "XX 947/2005-06-14": ["947CDG"]}
    assert plan.issue_counts == {"SSIM_ONWARD_UNRESOLVED": 1}


def test_the_assignments_file_goes_first_and_gives_the_airplane(ssim, load):
    rows = HEADER + b"XX,946,,2005-06-14,MRS,line 1,F-OABC\n"
    plan = load(ssim.file(*pair(ssim)), rows)
    assert shape(plan) == {"line 1": ["946MRS"], "XX 947/2005-06-14": ["947CDG"]}
    line = plan.rotations[0]
    assert (line.name, line.registration, line.explicit) == ("line 1", "F-OABC", True)
    assert plan.issue_counts == {}


def test_bad_assignments_are_issues_and_the_others_count(ssim, load):
    rows = HEADER + (
        b"XX,946,,2005-06-14,MRS,line 1,F-OABC\n"
        b"XX,947,,2005-06-14,CDG,line 1,F-OXYZ\n"
        b"XX,948,,2005-06-14,CDG,line 1,\n"
        b"XX,0,,2005-06-14,CDG,line 1,\n"
        b"XX,1,,2005-06-31,CDG,line 1,\n"
        b"XX,1,,2005-06-14,CDG,,\n"
        b"XX,1,,2005-06-14,CDG,line 1,f-oabc\n"
        b"XX,1\n"
        b"\xff\n"
    )
    plan = load(ssim.file(*pair(ssim)), rows)
    assert shape(plan) == {"line 1": ["946MRS", "947CDG"]}
    assert plan.rotations[0].registration == "F-OABC"
    assert plan.issue_counts == {
        "ASSIGNMENT_CONFLICT": 1,
        "ASSIGNMENT_NO_LEG": 1,
        "CSV_VALUE": 4,
        "CSV_COLUMNS": 1,
        "CSV_ENCODING": 1,
    }


def test_an_assignments_file_without_its_header_assigns_nothing(ssim, load):
    plan = load(ssim.file(ssim.leg()), b"XX,946,,2005-06-14,MRS,line 1,F-OABC\n" * 2)
    assert shape(plan) == {"XX 946/2005-06-14": ["946MRS"]}
    assert plan.issue_counts == {"CSV_HEADER": 1}
    assert load(ssim.file(ssim.leg()), b"XX,946\n", strict=True).refused


def test_a_leg_that_overlaps_in_its_rotation_is_refused_with_both_named(ssim, load):
    rows = HEADER + b"XX,946,,2005-06-14,MRS,a,\nXX,950,,2005-06-14,MRS,a,\n"
    late = ssim.leg(number=" 950", departure="1129", arrival="1300")
    plan = load(ssim.file(late, ssim.leg()), rows)
    assert shape(plan) == {"a": ["946MRS"]}
    assert (plan.items, plan.rejected) == (2, 1)
    (issue,) = plan.issues
    assert issue.rule == "LEG_OVERLAP"
    assert "XX 950/2005-06-14/MRS" in issue.message
    assert "XX 946/2005-06-14/MRS" in issue.message


def test_legs_that_touch_stay_in_one_rotation(ssim, load):
    rows = HEADER + b"XX,946,,2005-06-14,MRS,a,\nXX,950,,2005-06-14,MRS,a,\n"
    late = ssim.leg(number=" 950", departure="1130", arrival="1300")
    assert shape(load(ssim.file(late, ssim.leg()), rows)) == {"a": ["946MRS", "950MRS"]}


def twice(ssim):
    return ssim.file(ssim.leg(aircraft="733"), ssim.leg(aircraft="744", departure="1400"))


@pytest.mark.parametrize(
    ("handling", "types", "rejected", "rule"),
    [
        (DuplicateHandling.REPORT, ["733", "744"], 0, "DUPLICATE_REPORTED"),
        (DuplicateHandling.REJECT, ["733"], 1, "DUPLICATE_REJECTED"),
        (DuplicateHandling.REPLACE, ["744"], 1, "DUPLICATE_REPLACED"),
    ],
)
def test_a_repeated_designator_is_handled_as_asked(
    ssim, load, legs_of, handling, types, rejected, rule
):
    plan = load(twice(ssim), duplicates=handling)
    legs = sorted(legs_of(plan), key=lambda leg: leg.aircraft_type)
    assert [leg.aircraft_type for leg in legs] == types
    assert [leg.leg_id for leg in legs] == [
        ids.leg_id("test", "XX 946/2005-06-14/MRS", number) for number in range(len(types))
    ]
    assert (plan.items, plan.rejected, plan.duplicate_designators) == (2, rejected, 1)
    assert plan.issue_counts == {rule: 1}


def test_the_rows_of_a_repeated_designator_are_for_its_legs_in_turn(ssim, load):
    row = b"XX,946,,2005-06-14,MRS,"
    plan = load(twice(ssim), HEADER + row + b"a,\n" + row + b"b,\n")
    names = {rotation.name: rotation.legs[0].aircraft_type for rotation in plan.rotations}
    assert names == {"a": "733", "b": "744"}


def test_the_real_file_gives_its_legs_and_chains(load, legs_of, test_data):
    data = (test_data / "ssim" / "XX_S05.ssim").read_bytes()
    plan = load(data)
    legs = legs_of(plan)
    assert len(legs) == len({leg.leg_id for leg in legs}) == 3_070
    assert (plan.items, plan.rejected, plan.records) == (3_070, 0, 512)
    assert load(data) == plan
    # Counted apart: 973 dated legs name an onward flight, one of them none that departs later.
    assert plan.issue_counts["SSIM_ONWARD_UNRESOLVED"] == 1
    assert not load(data, strict=True).refused


def test_onward_flights_of_the_real_file_resolve(test_data):
    data = (test_data / "ssim" / "XX_S05.ssim").read_bytes()
    log = IssueLog()
    collector = LegCollector("test", DuplicateHandling.REPORT, log)
    legs = list(expand_ssim(parse_ssim([data], log), collector, log))
    departures = departures_by_flight(legs)
    named = [source for source in legs if source.onward]
    assert len(named) == 973
    assert sum(resolve(source, departures) is not None for source in named) == 972


def test_the_dated_legs_of_the_real_file_equal_an_independent_expansion(load, legs_of, test_data):
    data = (test_data / "ssim" / "XX_S05.ssim").read_bytes()
    expected: Counter = Counter()
    for line in data.decode("ascii").splitlines():
        if line[0] != "3":
            continue
        first, last = (dt.datetime.strptime(line[n : n + 7], "%d%b%y") for n in (14, 21))
        while first <= last:
            if str(first.isoweekday()) in line[28:35]:
                out, back = (
                    first
                    + dt.timedelta(hours=int(line[n : n + 2]), minutes=int(line[n + 2 : n + 4]))
                    for n in (43, 57)
                )
                back += dt.timedelta(days=back <= out)
                expected[(line[5:9].strip() + line[1].strip(), line[36:39], out, back)] += 1
            first += dt.timedelta(1)
    got = Counter(
        (
            f"{leg.flight_number}{leg.suffix}",
            leg.departure_airport,
            instant_of(leg.departure).replace(tzinfo=None),
            instant_of(leg.arrival).replace(tzinfo=None),
        )
        for leg in legs_of(load(data))
    )
    assert got == expected
    assert sum(expected.values()) == 3_070


def test_the_real_file_has_later_legs_that_depart_after_their_day_of_origin(
    load, legs_of, test_data
):
    legs = legs_of(load((test_data / "ssim" / "XX_S05.ssim").read_bytes()))
    route = [
        (leg.departure_airport, str(instant_of(leg.departure).date()))
        for leg in legs
        if leg.flight_number == 946 and leg.day_of_origin == "2005-06-14"
    ]
    assert route == [("MRS", "2005-06-14"), ("HAH", "2005-06-15"), ("DZA", "2005-06-15")]


def test_an_assignments_file_with_other_columns_makes_the_load_unusable(ssim, load):
    assert not load(ssim.file(ssim.leg()), HEADER).unusable
    assert load(ssim.file(ssim.leg()), b"registration,aircraft_type\nF-ABCD,320\n").unusable
