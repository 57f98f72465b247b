"""What every `Journal` must do: entries come back as written, wherever one starts to read.

Subclass it, name the subclass `Test...` and override `create_journal`. The cases follow the journal
suites of other event stores; a docstring names the case it translates (J: journal kit, W: two
writers). Conditional writes are in `journal_contract_writes`, survival of a restart in
`journal_contract_restart`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from flightmesh.journal import Constants, DirectoryRow, Journal

TOKEN = b"writer-token-0001"
OTHER_TOKEN = b"writer-token-0002"


async def write_ledger(
    journal: Journal, ledger: int, entries: int, segment: int = 0, first: int = 0
) -> list[tuple[int, bytes]]:
    """Opens a segment and appends entries to it; returns what a reader must find in it."""
    assert (await journal.open_segment(ledger, segment, TOKEN, first)).applied
    written = []
    for number in range(first, first + entries):
        data = f"entry {number} of ledger {ledger}".encode()
        assert (await journal.append(ledger, segment, TOKEN, number, data)).applied
        written.append((number, data))
    return written


class JournalFixture:
    """The hook and the fixture that the journal suites share."""

    def create_journal(self, directory: Path) -> AbstractAsyncContextManager[Journal]:
        """A journal that keeps its data, if anywhere, in that directory; closed on exit."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def journal(self, tmp_path: Path) -> AsyncIterator[Journal]:
        """An empty journal."""
        async with self.create_journal(tmp_path) as journal:
            yield journal


class JournalContract(JournalFixture):
    """Reading, and the small tables beside the ledgers."""

    async def test_the_first_constants_stay(self, journal: Journal) -> None:
        """S7 "joining node with different shard config": it is told what is fixed."""
        assert await journal.fix_constants(Constants(64, 1)) == Constants(64, 1)
        assert await journal.fix_constants(Constants(128, 2)) == Constants(64, 1)

    async def test_session_numbers_ascend_from_one(self, journal: Journal) -> None:
        """Rule 2."""
        numbers = [await journal.allocate_session() for _ in range(5)]
        assert numbers[0] >= 1
        assert numbers == sorted(set(numbers))

    async def test_sessions_asked_for_at_once_get_different_numbers(self, journal: Journal) -> None:
        """Rule 2."""
        numbers = await asyncio.gather(*(journal.allocate_session() for _ in range(50)))
        assert len(set(numbers)) == 50

    async def test_the_directory_lists_ledgers_in_order_and_each_once(
        self, journal: Journal
    ) -> None:
        """Rule 3: readers find ledgers here."""
        for row in (DirectoryRow(7, "b"), DirectoryRow(3, "a"), DirectoryRow(7, "b")):
            await journal.add_to_directory(row)
        assert list(await journal.list_directory()) == [DirectoryRow(3, "a"), DirectoryRow(7, "b")]

    async def test_an_empty_journal_has_nothing(self, journal: Journal) -> None:
        """J1 "unknown id = none, highest 0"."""
        assert list(await journal.list_directory()) == []
        assert await journal.read_segment(1, 0) is None
        assert list(await journal.read_entries(1, 0, 0, 100)) == []

    async def test_all_entries_are_read_in_order(self, journal: Journal) -> None:
        """J1 "replay all"."""
        written = await write_ledger(journal, 1, 20)
        assert list(await journal.read_entries(1, 0, 0, 1000)) == written

    async def test_reading_starts_at_a_lower_bound(self, journal: Journal) -> None:
        """J1 "lower bound"."""
        written = await write_ledger(journal, 1, 5)
        assert list(await journal.read_entries(1, 0, 3, 1000)) == written[3:]

    async def test_reading_ends_at_an_upper_bound(self, journal: Journal) -> None:
        """J1 "upper bound" and "count limit": here both are the limit."""
        written = await write_ledger(journal, 1, 5)
        assert list(await journal.read_entries(1, 0, 0, 3)) == written[:3]

    async def test_a_window_is_read_between_both_bounds(self, journal: Journal) -> None:
        """J1 "both bounds", "bounds + limit"."""
        written = await write_ledger(journal, 1, 8)
        assert list(await journal.read_entries(1, 0, 2, 4)) == written[2:6]

    async def test_a_single_entry_can_be_read(self, journal: Journal) -> None:
        """J1 "single (lower = upper)", "limit 1"."""
        written = await write_ledger(journal, 1, 5)
        assert list(await journal.read_entries(1, 0, 2, 1)) == [written[2]]

    async def test_a_limit_of_none_reads_nothing(self, journal: Journal) -> None:
        """J1 "limit 0 = none"."""
        await write_ledger(journal, 1, 5)
        assert list(await journal.read_entries(1, 0, 0, 0)) == []

    async def test_nothing_is_read_above_the_head(self, journal: Journal) -> None:
        """J1 "lower > upper = none"."""
        await write_ledger(journal, 1, 5)
        assert list(await journal.read_entries(1, 0, 5, 10)) == []
        assert list(await journal.read_entries(1, 0, 500, 10)) == []

    async def test_an_open_segment_without_entries_reads_empty(self, journal: Journal) -> None:
        """J1 "none", for a ledger that was only born."""
        await write_ledger(journal, 1, 0)
        assert list(await journal.read_entries(1, 0, 0, 10)) == []

    async def test_ledgers_do_not_mix(self, journal: Journal) -> None:
        """J1 "replay" of neighbouring ids."""
        first, second = await write_ledger(journal, 1, 3), await write_ledger(journal, 2, 4)
        assert list(await journal.read_entries(1, 0, 0, 10)) == first
        assert list(await journal.read_entries(2, 0, 0, 10)) == second

    async def test_a_segment_holds_its_own_entries_only(self, journal: Journal) -> None:
        """J5 "multi partition": reading starts and ends inside the segment that is asked."""
        zero = await write_ledger(journal, 1, 3)
        await journal.roll(1, 0, TOKEN, 2)
        one = await write_ledger(journal, 1, 2, segment=1, first=3)
        assert list(await journal.read_entries(1, 0, 0, 10)) == zero
        assert list(await journal.read_entries(1, 1, 0, 10)) == one
        assert list(await journal.read_entries(1, 1, 4, 10)) == one[1:]
        assert list(await journal.read_entries(1, 0, 3, 10)) == []

    async def test_a_segment_may_be_rolled_empty(self, journal: Journal) -> None:
        """J5 "gaps over partitions, first partitions empty"."""
        await write_ledger(journal, 1, 0)
        await journal.roll(1, 0, TOKEN, -1)
        await write_ledger(journal, 1, 0, segment=1)
        await journal.roll(1, 1, TOKEN, -1)
        written = await write_ledger(journal, 1, 2, segment=2)
        assert list(await journal.read_entries(1, 0, 0, 10)) == []
        assert list(await journal.read_entries(1, 1, 0, 10)) == []
        assert list(await journal.read_entries(1, 2, 0, 10)) == written

    async def test_the_head_stays_when_nothing_more_can_come(self, journal: Journal) -> None:
        """J2 "highest is not reset": nothing is ever deleted; roll and seal keep the head."""
        written = await write_ledger(journal, 1, 3)
        await journal.roll(1, 0, TOKEN, 2)
        await write_ledger(journal, 1, 1, segment=1, first=3)
        await journal.seal(1, 1, 3)
        rows = [await journal.read_segment(1, 0), await journal.read_segment(1, 1)]
        assert [row.head for row in rows if row is not None] == [2, 3]
        assert list(await journal.read_entries(1, 0, 0, 10)) == written

    @pytest.mark.parametrize("data", [b"", b"\x00", bytes(range(256)), "Zürich".encode()])
    async def test_an_entry_comes_back_byte_for_byte(self, journal: Journal, data: bytes) -> None:
        """J3 "serializer round trip"."""
        await write_ledger(journal, 1, 0)
        assert (await journal.append(1, 0, TOKEN, 0, data)).applied
        assert list(await journal.read_entries(1, 0, 0, 10)) == [(0, data)]

    async def test_an_entry_of_megabytes_is_whole(self, journal: Journal) -> None:
        """J3 "several events atomic", J5 "atomic write larger than a partition"."""
        data = bytes(range(256)) * 8192
        await write_ledger(journal, 1, 1)
        assert (await journal.append(1, 0, TOKEN, 1, data)).applied
        assert (await journal.append(1, 0, TOKEN, 2, b"after")).applied
        assert list(await journal.read_entries(1, 0, 1, 10)) == [(1, data), (2, b"after")]

    async def test_many_ledgers_are_born_and_written_at_once(self, journal: Journal) -> None:
        """J5 "500 actors at once"."""
        written = await asyncio.gather(*(write_ledger(journal, n, 2) for n in range(1, 201)))
        for ledger, entries in enumerate(written, 1):
            assert list(await journal.read_entries(ledger, 0, 0, 10)) == entries

    async def test_a_long_ledger_is_read_in_batches_without_a_gap(self, journal: Journal) -> None:
        """J4: the shape of the performance case, checked for content."""
        written = await write_ledger(journal, 1, 700)
        read: list[tuple[int, bytes]] = []
        while batch := await journal.read_entries(1, 0, len(read), 64):
            assert len(batch) <= 64
            read += batch
        assert read == written

    async def test_readers_beside_a_writer_see_a_growing_prefix(self, journal: Journal) -> None:
        """Rule 22: whatever the head row shows can be read, at any moment."""
        await write_ledger(journal, 1, 0)

        async def read_on() -> None:
            seen = -1
            while seen < 99:
                row = await journal.read_segment(1, 0)
                assert row is not None
                assert row.head >= seen
                seen = row.head
                entries = await journal.read_entries(1, 0, 0, 1000)
                assert [number for number, _ in entries][: seen + 1] == list(range(seen + 1))
                await asyncio.sleep(0)

        async def write_on() -> None:
            for number in range(100):
                assert (await journal.append(1, 0, TOKEN, number, b"x")).applied
                await asyncio.sleep(0)

        await asyncio.gather(write_on(), read_on(), read_on())
