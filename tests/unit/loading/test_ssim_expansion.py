"""From SSIM records to dated legs: days, days of origin, arrivals, time modes."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightmesh.domain.values import EPOCH, instant_of, iso_minute
from flightmesh.loading.ssim_fields import format_date, format_days, format_time, format_variation
from flightmesh.loading.ssim_periods import periods


def days_of(legs):
    return [leg.day_of_origin for leg in legs]


def test_a_leg_flies_on_its_weekdays_within_its_period(ssim, load, legs_of):
    leg = ssim.leg(first="13JUN05", last="24JUN05", days="1 0 5  ")
    days = days_of(legs_of(load(ssim.file(leg))))
    assert days == ["2005-06-13", "2005-06-17", "2005-06-20", "2005-06-24"]


def test_fortnightly_weeks_are_counted_from_the_first_day(ssim, load, legs_of):
    # From a Thursday, on Mondays and Thursdays: the Monday after belongs to the same cycle.
    leg = ssim.leg(first="16JUN05", last="04JUL05", days="1  4   ", frequency="2")
    plan = load(ssim.file(leg))
    assert days_of(legs_of(plan)) == ["2005-06-16", "2005-06-20", "2005-06-30", "2005-07-04"]
    assert plan.issue_counts == {}


def test_a_fortnightly_period_that_ends_on_a_day_off_is_noted(ssim, load):
    leg = ssim.leg(first="16JUN05", last="01JUL05", days="   4   ", frequency="2")
    assert load(ssim.file(leg)).issue_counts == {"SSIM_FORTNIGHT": 1}


def test_a_leg_that_never_flies_is_noted(ssim, load, legs_of):
    plan = load(ssim.file(ssim.leg(days="1      ")))
    assert legs_of(plan) == []
    assert plan.issue_counts == {"SSIM_NO_DATES": 1}


@pytest.mark.parametrize(
    ("departure", "arrival", "expected"),
    [
        ("2350", "2400", "2005-06-15T00:00Z"),
        ("2350", "0000", "2005-06-15T00:00Z"),
        ("0000", "2400", "2005-06-15T00:00Z"),
        ("2200", "0100", "2005-06-15T01:00Z"),
        ("1000", "1000", "2005-06-15T10:00Z"),
    ],
)
def test_arrival_is_the_first_such_time_after_departure(
    ssim, load, legs_of, departure, arrival, expected
):
    (leg,) = legs_of(load(ssim.file(ssim.leg(departure=departure, arrival=arrival))))
    assert iso_minute(leg.arrival) == expected


def test_date_variations_tell_an_arrival_more_than_a_day_later(ssim, load, legs_of):
    leg = ssim.leg(departure="1000", arrival="1130", date_variations="01")
    (leg,) = legs_of(load(ssim.file(leg)))
    assert leg.arrival - leg.departure == 24 * 60 + 90


def test_impossible_date_variations_are_not_believed(ssim, load, legs_of):
    (leg,) = legs_of(load(ssim.file(ssim.leg(date_variations="07"))))
    assert leg.arrival - leg.departure == 90


def test_a_local_file_across_the_date_line_gives_a_plausible_flight(ssim, load, legs_of):
    leg = ssim.leg(
        origin="NRT",
        departure="1700",
        departure_variation="+0900",
        destination="LAX",
        arrival="1000",
        arrival_variation="-0700",
    )
    (leg,) = legs_of(load(ssim.file(leg, mode="L")))
    assert iso_minute(leg.departure) == "2005-06-14T08:00Z"
    assert leg.arrival - leg.departure == 9 * 60
    assert leg.day_of_origin == "2005-06-14"


def second_leg(ssim, **fields):
    values = {
        "sequence": "02",
        "origin": "CDG",
        "destination": "RUN",
        "departure": "0100",
        "arrival": "1200",
        "arrival_variation": "+0400",
        **fields,
    }
    return ssim.leg(**values)


def test_day_of_origin_of_a_later_leg_is_that_of_its_first_leg(ssim, load, legs_of):
    first = ssim.leg(departure="2300", arrival="2359", last="28JUN05")
    second = second_leg(ssim, first="15JUN05", last="29JUN05", days="  3    ")
    # The suffix does not belong to the itinerary, and the file need not be sorted.
    other = second_leg(ssim, first="15JUN05", last="15JUN05", days="  3    ", variation="02")
    plan = load(ssim.file(second, first, other))
    days = [leg.day_of_origin for leg in legs_of(plan) if leg.departure_airport == "CDG"]
    assert sorted(days) == ["2005-06-14", "2005-06-15", "2005-06-21", "2005-06-28"]
    assert plan.issue_counts == {"SSIM_ITINERARY": 1}


def test_a_date_variation_gives_the_day_of_origin_if_the_first_leg_flies_then(ssim, load, legs_of):
    first = ssim.leg(departure="2300", arrival="2359")
    believed = second_leg(ssim, first="16JUN05", last="16JUN05", days="   4   ")
    believed = believed[:192] + b"22" + believed[194:]
    plan = load(ssim.file(first, believed))
    assert days_of(legs_of(plan)) == ["2005-06-14", "2005-06-14"]
    assert plan.issue_counts == {}
    # Eight-digit serial numbers look like date variations 00.
    wrong = second_leg(ssim, first="15JUN05", last="15JUN05", days="  3    ")
    wrong = wrong[:192] + b"00" + wrong[194:]
    plan = load(ssim.file(first, wrong))
    assert days_of(legs_of(plan)) == ["2005-06-14", "2005-06-14"]
    assert plan.issue_counts == {"SSIM_DATE_VARIATION": 1}


def test_of_two_arrivals_at_once_the_one_with_the_same_suffix_begins_the_flight(
    ssim, load, legs_of
):
    plain = ssim.leg(departure="2300", arrival="2359")
    before = ssim.leg(
        suffix="Z", departure="0100", arrival="2359", first="14JUN05", date_variations="  "
    )
    day_before = before[:192] + b"1 " + before[194:]
    for suffix, origin in (("", "2005-06-14"), ("Z", "2005-06-13")):
        second = second_leg(ssim, suffix=suffix, first="15JUN05", last="15JUN05", days="  3    ")
        legs = legs_of(load(ssim.file(plain, day_before, second)))
        assert legs[-1].day_of_origin == origin


def test_a_layover_in_transit_goes_back_to_the_arrival_before_it(ssim, load, legs_of):
    first = ssim.leg(departure="2300", arrival="2359", last="16JUN05", days=" 234   ")
    second = second_leg(ssim, first="16JUN05", last="16JUN05", days="   4   ", transit="1")
    legs = legs_of(load(ssim.file(first, second)))
    (later,) = [leg for leg in legs if leg.departure_airport == "CDG"]
    assert later.day_of_origin == "2005-06-14"


def test_two_blocks_of_one_carrier_do_not_share_itineraries(ssim, load, legs_of):
    first = ssim.leg(departure="2300", arrival="2359")
    second = second_leg(ssim, first="15JUN05", last="15JUN05", days="  3    ")
    lines = [ssim.header(), ssim.carrier(), first, ssim.trailer()]
    lines += [ssim.carrier(), second, ssim.trailer()]
    assert days_of(legs_of(load(b"\n".join(lines)))) == ["2005-06-14", "2005-06-15"]


def test_a_variation_that_the_time_zones_contradict_is_believed_with_a_notice(ssim, load, legs_of):
    plan = load(ssim.file(ssim.leg(departure_variation="+0100"), mode="L"))
    (leg,) = legs_of(plan)
    assert leg.departure_offset == 60
    assert iso_minute(leg.departure) == "2005-06-14T09:00Z"
    (issue,) = plan.issues
    assert (issue.rule, issue.column, issue.rejected) == ("SSIM_TIME_ZONE", 48, False)


def test_a_period_across_the_change_of_the_clocks_is_noted_once(ssim, load, legs_of):
    leg = ssim.leg(first="22OCT05", last="05NOV05", days="     6 ")
    plan = load(ssim.file(leg))
    assert len(legs_of(plan)) == 3
    assert plan.issue_counts == {"SSIM_OUTSIDE_VALIDITY": 1, "SSIM_TIME_ZONE": 2}


def test_an_unknown_airport_is_loaded_with_one_notice(ssim, load, legs_of):
    plan = load(ssim.file(ssim.leg(origin="QQQ"), ssim.leg(number="   7", origin="QQQ")))
    assert len(legs_of(plan)) == 2
    assert plan.issue_counts == {"AIRPORT_UNKNOWN": 1}


def test_a_file_with_too_many_dated_legs_is_cut_with_an_issue(ssim, load, legs_of):
    long = ssim.leg(number="   1", first="27MAR05", last="05APR05", days="1234567")
    plan = load(ssim.file(ssim.leg(), long, ssim.leg(number="   2")), limit=11)
    assert len(legs_of(plan)) == 11
    assert plan.issue_counts["SSIM_TOO_MANY_LEGS"] == 1


STATIONS = ("MRS", "CDG", "RUN", "DZA")


@st.composite
def flights(draw):
    """A flight of up to three legs: local days of the first leg, UTC offsets, and times."""
    count = draw(st.integers(1, 3))
    start = dt.date(2005, 1, 1).toordinal() + draw(st.integers(0, 800))
    days = sorted(draw(st.sets(st.integers(start, start + 30), min_size=1, max_size=8)))
    offsets = draw(st.lists(st.integers(-44, 48), min_size=count + 1, max_size=count + 1))
    legs = []
    clock = draw(st.integers(0, 1439))
    for number in range(count):
        end = clock + draw(st.integers(1, 1440))
        legs.append((number, clock, end))
        clock = end + draw(st.integers(0, 1439))
    return days, [15 * offset for offset in offsets], legs


def write(ssim, flight, *, utc):
    """The flight's file; `legs` count minutes from local midnight (first airport) of the day."""
    days, offsets, legs = flight
    records = []
    for variation, period in enumerate(periods(days), 1):
        for number, start, end in legs:
            base = -offsets[0]
            departs = start + base + (0 if utc else offsets[number])
            arrives = end + base + (0 if utc else offsets[number + 1])
            shift = departs // 1440
            mask = sum(1 << (bit + shift) % 7 for bit in range(7) if period.days >> bit & 1)
            records.append(
                ssim.leg(
                    variation=f"{variation:02}",
                    sequence=f"{number + 1:02}",
                    first=format_date(period.first + shift),
                    last=format_date(period.last + shift),
                    days=format_days(mask),
                    origin=STATIONS[number],
                    destination=STATIONS[number + 1],
                    departure=format_time(departs % 1440),
                    arrival=format_time(arrives % 1440),
                    departure_variation=format_variation(offsets[number]),
                    arrival_variation=format_variation(offsets[number + 1]),
                )
            )
    return ssim.file(*records, mode="U" if utc else "L")


@settings(max_examples=60)
@given(flight=flights())
def test_a_schedule_written_in_utc_and_in_local_time_is_the_same(ssim, load, flight):
    days, offsets, legs = flight
    expected = set()
    origins = {True: set(), False: set()}
    for day in days:
        midnight = (day - EPOCH.toordinal()) * 1440 - offsets[0]
        begin = instant_of(midnight + legs[0][1])
        for number, start, end in legs:
            leg = (STATIONS[number], midnight + start, midnight + end)
            expected.add(leg)
            origins[True].add((*leg, begin.date().isoformat()))
            origins[False].add((*leg, dt.date.fromordinal(day).isoformat()))
    for utc in (True, False):
        plan = load(write(ssim, flight, utc=utc))
        got = {
            (leg.departure_airport, leg.departure, leg.arrival, leg.day_of_origin)
            for rotation in plan.rotations
            for leg in rotation.legs
        }
        # Legs that overlap the flight's next day are in rotations of their own, never lost.
        assert {leg[:3] for leg in got} == expected
        assert got == origins[utc]
        assert plan.issue_counts.keys() <= {"SSIM_TIME_ZONE", "SSIM_OUTSIDE_VALIDITY"}


@given(st.sets(st.integers(732_000, 732_120), min_size=1))
def test_periods_give_exactly_their_days(days):
    found = [
        day
        for period in periods(sorted(days))
        for day in range(period.first, period.last + 1)
        if period.days >> (day - 1) % 7 & 1
    ]
    assert sorted(found) == sorted(days)
    assert len(set(found)) == len(found)


def test_a_season_with_cut_off_weeks_at_both_ends_is_one_period():
    days = [day for day in range(732_003, 732_100) if (day - 1) % 7 in (0, 2, 4)]
    assert len(periods(days)) == 1
