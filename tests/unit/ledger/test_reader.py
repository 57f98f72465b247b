"""Reading from any entry on, across segments, until the ledger is finished (rule 22)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightmesh.clock.virtual import ManualClock, SeededRandomness
from flightmesh.errors import CorruptData, StoreUnavailable
from flightmesh.journal import Journal
from flightmesh.journal.memory import InMemoryJournal
from flightmesh.ledger.birth import give_birth
from flightmesh.ledger.reader import LedgerReader
from flightmesh.ledger.sealer import seal_ledger
from flightmesh.ledger.writer import LedgerWriter, SegmentBounds
from flightmesh.testing.faults import Fault, Faults, FaultyJournal, ScriptedFaults


async def ledger_of(entries: int, per_segment: int = 3) -> tuple[InMemoryJournal, LedgerWriter]:
    store = InMemoryJournal()
    bounds = SegmentBounds(entries=per_segment)
    writer = await give_birth(store, "a", ManualClock(), SeededRandomness(1), bounds=bounds)
    for number in range(entries):
        await writer.append(str(number).encode())
    return store, writer


async def numbers(reader: LedgerReader) -> list[int]:
    return [number async for number, _ in reader.entries()]


@given(
    entries=st.integers(0, 12),
    per_segment=st.integers(1, 5),
    start=st.integers(0, 14),
    batch=st.integers(1, 6),
    sealed=st.booleans(),
)
async def test_all_entries_from_any_number_on_are_read(
    entries: int, per_segment: int, start: int, batch: int, sealed: bool
) -> None:
    store, _ = await ledger_of(entries, per_segment)
    if sealed:
        await seal_ledger(store, 1, ManualClock())
    reader = LedgerReader(store, 1, start, batch)
    assert await numbers(reader) == list(range(start, entries))
    assert reader.finished is sealed
    assert reader.sealed_at == (entries - 1 if sealed else None)
    assert await reader.find_head() == entries - 1


@pytest.mark.parametrize("start", [0, 1, 3, 1_000, 1_199, 1_200, 5_000])
async def test_the_way_to_an_entry_far_away_is_short(start: int) -> None:
    store, _ = await ledger_of(1_200)
    faults = Faults(ScriptedFaults())
    reader = LedgerReader(FaultyJournal(store, faults), 1, start)
    found = [number for number, _ in await reader.read_batch()]
    assert found[:1] == list(range(start, 1_200))[:1]
    assert len(faults.calls) < 25


async def test_an_absent_ledger_is_read_once_it_is_there() -> None:
    store = InMemoryJournal()
    reader = LedgerReader(store, 1)
    assert await numbers(reader) == []
    assert (reader.finished, await reader.find_head()) == (False, -1)
    await store.open_segment(1, 0, b"t", 0)
    await store.append(1, 0, b"t", 0, b"x")
    assert await numbers(reader) == [0]


async def test_a_reader_follows_a_growing_ledger_over_its_segments() -> None:
    store, writer = await ledger_of(0)
    reader = LedgerReader(store, 1)
    for number in range(10):
        await writer.append(b"x")
        assert await reader.find_head() == number
        assert await numbers(reader) == [number]
    await seal_ledger(store, 1, ManualClock())
    assert not reader.finished
    assert await numbers(reader) == []
    assert reader.finished


async def test_a_marker_without_a_next_segment_is_no_end() -> None:
    store = InMemoryJournal()
    await store.open_segment(1, 0, b"t", 0)
    await store.append(1, 0, b"t", 0, b"x")
    await store.roll(1, 0, b"t", 0)
    reader = LedgerReader(store, 1)
    assert await numbers(reader) == [0]
    assert (reader.finished, await reader.find_head()) == (False, 0)
    await store.open_segment(1, 1, b"t", 1)
    await store.append(1, 1, b"t", 1, b"y")
    assert await numbers(reader) == [1]


async def test_entries_known_from_elsewhere_are_skipped() -> None:
    store, _ = await ledger_of(9)
    reader = LedgerReader(store, 1)
    reader.skip_to(5)
    reader.skip_to(2)
    assert await numbers(reader) == [5, 6, 7, 8]


async def test_a_ledger_whose_last_entries_came_by_the_bus_is_seen_to_finish() -> None:
    store, _ = await ledger_of(9)
    reader = LedgerReader(store, 1)
    assert len(await reader.read_batch()) == 3
    reader.skip_to(9)
    await seal_ledger(store, 1, ManualClock())
    assert await numbers(reader) == []
    assert reader.finished


class GrowingJournal:
    """Lets an entry be committed and the ledger be sealed between any two reads."""

    def __init__(self, store: InMemoryJournal, writer: LedgerWriter, before: str) -> None:
        self._store, self._writer, self._before = store, writer, before

    def __getattr__(self, name: str) -> object:
        if name == self._before and not self._writer.fenced:
            return self._grow
        return getattr(self._store, name)

    async def _grow(self, *arguments: int) -> object:
        await self._writer.append(b"late")
        await seal_ledger(self._store, 1, ManualClock())
        self._before = ""
        return await getattr(self._store, "read_" + ("segment", "entries")[len(arguments) > 2])(
            *arguments
        )


@pytest.mark.parametrize("before", ["read_segment", "read_entries"])
async def test_rule_22_a_ledger_is_finished_only_if_the_state_read_first_was_sealed(
    before: str,
) -> None:
    store, writer = await ledger_of(2, per_segment=10)
    journal: Journal = GrowingJournal(store, writer, before)  # type: ignore[assignment]
    reader = LedgerReader(journal, 1)
    read: list[int] = []
    while not reader.finished:
        read += [number for number, _ in await reader.read_batch()]
    assert read == [0, 1, 2]


async def test_a_missing_entry_is_corruption_not_an_end() -> None:
    store, _ = await ledger_of(4, per_segment=10)
    store._segments[1, 0].entries.pop()
    reader = LedgerReader(store, 1, batch=3)
    await reader.read_batch()
    with pytest.raises(CorruptData):
        await reader.read_batch()


@pytest.mark.parametrize("method", ["read_segment", "read_entries"])
async def test_a_failed_read_leaves_the_reader_where_it_was(method: str) -> None:
    store, _ = await ledger_of(4)
    faults = Faults(ScriptedFaults(**{method: [Fault.NONE, Fault.REFUSED]}))
    reader = LedgerReader(FaultyJournal(store, faults), 1, batch=2)
    read: list[int] = []
    failures = 0
    while len(read) < 4:
        try:
            read += [number for number, _ in await reader.read_batch()]
        except StoreUnavailable:
            failures += 1
    assert (read, failures) == ([0, 1, 2, 3], 1)
