"""What every `Journal` must do: conditional writes admit one writer, and a seal is for ever.

The cases name what they translate: W (two writers in other journals), T (the ownership suite of
Temporal's stores), or the rule of docs/protocol.md.
"""

import asyncio

from flightmesh.journal import Conditional, Journal, SegmentRow, SegmentState
from flightmesh.testing.journal_contract import OTHER_TOKEN, TOKEN, JournalFixture, write_ledger

OPEN, ROLLED, SEALED = SegmentState.OPEN, SegmentState.ROLLED, SegmentState.SEALED


class JournalWritesContract(JournalFixture):
    """Opening, appending, rolling and sealing, alone and against each other."""

    async def test_a_segment_opens_empty_at_its_first_number(self, journal: Journal) -> None:
        """Rule 3."""
        row = SegmentRow(OPEN, TOKEN, 40, 39)
        assert await journal.open_segment(1, 2, TOKEN, 40) == Conditional(True, row)
        assert await journal.read_segment(1, 2) == row

    async def test_a_segment_opens_only_once(self, journal: Journal) -> None:
        """Rule 3 `open_conditional`; T "create shard that exists"."""
        await write_ledger(journal, 1, 1)
        for token in (TOKEN, OTHER_TOKEN):
            answer = await journal.open_segment(1, 0, token, 0)
            assert answer == Conditional(False, SegmentRow(OPEN, TOKEN, 0, 0))

    async def test_an_append_moves_the_head(self, journal: Journal) -> None:
        """Rule 2."""
        await write_ledger(journal, 1, 0)
        answer = await journal.append(1, 0, TOKEN, 0, b"a")
        assert answer == Conditional(True, SegmentRow(OPEN, TOKEN, 0, 0))

    async def test_a_repeated_append_shows_that_it_is_in(self, journal: Journal) -> None:
        """Rule 2; T "execute and time-out": the first try was applied, its answer lost."""
        await write_ledger(journal, 1, 3)
        answer = await journal.append(1, 0, TOKEN, 2, b"entry 2 of ledger 1")
        assert answer == Conditional(False, SegmentRow(OPEN, TOKEN, 0, 2))

    async def test_a_number_is_never_written_twice(self, journal: Journal) -> None:
        """Rule 17; W "same sequence from an overlapping old writer"."""
        written = await write_ledger(journal, 1, 2)
        assert not (await journal.append(1, 0, TOKEN, 1, b"another content")).applied
        assert not (await journal.append(1, 0, TOKEN, 0, b"another content")).applied
        assert list(await journal.read_entries(1, 0, 0, 10)) == written

    async def test_a_number_cannot_be_left_out(self, journal: Journal) -> None:
        """I2; J5 "gaps"."""
        written = await write_ledger(journal, 1, 2)
        answer = await journal.append(1, 0, TOKEN, 3, b"too far")
        assert answer == Conditional(False, SegmentRow(OPEN, TOKEN, 0, 1))
        assert list(await journal.read_entries(1, 0, 0, 10)) == written

    async def test_another_writer_is_refused(self, journal: Journal) -> None:
        """Rule 2; W "overlapping writer", T "shard ownership lost"."""
        written = await write_ledger(journal, 1, 2)
        answer = await journal.append(1, 0, OTHER_TOKEN, 2, b"not mine")
        assert answer == Conditional(False, SegmentRow(OPEN, TOKEN, 0, 1))
        assert list(await journal.read_entries(1, 0, 0, 10)) == written

    async def test_an_append_to_no_segment_is_refused(self, journal: Journal) -> None:
        """T "update of a shard that does not exist"."""
        assert await journal.append(1, 0, TOKEN, 0, b"x") == Conditional(False, None)
        assert await journal.roll(1, 0, TOKEN, -1) == Conditional(False, None)

    async def test_nothing_is_appended_after_a_seal(self, journal: Journal) -> None:
        """I3; W "old writer after new"."""
        written = await write_ledger(journal, 1, 2)
        sealed = SegmentRow(SEALED, TOKEN, 0, 1)
        assert await journal.seal(1, 0, 0) == Conditional(True, sealed)
        assert await journal.append(1, 0, TOKEN, 2, b"late") == Conditional(False, sealed)
        assert await journal.roll(1, 0, TOKEN, 1) == Conditional(False, sealed)
        assert list(await journal.read_entries(1, 0, 0, 10)) == written

    async def test_a_seal_is_for_ever_and_may_be_repeated(self, journal: Journal) -> None:
        """Rule 3: sealing again changes nothing and shows the row."""
        await write_ledger(journal, 1, 1)
        await journal.seal(1, 0, 0)
        sealed = SegmentRow(SEALED, TOKEN, 0, 0)
        assert await journal.seal(1, 0, 0) == Conditional(False, sealed)
        assert await journal.open_segment(1, 0, OTHER_TOKEN, 0) == Conditional(False, sealed)

    async def test_sealing_an_absent_segment_creates_it_sealed(self, journal: Journal) -> None:
        """Rule 3 `seal_creates`: who was to open it finds it sealed."""
        sealed = SegmentRow(SEALED, b"", 5, 4)
        assert await journal.seal(1, 1, 5) == Conditional(True, sealed)
        assert await journal.open_segment(1, 1, TOKEN, 5) == Conditional(False, sealed)
        assert await journal.append(1, 1, TOKEN, 5, b"x") == Conditional(False, sealed)
        assert await journal.append(1, 1, b"", 5, b"x") == Conditional(False, sealed)

    async def test_a_rolled_segment_takes_no_more_entries(self, journal: Journal) -> None:
        """Rule 21; J5 "partition boundary"."""
        await write_ledger(journal, 1, 3)
        rolled = SegmentRow(ROLLED, TOKEN, 0, 2)
        assert await journal.roll(1, 0, TOKEN, 2) == Conditional(True, rolled)
        assert await journal.append(1, 0, TOKEN, 3, b"late") == Conditional(False, rolled)

    async def test_a_repeated_roll_shows_that_it_is_in(self, journal: Journal) -> None:
        """Rule 21 `roll_resolved`."""
        await write_ledger(journal, 1, 3)
        await journal.roll(1, 0, TOKEN, 2)
        answer = await journal.roll(1, 0, TOKEN, 2)
        assert answer == Conditional(False, SegmentRow(ROLLED, TOKEN, 0, 2))

    async def test_only_the_writer_rolls_and_only_at_its_head(self, journal: Journal) -> None:
        """Rule 21: a roll that arrives late cannot cut off entries."""
        await write_ledger(journal, 1, 3)
        unchanged = Conditional(False, SegmentRow(OPEN, TOKEN, 0, 2))
        assert await journal.roll(1, 0, OTHER_TOKEN, 2) == unchanged
        assert await journal.roll(1, 0, TOKEN, 1) == unchanged
        assert await journal.roll(1, 0, TOKEN, 3) == unchanged

    async def test_a_seal_leaves_a_rolled_segment_rolled(self, journal: Journal) -> None:
        """Rule 21: rolled is not sealed; the sealer goes on."""
        await write_ledger(journal, 1, 3)
        await journal.roll(1, 0, TOKEN, 2)
        answer = await journal.seal(1, 0, 0)
        assert answer == Conditional(False, SegmentRow(ROLLED, TOKEN, 0, 2))

    async def test_the_next_session_writes_a_ledger_of_its_own(self, journal: Journal) -> None:
        """W "normal writer switch"."""
        old = await write_ledger(journal, 1, 2)
        await journal.seal(1, 0, 0)
        new = await write_ledger(journal, 2, 2)
        assert list(await journal.read_entries(1, 0, 0, 10)) == old
        assert list(await journal.read_entries(2, 0, 0, 10)) == new

    async def test_several_old_writers_are_all_refused(self, journal: Journal) -> None:
        """W "several old writers"; T "shadowing by zombie nodes"."""
        for ledger in (1, 2, 3):
            await write_ledger(journal, ledger, 1)
            await journal.seal(ledger, 0, 0)
        await write_ledger(journal, 4, 1)
        tries = [journal.append(n, 0, TOKEN, 1, b"zombie") for n in (1, 2, 3, 4)]
        answers = await asyncio.gather(*tries)
        assert [answer.applied for answer in answers] == [False, False, False, True]

    async def test_of_writers_of_one_number_one_gets_it(self, journal: Journal) -> None:
        """W "same sequence from overlapping writers", at once; I5."""
        await write_ledger(journal, 1, 0)
        tries = [journal.append(1, 0, TOKEN, 0, bytes([n])) for n in range(20)]
        applied = [n for n, answer in enumerate(await asyncio.gather(*tries)) if answer.applied]
        assert len(applied) == 1
        assert list(await journal.read_entries(1, 0, 0, 10)) == [(0, bytes(applied))]

    async def test_of_openers_of_one_segment_one_gets_it(self, journal: Journal) -> None:
        """Rule 3: the sealer is among those who race."""
        tries = [journal.open_segment(1, 0, bytes([n]), 0) for n in range(10)]
        answers = await asyncio.gather(*tries, journal.seal(1, 0, 0))
        assert sum(answer.applied for answer in answers[:-1]) <= 1
        row = await journal.read_segment(1, 0)
        assert row is not None
        assert row.state is SEALED

    async def test_what_is_answered_in_a_race_with_a_seal_is_true(self, journal: Journal) -> None:
        """I3 and I5: entries answered as in are in, and the seal's head covers exactly them."""
        for ledger in range(1, 21):
            await write_ledger(journal, ledger, 0)

            async def append_on(ledger: int = ledger) -> int:
                number = 0
                while (await journal.append(ledger, 0, TOKEN, number, b"x")).applied:
                    number += 1
                    await asyncio.sleep(0)
                return number

            async def seal_soon(ledger: int = ledger) -> Conditional:
                for _ in range(ledger):
                    await asyncio.sleep(0)
                return await journal.seal(ledger, 0, 0)

            acknowledged, sealed = await asyncio.gather(append_on(), seal_soon())
            assert sealed.row is not None
            assert sealed.row.head == acknowledged - 1
            assert len(await journal.read_entries(ledger, 0, 0, 10_000)) == acknowledged

    async def test_a_roll_and_a_seal_at_once_leave_one_state(self, journal: Journal) -> None:
        """Rule 21: whichever comes first decides, and both are told."""
        for ledger in range(1, 11):
            await write_ledger(journal, ledger, 1)
            requests = [journal.roll(ledger, 0, TOKEN, 0), journal.seal(ledger, 0, 0)]
            if ledger % 2:
                requests.reverse()
            answers = await asyncio.gather(*requests)
            assert sorted(answer.applied for answer in answers) == [False, True]
            assert answers[0].row == answers[1].row == await journal.read_segment(ledger, 0)
