"""The window of command ids against a memory without bounds: never two effects (rule 20, I6)."""

from collections import deque
from copy import deepcopy
from functools import cache
from unittest.mock import patch

import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from flightmesh.errors import Refused
from flightmesh.eventsourcing import window
from flightmesh.eventsourcing.record import PlacedRecord
from flightmesh.eventsourcing.window import WINDOW_SIZE, Remembered
from tests.unit.eventsourcing.counter import Owner, an_envelope


class Oracle:
    """An owner, and what it should answer: every id's first outcome, and what may be forgotten."""

    def __init__(self, size: int) -> None:
        self.owner = Owner()
        self.first: dict[int, PlacedRecord] = {}
        self.remembered: deque[int] = deque()
        self.newest_dropped = 0
        self._size = size

    def send(self, number: int) -> None:
        """Sends the command of that number and checks the answer."""
        before = self.owner.cell.sequence
        try:
            outcome = self.owner.take(an_envelope(number, 1 if number % 2 else -1))
        except Refused as refused:
            self._check_too_old(number, refused)
        else:
            if isinstance(outcome, Remembered):
                assert number in self.remembered
                self._same_as_first(outcome, self.first[number])
            else:
                self._learn(number)
                before += len(outcome.events)
        assert self.owner.cell.sequence == before

    def _check_too_old(self, number: int, refused: Refused) -> None:
        assert refused.reason == "COMMAND_ID_TOO_OLD"
        assert number not in self.remembered
        assert number <= self.newest_dropped

    def _learn(self, number: int) -> None:
        # No id has a second effect, however long ago its first one was.
        assert number not in self.first
        assert number > self.newest_dropped
        self.first[number] = self.owner.records[-1]
        self.remembered.append(number)
        if len(self.remembered) > self._size:
            self.newest_dropped = max(self.newest_dropped, self.remembered.popleft())

    def _same_as_first(self, again: Remembered, first: PlacedRecord) -> None:
        record = first.record
        assert (again.ledger, again.entry) == (first.ledger, first.entry)
        assert (again.sequence, again.first_shard_sequence, again.rejection, again.warnings) == (
            record.aggregate_sequence,
            record.first_shard_sequence,
            record.rejection,
            record.warnings,
        )


@pytest.mark.parametrize("size", [1, 2, 5])
@examples(st.lists(st.integers(1, 20), max_size=80))
def test_small_windows_answer_repeats_alike_and_refuse_what_may_be_forgotten(
    size: int, sent: list[int]
) -> None:
    with patch.object(window, "WINDOW_SIZE", size):
        oracle = Oracle(size)
        for number in sent:
            oracle.send(number)


@cache
def _full() -> Oracle:
    oracle = Oracle(WINDOW_SIZE)
    for number in range(1_000, 1_000 + WINDOW_SIZE):
        oracle.send(number)
    return oracle


# Below the window, at both its ends, in it and above it.
around = st.one_of(
    st.integers(900, 1_010),
    st.integers(1_000, 1_000 + WINDOW_SIZE),
    st.integers(990 + WINDOW_SIZE, 1_030 + WINDOW_SIZE),
)


@settings(max_examples=15)
@examples(st.lists(around, max_size=100))
def test_a_window_of_4096_does_the_same_at_its_ends(sent: list[int]) -> None:
    assert WINDOW_SIZE == 4_096
    oracle = deepcopy(_full())
    for number in sent:
        oracle.send(number)
    assert len(oracle.owner.cell.window) == WINDOW_SIZE
