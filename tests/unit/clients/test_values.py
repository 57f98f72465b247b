import datetime as dt

import pytest

from clients.positions import PositionKeeper
from clients.values import new_leg
from flightmesh.api.schedule.v1.types_pb2 import Leg
from flightmesh.errors import InvalidInput

PARIS = dt.timezone(dt.timedelta(hours=2))


def leg_at(departure: dt.datetime) -> Leg:
    return new_leg(
        carrier="XX",
        flight_number=946,
        departure_airport="MRS",
        arrival_airport="ORY",
        departure_time=departure,
        arrival_time=departure + dt.timedelta(minutes=80),
    )


def test_a_leg_keeps_its_instants_in_utc_and_its_local_day_and_offset() -> None:
    leg = leg_at(dt.datetime(2005, 6, 15, 0, 50, tzinfo=PARIS))
    assert leg.departure_time.ToJsonString() == "2005-06-14T22:50:00Z"
    assert leg.arrival_time.ToJsonString() == "2005-06-15T00:10:00Z"
    assert leg.day_of_origin == "2005-06-15"
    assert (leg.departure_utc_offset_minutes, leg.arrival_utc_offset_minutes) == (120, 120)


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(InvalidInput, match="departure_time"):
        leg_at(dt.datetime(2005, 6, 15, 0, 50))


def test_positions_only_grow() -> None:
    keeper = PositionKeeper()
    for token in ("71:4", "", "74:9", "71:2", "~70,71:5"):
        keeper.saw(token)
    assert keeper.token == "~70,71:5,74:9"
    with pytest.raises(InvalidInput):
        keeper.saw("no position")
