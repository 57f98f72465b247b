"""I1 to I3, planted one by one."""

from dataclasses import replace
from typing import Any

import pytest

from flightmesh.codec.entries import encode_entry, encode_record
from flightmesh.journal import DirectoryRow, SegmentRow, SegmentState
from flightmesh.journal.memory import InMemoryStore
from flightmesh.verification.contents import LedgerContents, read_contents, walk_ledger
from flightmesh.verification.ledgers import NumberCheck, check_ledgers, check_segments
from tests.unit.testing.told import entry, record, true_ledgers


def found(ledgers: list[LedgerContents]) -> set[tuple[str, str]]:
    return {(v.invariant, v.what) for v in check_ledgers(ledgers)}


def with_row(segment: int, **changes: Any) -> list[LedgerContents]:
    """The true ledgers, but for one head row of the first one."""
    ledgers = true_ledgers()
    ledgers[0].segments[segment] = replace(ledgers[0].segments[segment], **changes)
    return ledgers


def test_true_ledgers_have_no_violation() -> None:
    assert found(true_ledgers()) == set()


def test_a_second_writer_of_a_ledger_is_found() -> None:
    assert found(with_row(1, writer=b"other")) == {("I1", "a ledger has several writers")}


def test_a_writer_of_two_ledgers_is_found() -> None:
    ledgers = true_ledgers()
    ledgers[1].segments[0] = replace(ledgers[1].segments[0], writer=b"seven")
    assert found(ledgers) == {("I1", "a writer has two ledgers")}


def test_entries_in_a_segment_that_a_sealer_made_are_found() -> None:
    told = found(with_row(1, writer=b""))
    assert told == {("I1", "a segment that a sealer made has entries")}


def test_an_empty_segment_that_a_sealer_made_is_well() -> None:
    ledgers = true_ledgers()
    ledgers[0].segments[1] = SegmentRow(SegmentState.SEALED, b"", 2, 1)
    del ledgers[0].entries[2]
    assert found(ledgers) == set()


def test_a_missing_entry_is_found() -> None:
    ledgers = true_ledgers()
    del ledgers[0].entries[1]
    assert found(ledgers) == {("I2", "an entry is missing")}


def test_an_entry_number_that_comes_twice_is_found() -> None:
    ledgers = true_ledgers()
    ledgers[0].entries.insert(1, ledgers[0].entries[0])
    assert found(ledgers) == {("I2", "an entry number came twice")}


def test_a_head_without_its_entry_is_found() -> None:
    told = found(with_row(1, head=3))
    assert told == {("I2", "the head covers entries that are not there")}


def test_a_gap_between_segments_is_found() -> None:
    told = found(with_row(1, first=3, head=2))
    assert told == {("I2", "a segment does not go on where the one before ends")}


def test_a_segment_that_ends_before_it_begins_is_found() -> None:
    assert ("I2", "a segment ends before it begins") in found(with_row(1, head=0))


@pytest.mark.parametrize("state", [SegmentState.SEALED, SegmentState.OPEN])
def test_a_segment_after_one_that_is_not_rolled_is_found(state: SegmentState) -> None:
    told = found(with_row(0, state=state))
    assert told == {("I3", "a segment follows one that is not rolled")}


def test_an_entry_after_the_seal_is_found() -> None:
    ledgers = true_ledgers()
    ledgers[0].entries.append(entry(7, 3, record(9, sequence=3)))
    assert found(ledgers) == {("I3", "there are entries beyond the head")}


async def stored(*entries: bytes) -> InMemoryStore:
    store = InMemoryStore()
    await store.journal.add_to_directory(DirectoryRow(1, "node-1"))
    await store.journal.open_segment(1, 0, b"token", 0)
    for number, data in enumerate(entries):
        await store.journal.append(1, 0, b"token", number, data)
    return store


async def test_a_journal_is_read_as_it_is_across_segments() -> None:
    first = record(1, first=1, sequence=1, events=1)
    second = record(2, first=2, sequence=2, events=1)
    store = await stored(encode_entry(1, 0, 5, [encode_record(first)]))
    await store.journal.roll(1, 0, b"token", 0)
    await store.journal.open_segment(1, 1, b"token", 1)
    await store.journal.append(1, 1, b"token", 1, encode_entry(1, 1, 6, [encode_record(second)]))
    await store.journal.seal(1, 1, 1)
    (contents,) = await read_contents(store.journal)
    assert [e.number for e in contents.entries] == [0, 1]
    assert [e.records for e in contents.entries] == [(first,), (second,)]
    assert (contents.node, contents.head, contents.sealed) == ("node-1", 1, True)
    assert check_ledgers([contents]) == []


async def test_an_entry_that_cannot_be_read_is_told_and_the_rest_is_read() -> None:
    store = await stored(b"\xff\xff", encode_entry(1, 1, 6, []))
    (contents,) = await read_contents(store.journal)
    assert [e.number for e in contents.entries] == [0, 1]
    assert found([contents]) == {("I2", "an entry cannot be read")}


async def test_an_entry_in_anothers_place_is_told() -> None:
    store = await stored(encode_entry(1, 4, 6, []))
    (contents,) = await read_contents(store.journal)
    assert found([contents]) == {("I2", "an entry names another place than its own")}


async def test_a_ledger_that_rolls_while_it_is_read_is_no_violation() -> None:
    store = await stored(encode_entry(1, 0, 5, []))
    contents = LedgerContents(1, "node-1")
    async for each in walk_ledger(store.journal, DirectoryRow(1, "node-1"), contents):
        contents.entries.append(each)
        if each.number == 0:
            await store.journal.append(1, 0, b"token", 1, encode_entry(1, 1, 6, []))
            await store.journal.roll(1, 0, b"token", 1)
            await store.journal.open_segment(1, 1, b"token", 2)
            await store.journal.append(1, 1, b"token", 2, encode_entry(1, 2, 7, []))
    assert [e.number for e in contents.entries] == [0, 1, 2]
    assert check_ledgers([contents]) == []


async def read_on(store: InMemoryStore, contents: LedgerContents) -> list[int]:
    """Numbers of the entries that came since."""
    row = DirectoryRow(1, "node-1")
    return [entry.number async for entry in walk_ledger(store.journal, row, contents)]


async def test_a_walk_goes_on_where_it_ended_across_segments_and_the_seal() -> None:
    store, contents = await stored(encode_entry(1, 0, 5, [])), LedgerContents(1, "node-1")
    assert await read_on(store, contents) == [0]
    assert await read_on(store, contents) == []
    await store.journal.append(1, 0, b"token", 1, encode_entry(1, 1, 6, []))
    await store.journal.roll(1, 0, b"token", 1)
    await store.journal.open_segment(1, 1, b"token", 2)
    await store.journal.append(1, 1, b"token", 2, encode_entry(1, 2, 7, []))
    assert await read_on(store, contents) == [1, 2]
    await store.journal.seal(1, 1, 2)
    assert await read_on(store, contents) == []
    assert (contents.head, contents.sealed, len(contents.segments)) == (2, True, 2)
    assert list(check_segments(contents)) == []


class Overtaking:
    """A journal whose ledger gets an entry after each read of its head row."""

    def __init__(self, store: InMemoryStore) -> None:
        self._journal = store.journal

    async def read_segment(self, ledger: int, segment: int) -> SegmentRow | None:
        row = await self._journal.read_segment(ledger, segment)
        if row is not None and row.state is SegmentState.OPEN and row.head < 9:
            data = encode_entry(1, row.head + 1, 5, [])
            await self._journal.append(ledger, segment, b"token", row.head + 1, data)
        return row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


async def test_an_entry_that_came_after_the_head_was_read_is_not_beyond_it() -> None:
    store, contents = await stored(encode_entry(1, 0, 5, [])), LedgerContents(1, "node-1")
    numbers, journal = NumberCheck(1), Overtaking(store)
    for _ in range(4):
        async for each in walk_ledger(journal, DirectoryRow(1, "node-1"), contents):  # type: ignore[arg-type]
            numbers.see(each.number)
        assert numbers.finish(contents) == []
