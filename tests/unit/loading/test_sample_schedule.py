"""The sample schedule: plausible, deterministic, and with a few findings of each kind."""

import datetime as dt
from itertools import pairwise

import pytest

from flightmesh.domain.values import DEFAULT_GROUND_MINUTES, check_leg
from flightmesh.loading.sample_schedule import sample_schedule


@pytest.fixture(scope="module", params=[dt.date(2026, 11, 23), dt.date(2026, 3, 23)])
def plan(request):
    return sample_schedule("sample", request.param)


def lines(plan):
    by_registration = {}
    for rotation in plan.rotations:
        for leg in rotation.legs:
            by_registration.setdefault(rotation.registration, []).append((leg, rotation.name))
    for flown in by_registration.values():
        flown.sort(key=lambda item: (item[0].departure, item[0].arrival, item[0].leg_id))
    return by_registration


def test_it_is_the_same_every_time():
    day = dt.date(2026, 11, 23)
    assert sample_schedule("sample", day) == sample_schedule("sample", day)


def test_it_has_the_size_of_a_small_airline(plan):
    assert len(plan.airplanes) == 60
    assert len({airplane.aircraft_type for airplane in plan.airplanes}) == 4
    assert 3_000 < plan.leg_count == plan.items < 6_000
    legs = [leg for rotation in plan.rotations for leg in rotation.legs]
    assert len({leg.leg_id for leg in legs}) == len(legs)
    for leg in legs:
        check_leg(leg)
    assert all(airport.time_zone for airport in plan.airports)


def test_it_has_a_few_findings_of_each_kind(plan):
    airplanes = {airplane.registration: airplane for airplane in plan.airplanes}
    minimum = {airport.iata: airport.minimum_ground_minutes or 0 for airport in plan.airports}
    continuity = ground = overlap = wrong_type = 0
    for registration, flown in lines(plan).items():
        airplane = airplanes.get(registration)
        for (here, name), (there, other) in pairwise(flown):
            gap = there.departure - here.arrival
            own = (airplane.minimum_ground_minutes or 0) if airplane else 0
            needed = max(minimum.get(there.departure_airport, 0), own) or DEFAULT_GROUND_MINUTES
            continuity += here.arrival_airport != there.departure_airport
            ground += gap < needed
            overlap += gap < 0
            assert gap >= 0 or name != other
        if airplane:
            wrong_type += sum(leg.aircraft_type != airplane.aircraft_type for leg, _ in flown)
    unknown = sum(rotation.registration not in airplanes for rotation in plan.rotations)
    for count in (continuity, ground, overlap, wrong_type, unknown, plan.duplicate_designators):
        assert 3 <= count <= 45
    assert plan.duplicate_designators == wrong_type == unknown == 3


def test_too_short_a_period_is_an_error():
    with pytest.raises(ValueError, match="at least 7"):
        sample_schedule("sample", dt.date(2026, 11, 23), 3)
