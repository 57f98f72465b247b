"""An aggregate rebuilt from what is stored is the one that was."""

import random

import msgspec
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from flightmesh.errors import CorruptData, ProtocolViolation, UnknownEventType
from flightmesh.eventsourcing import EncodedEvent
from flightmesh.eventsourcing.cell import AggregateCell, SavedState, rebuild, save
from flightmesh.eventsourcing.record import PlacedRecord, in_order
from flightmesh.eventsourcing.window import WINDOW_SIZE, Remembered
from tests.unit.eventsourcing.counter import COUNTER, Counters, Owner, an_envelope, command_id

amounts = st.lists(st.integers(-4, 4), max_size=3)


def content(cell: AggregateCell) -> tuple[object, ...]:
    return (cell.aggregate_type, cell.scope, cell.sequence, cell.state, dict(cell.window))


def history(commands: list[list[int]]) -> Owner:
    owner = Owner()
    for number, command in enumerate(commands):
        owner.take(an_envelope(number, *command))
    return owner


@examples(st.lists(amounts, max_size=30), st.randoms(use_true_random=False), st.integers(0, 5))
def test_records_in_any_order_and_twice_give_the_same_aggregate(
    commands: list[list[int]], shuffled: random.Random, repeats: int
) -> None:
    owner = history(commands)
    records = owner.records + owner.records[:repeats]
    shuffled.shuffle(records)
    cell = rebuild(COUNTER, records, Counters())
    assert content(cell) == content(owner.cell)
    assert list(cell.window) == list(owner.cell.window)


@examples(st.lists(amounts, min_size=1, max_size=30), st.data())
def test_a_snapshot_with_the_records_after_it_is_the_full_fold(
    commands: list[list[int]], data: st.DataObject
) -> None:
    owner = history(commands)
    cut = data.draw(st.integers(0, len(commands)))
    then = history(commands[:cut]).cell
    # There is no snapshot of an aggregate without events.
    saved = save(then, Counters()) if then.sequence else None
    cell = rebuild(COUNTER, owner.records, Counters(), saved)
    assert content(cell) == content(owner.cell)


def test_the_window_survives_a_snapshot_with_what_it_dropped() -> None:
    owner = Owner()
    owner.take(an_envelope(0, 1))
    for number in range(1, WINDOW_SIZE + 3):
        owner.take(an_envelope(number))
    saved = save(owner.cell, Counters())
    for cell in (
        rebuild(COUNTER, owner.records, Counters(), saved),
        rebuild(COUNTER, owner.records, Counters()),
    ):
        assert content(cell) == content(owner.cell)
        assert cell.window.newest_dropped == command_id(2)
        assert cell.window.is_too_old(command_id(2))
        assert not cell.window.is_too_old(command_id(WINDOW_SIZE + 3))


def test_the_past_is_the_fold_up_to_it() -> None:
    owner = history([[1, 1], [5], [11], [-3]])
    # Also between two events of one command.
    for sequence, value in ((0, None), (1, [1]), (2, [2]), (3, [7]), (4, [4]), (9, [4])):
        cell = rebuild(COUNTER, owner.records, Counters(), committed_to=sequence)
        assert (cell.state, cell.sequence) == (value, min(sequence, 4))


def test_refusals_come_after_the_events_they_followed() -> None:
    owner = history([[1], [10], [2], [12]])
    assert [p.record.command_id for p in in_order(owner.records[::-1])] == [
        command_id(n) for n in range(4)
    ]


def moved(placed: PlacedRecord, ledger: int, entry: int) -> PlacedRecord:
    return PlacedRecord(ledger, entry, placed.committed_at_us, placed.record)


def test_a_missing_event_is_a_violation() -> None:
    owner = history([[1], [2], [3]])
    with pytest.raises(ProtocolViolation):
        rebuild(COUNTER, [owner.records[0], owner.records[2]], Counters())


def test_a_command_in_two_entries_is_a_violation() -> None:
    first, second = history([[1], []]).records
    with pytest.raises(ProtocolViolation):
        rebuild(COUNTER, [first, second, moved(second, 2, 0)], Counters())


def test_two_commands_with_one_sequence_are_a_violation() -> None:
    first, second = history([[1], [2]]).records
    other = msgspec.structs.replace(second.record, command_id=command_id(9))
    with pytest.raises(ProtocolViolation):
        rebuild(COUNTER, [first, second, PlacedRecord(2, 0, 5_000, other)], Counters())


def test_an_unknown_event_is_an_error() -> None:
    (placed,) = history([[1]]).records
    future = msgspec.structs.replace(placed.record, events=(EncodedEvent("Doubled", 1, b"2"),))
    with pytest.raises(UnknownEventType):
        rebuild(COUNTER, [PlacedRecord(1, 0, 1, future)], Counters())


def test_a_broken_saved_state_is_an_error() -> None:
    saved = SavedState("counter", "s", 1, b"x", (), "")
    with pytest.raises(CorruptData):
        rebuild(COUNTER, history([[1]]).records, Counters(), saved)


def test_what_a_snapshot_remembers_needs_no_records() -> None:
    owner = history([[1], [10], [2]])
    saved = save(owner.cell, Counters())
    cell = rebuild(COUNTER, owner.records[-1:], Counters(), saved)
    assert content(cell) == content(owner.cell)
    assert isinstance(cell.window.get(command_id(1)), Remembered)
