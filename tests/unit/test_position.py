import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightmesh.errors import InvalidInput
from flightmesh.position import Position

positions = st.builds(
    lambda base, entries: Position({k + base: v for k, v in entries.items()}, base),
    st.integers(0, 50),
    st.dictionaries(st.integers(1, 50), st.integers(0, 1000), max_size=5),
)


@given(positions)
def test_a_token_reads_back_as_the_position(position: Position) -> None:
    assert Position.parse(position.token()) == position


@given(positions, positions)
def test_a_merged_position_covers_both(one: Position, other: Position) -> None:
    merged = one.merged(other)
    assert merged == other.merged(one)
    assert merged.covers(one)
    assert merged.covers(other)


@given(positions)
def test_every_position_covers_the_beginning_and_itself(position: Position) -> None:
    assert position.covers(Position())
    assert position.covers(position)


def test_an_unknown_ledger_is_not_covered() -> None:
    assert not Position.parse("71:5").covers(Position.parse("72:0"))
    assert Position.parse("~72").covers(Position.parse("72:9"))
    assert not Position.parse("71:5,72:9").covers(Position.parse("~72"))


@pytest.mark.parametrize(
    "token", ["x", "71", "71:", ":4", "71:4:4", "~", "71:-1", "71:4,", "7\u0661:4"]
)
def test_text_that_is_no_token_is_refused_with_the_name_of_the_field(token: str) -> None:
    with pytest.raises(InvalidInput, match="min_position"):
        Position.parse(token, "min_position")
