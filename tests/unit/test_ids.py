import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightmesh import ids
from flightmesh.domain.values import designator


@given(st.uuids())
def test_a_uuid_goes_to_bytes_and_back(value: uuid.UUID) -> None:
    assert ids.id_bytes(str(value)) == value.bytes
    assert ids.id_text(value.bytes) == str(value)
    assert ids.is_uuid(str(value))


@given(st.integers(0, (1 << 48) - 1), st.integers(0, (1 << 74) - 1))
def test_a_command_id_is_a_uuid7_that_carries_its_time(unix_ms: int, bits: int) -> None:
    text = ids.uuid7(unix_ms, bits)
    value = uuid.UUID(text)
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == unix_ms
    assert ids.is_uuid7(text)


@given(st.integers(0, (1 << 48) - 2), st.integers(0, (1 << 74) - 1), st.integers(0, (1 << 74) - 1))
def test_later_command_ids_sort_after_earlier_ones(unix_ms: int, one: int, other: int) -> None:
    assert ids.uuid7(unix_ms, one) < ids.uuid7(unix_ms + 1, other)


def test_other_versions_are_no_command_ids() -> None:
    assert not ids.is_uuid7(str(uuid.uuid4()))
    assert not ids.is_uuid7("018F4D5E-0000-7000-8000-000000000000")


@pytest.mark.parametrize(
    ("aggregate_id", "of_64", "of_128"),
    [
        ("00000000-0000-0000-0000-000000000000", 21, 85),
        ("6f1d2c5e-8c0b-5b0e-9a52-3f1f6d657368", 7, 71),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", 9, 9),
    ],
)
def test_shards_follow_the_published_vectors(aggregate_id: str, of_64: int, of_128: int) -> None:
    assert ids.shard_of(aggregate_id, 64) == of_64
    assert ids.shard_of(aggregate_id, 128) == of_128


@given(st.uuids(), st.integers(0, 12))
def test_doubling_the_shards_splits_each_in_two(value: uuid.UUID, power: int) -> None:
    count = 1 << power
    old, new = ids.shard_of(str(value), count), ids.shard_of(str(value), 2 * count)
    assert new in (old, old + count)


def test_derived_ids_do_not_run_into_each_other() -> None:
    assert ids.derive("a", "bc") != ids.derive("ab", "c")
    assert ids.leg_id("s", "XX 1/2026-01-01/ORY", 0) != ids.leg_id("s", "XX 1/2026-01-01/ORY", 1)


def test_designators_of_carriers_that_end_in_a_digit_are_told_apart() -> None:
    one = designator("IR9", 1, "", "2026-01-01", "ORY")
    other = designator("IR", 91, "", "2026-01-01", "ORY")
    assert one != other
