import datetime as dt

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from clients.cli import rows
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.domain.values import FIRST_MINUTE, LAST_MINUTE, iso_minute


def test_the_first_and_last_minute_are_those_of_1900_and_2199() -> None:
    assert iso_minute(FIRST_MINUTE) == "1900-01-01T00:00Z"
    assert iso_minute(LAST_MINUTE) == "2199-12-31T23:59Z"


@given(st.integers(FIRST_MINUTE, LAST_MINUTE))
def test_minutes_read_as_the_domain_writes_them(minute: int) -> None:
    assert rows.minute_text(Timestamp(seconds=minute * 60)) == iso_minute(minute)


@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2199, 12, 31)))
def test_instants_read_back_to_the_millisecond(instant: dt.datetime) -> None:
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    expected = instant.replace(microsecond=instant.microsecond // 1000 * 1000, tzinfo=dt.UTC)
    assert dt.datetime.fromisoformat(rows.instant_text(stamp)) == expected


def test_the_columns_of_a_leg_are_its_keys() -> None:
    assert tuple(rows.leg_row(query.PlacedLeg())) == rows.LEG_COLUMNS


@pytest.mark.parametrize("kind", query.FindingKind.keys()[1:])
def test_every_kind_has_a_total_of_its_name(kind: str) -> None:
    name = rows.kind_text(query.FindingKind.Value(kind))
    totals = query.FindingTotals(**{name: 7})
    assert rows.totals_row(totals) == {**dict.fromkeys(rows.TOTALS, 0), name: 7}


def test_a_finding_tells_minutes_only_where_its_kind_has_them() -> None:
    plain = query.Finding(kind=query.FINDING_KIND_CONTINUITY)
    assert (
        not {"ground_minutes", "required_minutes", "overlap_minutes"}
        & rows.finding_row(plain).keys()
    )
    short = query.Finding(
        kind=query.FINDING_KIND_GROUND_TIME, ground_minutes=0, required_minutes=30
    )
    row = rows.finding_row(short)
    assert (row["kind"], row["ground_minutes"], row["required_minutes"]) == ("ground_time", 0, 30)


def test_an_absent_minimum_is_not_zero() -> None:
    assert rows.airplane_row(query.AirplaneSummary())["minimum_ground_minutes"] is None
    known = query.AirplaneSummary(minimum_ground_minutes=0)
    assert rows.airplane_row(known)["minimum_ground_minutes"] == 0
