"""Decisions: command ids, expected sequences, shard sequences."""

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from flightmesh.errors import Refused
from flightmesh.eventsourcing.record import Record
from flightmesh.eventsourcing.window import WINDOW_SIZE, Remembered
from tests.unit.eventsourcing.counter import Owner, an_envelope, command_id


def record_of(outcome: Record | Remembered) -> Record:
    assert isinstance(outcome, Record)
    return outcome


def reason(owner: Owner, number: int, *amounts: int, **fields: object) -> str:
    rejection = record_of(owner.take(an_envelope(number, *amounts, **fields))).rejection
    assert rejection is not None
    return rejection.reason


def test_events_get_the_next_sequences_of_shard_and_aggregate() -> None:
    owner = Owner()
    first = record_of(owner.take(an_envelope(1, 1, 2)))
    assert (first.first_shard_sequence, first.aggregate_sequence) == (1, 2)
    second = record_of(owner.take(an_envelope(2, 3)))
    assert (second.first_shard_sequence, second.aggregate_sequence) == (3, 3)
    assert second.warnings == ("ODD: text",)
    assert owner.cell.state == [6]
    assert owner.shard.next_sequence == 4


def test_a_command_without_effect_is_a_record_without_events() -> None:
    owner = Owner()
    record = record_of(owner.take(an_envelope(1)))
    assert (record.events, record.rejection) == ((), None)
    assert (record.first_shard_sequence, record.aggregate_sequence) == (0, 0)


def test_a_repeated_id_gives_the_first_result_and_no_second_effect() -> None:
    owner = Owner()
    record = record_of(owner.take(an_envelope(1, 4)))
    owner.take(an_envelope(2, 1))
    known = owner.take(an_envelope(1, 4))
    assert isinstance(known, Remembered)
    assert (known.ledger, known.entry, known.sequence) == (1, 0, record.aggregate_sequence)
    assert owner.cell.state == [5]
    assert len(owner.records) == 2


def test_a_refusal_stays_a_refusal() -> None:
    owner = Owner()
    owner.take(an_envelope(1, 8))
    assert reason(owner, 2, 5) == "TOO_HIGH"
    owner.take(an_envelope(3, -8))
    known = owner.take(an_envelope(2, 5))
    assert isinstance(known, Remembered)
    assert known.rejection is not None
    assert known.rejection.details == {"value": "8"}
    assert owner.cell.state == [0]


def test_a_result_without_effect_stays_one() -> None:
    owner = Owner()
    owner.take(an_envelope(1))
    assert isinstance(owner.take(an_envelope(1)), Remembered)


def test_an_id_with_another_body_is_an_error_and_not_recorded() -> None:
    owner = Owner()
    owner.take(an_envelope(1, 4))
    with pytest.raises(Refused) as caught:
        owner.take(an_envelope(1, 5))
    assert caught.value.reason == "COMMAND_ID_REUSED"
    assert len(owner.records) == 1


def test_a_stale_expected_sequence_is_refused_for_good() -> None:
    owner = Owner()
    record_of(owner.take(an_envelope(1, 1, expected_sequence=0)))
    assert reason(owner, 2, 1, expected_sequence=2) == "SEQUENCE_MISMATCH"
    assert reason(owner, 3, 1, expected_sequence=0) == "SEQUENCE_MISMATCH"
    record_of(owner.take(an_envelope(4, 1, expected_sequence=1)))
    assert isinstance(owner.take(an_envelope(2, 1, expected_sequence=2)), Remembered)
    assert owner.cell.state == [2]


@pytest.mark.parametrize("fields", [{"aggregate_type": "other"}, {"scope": "other"}])
def test_an_aggregate_of_another_type_or_scope_refuses(fields: dict[str, str]) -> None:
    owner = Owner()
    owner.take(an_envelope(1, 1))
    assert reason(owner, 2, 1, **fields) == "WRONG_AGGREGATE"
    assert "s" not in owner.records[-1].record.rejection.details.values()  # type: ignore[union-attr]


def test_a_refused_first_command_does_not_fix_type_and_scope() -> None:
    owner = Owner()
    assert reason(owner, 1, 11, scope="other") == "TOO_HIGH"
    assert record_of(owner.take(an_envelope(2, 1))).rejection is None


def test_the_window_holds_4096_commands_and_what_is_older_is_too_old() -> None:
    owner = Owner()
    for number in range(WINDOW_SIZE):
        owner.take(an_envelope(100 + number))
    assert isinstance(owner.take(an_envelope(100)), Remembered)
    record_of(owner.take(an_envelope(50)))  # unknown, but nothing was dropped before it
    assert owner.cell.window.newest_dropped == command_id(100)
    for forgotten in (100, 99, 1):
        with pytest.raises(Refused) as caught:
            owner.take(an_envelope(forgotten))
        assert caught.value.reason == "COMMAND_ID_TOO_OLD"
    assert isinstance(owner.take(an_envelope(101)), Remembered)
    assert isinstance(owner.take(an_envelope(50)), Remembered)
    record_of(owner.take(an_envelope(100 + WINDOW_SIZE)))


@examples(
    st.lists(st.tuples(st.integers(1, 12), st.lists(st.integers(-4, 4), max_size=3)), max_size=40)
)
def test_every_id_has_one_effect_at_most_and_sequences_have_no_gap(
    sent: list[tuple[int, list[int]]],
) -> None:
    owner = Owner()
    for number, amounts in sent:
        try:
            owner.take(an_envelope(number, *amounts))
        except Refused as error:
            assert error.reason == "COMMAND_ID_REUSED"  # noqa: PT017 - both ways are fine
    records = [placed.record for placed in owner.records]
    assert len({record.command_id for record in records}) == len(records)
    following = 1
    for record in records:
        if record.events:
            assert record.first_shard_sequence == following
            following += len(record.events)
        assert record.aggregate_sequence == following - 1
    assert owner.shard.next_sequence == following
    value = sum(int(event.payload) for record in records for event in record.events)
    assert owner.cell.state == ([value] if owner.cell.sequence else None)
