"""Values of the shard map, their keys and their codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightmesh.errors import CorruptData
from flightmesh.sharding.shard_map import (
    MeshConstants,
    NodeRegistration,
    NodeRole,
    ShardAssignment,
    ShardMap,
    ShardState,
    decode_assignment,
    decode_constants,
    decode_registration,
    encode_assignment,
    encode_constants,
    encode_registration,
    map_key,
    registration_key,
)

assignments = st.builds(
    ShardAssignment,
    st.integers(0, 1 << 16),
    st.integers(0, 1 << 60),
    st.integers(0, 1 << 60),
    st.text(max_size=20),
    st.text(max_size=20),
    st.sampled_from(ShardState),
    st.integers(0, 1 << 60),
)
registrations = st.builds(
    NodeRegistration,
    st.text(max_size=20),
    st.sampled_from(NodeRole),
    st.text(max_size=20),
    st.integers(0, 1 << 22),
    st.integers(0, 1 << 60),
    st.booleans(),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)


@given(assignments)
def test_a_map_row_survives_its_encoding(row: ShardAssignment) -> None:
    assert decode_assignment(encode_assignment(row)) == row


@given(registrations)
def test_a_registration_survives_its_encoding(registration: NodeRegistration) -> None:
    assert decode_registration(encode_registration(registration)) == registration


def test_constants_survive_their_encoding() -> None:
    constants = MeshConstants(64, 1)
    assert decode_constants(encode_constants(constants)) == constants


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"shard": "x"}', b"\xff"])
def test_malformed_values_are_corrupt_data(data: bytes) -> None:
    for decode in (decode_assignment, decode_registration, decode_constants):
        with pytest.raises(CorruptData):
            decode(data)


def test_map_keys_sort_by_shard() -> None:
    assert map_key(12) == "map/00012"
    assert sorted(map(map_key, (100, 9, 65535))) == list(map(map_key, (9, 100, 65535)))


def test_a_newer_session_of_a_shard_node_has_a_key_of_its_own() -> None:
    old = NodeRegistration("a", NodeRole.SHARD_NODE, "a:1", session=7)
    new = NodeRegistration("a", NodeRole.SHARD_NODE, "a:1", session=12)
    assert registration_key(old) == "nodes/shard_node/000000000007"
    assert registration_key(new) != registration_key(old)
    reader = NodeRegistration("r1", NodeRole.READ_NODE, "r:1")
    assert registration_key(reader) == "nodes/read_node/r1"


def test_a_map_fills_missing_rows_and_drops_those_beyond_its_count() -> None:
    shard_map = ShardMap.of(4, 9, [ShardAssignment(1, 3, 7), ShardAssignment(5, 1, 7)])

    assert [row.shard for row in shard_map.assignments] == [0, 1, 2, 3]
    assert shard_map.shards_of(7) == (1,)
    assert shard_map.counts() == {7: 1}
    assert shard_map.assignments[0].state is ShardState.UNASSIGNED
