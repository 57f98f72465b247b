"""The checker finds nothing in a true story, and each kind of violation that is planted in it."""

from collections.abc import Mapping, Sequence

from flightmesh.testing.history import History
from flightmesh.testing.history_checker import check_history
from flightmesh.verification.contents import LedgerContents
from tests.unit.testing.told import (
    A,
    body,
    command,
    entry,
    record,
    true_history,
    true_ledgers,
    with_note,
)

# Indexes of notes in the true story.
ACK_1, ACK_2, REFUSAL_1, ASK_4, ACK_4, ANSWER = 1, 5, 7, 11, 14, 16


def fold(ledgers: Sequence[LedgerContents], scope: str) -> Mapping[str, str]:
    assert scope == "s05"
    return {"leg": "as it is"}


def found(history: History, ledgers: list[LedgerContents] | None = None) -> set[tuple[str, str]]:
    """Invariants and sentences of the violations."""
    spoilt = true_ledgers() if ledgers is None else ledgers
    return {(v.invariant, v.what) for v in check_history(history, spoilt, fold)}


def test_a_true_story_has_no_violation() -> None:
    assert check_history(true_history(), true_ledgers(), fold, progress_within_us=10) == []


def test_a_violation_names_invariant_and_evidence() -> None:
    (told,) = check_history(with_note(true_history(), ACK_4, sequence=5), true_ledgers(), fold)
    assert told.invariant == "I5"
    assert told.evidence["command_id"] == command(4)
    assert told.evidence["place"] == "9:0"
    assert str(told).startswith("I5: another sequence was told than is recorded (")


def test_an_acknowledged_command_that_is_in_no_entry_is_found() -> None:
    ledgers = true_ledgers()
    ledgers[1].entries[0] = entry(9, 0, record(4, first=4, sequence=4, events=1))
    assert found(true_history(), ledgers) == {("I5", "an acknowledged command is in 0 entries")}


def test_a_command_in_two_entries_is_found() -> None:
    ledgers = true_ledgers()
    ledgers[1].entries[0] = entry(
        9,
        0,
        record(2, first=4, sequence=5, events=2),
        record(4, first=6, sequence=6, events=1),
    )
    assert ("I5", "an acknowledged command is in 2 entries") in found(true_history(), ledgers)
    assert ("I6", "a command is recorded twice") in found(true_history(), ledgers)


def test_an_acknowledged_refusal_is_found() -> None:
    ledgers = true_ledgers()
    ledgers[0].entries[0] = entry(7, 0, record(1, sequence=1, refused="LEG_OVERLAP"))
    told = found(true_history(), ledgers)
    assert ("REFUSALS", "a command that is recorded as refused was acknowledged") in told


def test_another_body_than_was_acknowledged_is_found() -> None:
    spoilt = with_note(true_history(), 0, body_hash=body(8).hex())
    assert found(spoilt) == {("I6", "an acknowledged command is recorded with another body")}


def test_hashes_of_another_kind_are_only_compared_among_each_other() -> None:
    assert found(with_note(true_history(), 0, body_hash="crc:77")) == set()


def test_other_events_than_are_recorded_are_found() -> None:
    spoilt = with_note(true_history(), ACK_1, events=("a", "b"))
    assert found(spoilt) == {("I5", "other events were told than are recorded")}


def test_a_position_that_does_not_cover_the_command_is_found() -> None:
    what = "an acknowledgement's position does not cover its entry"
    assert found(with_note(true_history(), ACK_2, position="7:0")) == {("POSITION", what)}
    assert found(with_note(true_history(), ACK_2, position="rubbish")) == {("POSITION", what)}


def test_a_command_accepted_at_another_sequence_than_expected_is_found() -> None:
    spoilt = with_note(true_history(), ASK_4, expected_sequence=2)
    what = "a command was accepted at another sequence than it expected"
    assert found(spoilt) == {("EXPECTED", what)}


def test_a_mismatch_at_the_expected_sequence_is_found() -> None:
    history, ledgers = true_history(), true_ledgers()
    ledgers[0].entries[2] = entry(7, 2, record(3, sequence=3, refused="SEQUENCE_MISMATCH"))
    for index in (6, 8):
        history = with_note(history, index, expected_sequence=3)
        history = with_note(history, index + 1, reason="SEQUENCE_MISMATCH")
    what = "a command was refused at the very sequence that it expected"
    assert found(history, ledgers) == {("EXPECTED", what)}


def test_a_refusal_that_is_not_recorded_is_found() -> None:
    ledgers = true_ledgers()
    ledgers[0].entries[2] = entry(7, 2)
    assert found(true_history(), ledgers) == {("REFUSALS", "a refusal is not recorded")}


def test_a_refused_command_that_is_accepted_later_is_found() -> None:
    ledgers = true_ledgers()
    ledgers[0].entries[2] = entry(7, 2, record(3, sequence=3))
    told = found(true_history(), ledgers)
    assert told == {("REFUSALS", "a refused command has been accepted")}


def test_another_refusal_than_is_recorded_is_found() -> None:
    told = found(with_note(true_history(), REFUSAL_1, reason="LEG_UNKNOWN"))
    assert told == {
        ("REFUSALS", "another refusal was told than is recorded"),
        ("I6", "one command got two results"),
    }


def test_a_repeat_that_is_refused_as_reused_is_found() -> None:
    spoilt = with_note(true_history(), REFUSAL_1, reason="COMMAND_ID_REUSED")
    told = found(spoilt)
    assert told == {("REFUSALS", "a repeat was refused as another command's id")}


def test_an_id_that_is_used_for_another_body_may_be_refused() -> None:
    history = true_history()
    asked = history.ask_command("c3", 100, command(1), A, body_hash=body(77))
    history.refuse(asked, 110, "COMMAND_ID_REUSED")
    assert found(history) == set()


def test_a_repeat_beyond_the_window_may_be_refused_as_too_old() -> None:
    history = true_history()
    asked = history.ask_command("c3", 100, command(1), A, body_hash=body(1))
    history.refuse(asked, 110, "COMMAND_ID_TOO_OLD")
    assert found(history) == set()


def test_one_id_acknowledged_for_two_bodies_is_found() -> None:
    history = true_history()
    asked = history.ask_command("c3", 100, command(1), A, body_hash=body(77))
    history.acknowledge(asked, 110, sequence=1, position="7:0")
    assert ("I6", "one command id was acknowledged for two bodies") in found(history)


def test_two_results_of_one_command_are_found() -> None:
    history = true_history()
    asked = history.ask_command("c3", 100, command(1), A, body_hash=body(1))
    history.acknowledge(asked, 110, sequence=1, position="7:1", events=["a"])
    assert found(history) == {("I6", "one command got two results")}


def test_a_result_that_turns_into_a_refusal_is_found() -> None:
    history = true_history()
    asked = history.ask_command("c3", 100, command(1), A, body_hash=body(1))
    history.refuse(asked, 110, "LEG_OVERLAP")
    assert ("I6", "one command got two results") in found(history)


def test_a_command_that_was_turned_away_but_recorded_is_found() -> None:
    history = History()
    asked = history.ask_command("c1", 1, command(1), A, body_hash=body(1))
    history.turn_away(asked, 2, "INVALID_INPUT")
    assert found(history) == {("I6", "a command that was turned away is recorded")}


def test_a_command_decided_on_a_state_older_than_told_is_found() -> None:
    history = true_history()
    # Sequence 4 has been told, and yet a newcomer is decided at 3.
    asked = history.ask_command("c3", 100, command(6), A, body_hash=body(6))
    history.acknowledge(asked, 110, sequence=3, position="9:0", events=[])
    ledgers = true_ledgers()
    kept = ledgers[1].entries[0].records
    ledgers[1].entries[0] = entry(9, 0, *kept, record(6, sequence=3))
    what = "a command was decided on an outdated state"
    assert found(history, ledgers) == {("ORDER", what)}


def test_an_unknown_outcome_may_be_in_or_not() -> None:
    history = History()
    for number in (2, 77):
        asked = history.ask_command("c1", 1, command(number), A, body_hash=body(number))
        history.lose(asked, 2, "DEADLINE")
    assert found(history) == set()


def test_an_answer_behind_the_asked_position_is_found() -> None:
    spoilt = with_note(true_history(), ANSWER, position="7:2")
    what = "an answer does not cover the position that was asked for"
    assert found(spoilt) == {("POSITION", what)}


def test_an_answer_with_what_is_not_committed_is_found() -> None:
    spoilt = with_note(true_history(), ANSWER, position="7:2,9:1")
    assert found(spoilt) == {("I7", "an answer shows an entry that does not exist")}


def test_an_answer_without_a_readable_position_is_found() -> None:
    spoilt = with_note(true_history(), ANSWER, position="here")
    assert found(spoilt) == {("POSITION", "an answer's position cannot be read")}


def test_a_read_model_that_is_not_the_fold_is_found() -> None:
    for rows in ({"leg": "otherwise"}, {}, {"leg": "as it is", "other": ""}):
        spoilt = with_note(true_history(), ANSWER, rows=rows)
        assert found(spoilt) == {("I7", "a read model is not the fold of the ledgers")}


def test_an_answer_from_the_middle_of_the_history_is_not_compared_with_its_end() -> None:
    history = with_note(true_history(), ANSWER - 1, min_position="")
    assert found(with_note(history, ANSWER, position="7:2", rows={})) == set()


def test_no_answer_after_the_faults_is_found() -> None:
    history = true_history()
    history.ask_command("c1", 100, command(88), A, body_hash=body(88))
    lost = history.ask_command("c1", 100, command(89), A, body_hash=body(89))
    history.lose(lost, 110, "DEADLINE")
    assert found(history) == {("PROGRESS", "no answer although all faults have stopped")}


def test_a_late_answer_after_the_faults_is_found() -> None:
    (told,) = check_history(true_history(), true_ledgers(), fold, progress_within_us=2)
    assert told.invariant == "PROGRESS"
    assert told.evidence["took_us"] == "3"
