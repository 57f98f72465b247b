"""What a `Journal` that keeps data must do: everything answered is there after a restart."""

from pathlib import Path

from flightmesh.journal import Constants, DirectoryRow, SegmentRow, SegmentState
from flightmesh.testing.journal_contract import TOKEN, JournalFixture, write_ledger


class JournalRestartContract(JournalFixture):
    """Closing the journal and opening it again on the same directory."""

    async def test_ledgers_survive_a_restart(self, tmp_path: Path) -> None:
        """J1 after recovery; J5 "start again"."""
        async with self.create_journal(tmp_path) as journal:
            written = await write_ledger(journal, 1, 10)
            await journal.roll(1, 0, TOKEN, 9)
            await write_ledger(journal, 1, 1, segment=1, first=10)
            await journal.add_to_directory(DirectoryRow(1, "node-a"))
        async with self.create_journal(tmp_path) as journal:
            assert list(await journal.list_directory()) == [DirectoryRow(1, "node-a")]
            assert list(await journal.read_entries(1, 0, 0, 100)) == written
            assert await journal.read_segment(1, 0) == SegmentRow(SegmentState.ROLLED, TOKEN, 0, 9)
            assert await journal.read_segment(1, 1) == SegmentRow(SegmentState.OPEN, TOKEN, 10, 10)

    async def test_a_seal_survives_a_restart(self, tmp_path: Path) -> None:
        """I3."""
        async with self.create_journal(tmp_path) as journal:
            await write_ledger(journal, 1, 1)
            await journal.seal(1, 0, 0)
        async with self.create_journal(tmp_path) as journal:
            assert not (await journal.append(1, 0, TOKEN, 1, b"late")).applied

    async def test_session_numbers_go_on_after_a_restart(self, tmp_path: Path) -> None:
        """Rule 2: no number is given twice."""
        async with self.create_journal(tmp_path) as journal:
            before = [await journal.allocate_session() for _ in range(3)]
        async with self.create_journal(tmp_path) as journal:
            assert await journal.allocate_session() > max(before)

    async def test_constants_survive_a_restart(self, tmp_path: Path) -> None:
        """S7."""
        async with self.create_journal(tmp_path) as journal:
            await journal.fix_constants(Constants(16, 1))
        async with self.create_journal(tmp_path) as journal:
            assert await journal.fix_constants(Constants(64, 1)) == Constants(16, 1)
