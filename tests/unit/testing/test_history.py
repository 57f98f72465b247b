"""Histories on disk, and histories that cannot be."""

from pathlib import Path

import msgspec
import pytest

from flightmesh.testing.history import Acknowledged, History
from flightmesh.testing.history_index import HistoryIndex
from tests.unit.testing.told import A, command, true_history


def test_a_history_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    history = true_history()
    history.write(tmp_path / "history.jsonl")
    again = History.read(tmp_path / "history.jsonl")
    assert again.notes == history.notes
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == len(history.notes)


def test_a_history_that_was_read_can_be_gone_on_with(tmp_path: Path) -> None:
    history = true_history()
    history.write(tmp_path / "history.jsonl")
    again = History.read(tmp_path / "history.jsonl")
    operation = again.ask_command("c9", 200, command(9), A)
    assert operation not in {getattr(note, "operation", 0) for note in history.notes}


def test_acknowledgements_are_counted() -> None:
    assert true_history().acknowledged() == 4


def test_a_line_that_is_no_note_is_refused(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text('{"note": "rumour"}\n')
    with pytest.raises(msgspec.ValidationError):
        History.read(tmp_path / "history.jsonl")


def test_an_outcome_of_something_that_nobody_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="no command that waits"):
        HistoryIndex(History([Acknowledged(7, 1, 1, "1:0")]))


def test_a_second_outcome_of_one_attempt_is_refused() -> None:
    history = true_history()
    history.refuse(1, 100, "LEG_OVERLAP")
    with pytest.raises(ValueError, match="no command that waits"):
        HistoryIndex(history)


def test_the_floor_of_an_attempt_is_what_was_told_before_it_was_asked() -> None:
    floors = [attempt.floor for attempt in HistoryIndex(true_history()).attempts]
    assert floors == [0, 1, 1, 3, 3, 3, 0]
