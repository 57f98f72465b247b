"""The order of birth, under faults and against a sealer."""

import pytest

from flightmesh.clock.virtual import ManualClock, SeededRandomness
from flightmesh.errors import SessionFenced
from flightmesh.journal import DirectoryRow, SegmentRow, SegmentState
from flightmesh.journal.memory import InMemoryJournal
from flightmesh.ledger.birth import give_birth
from flightmesh.ledger.sealer import seal_ledger
from flightmesh.ledger.writer import LedgerWriter
from flightmesh.testing.faults import Fault, Faults, FaultyJournal, ScriptedFaults


async def birth(store: InMemoryJournal, faults: Faults) -> LedgerWriter:
    journal = FaultyJournal(store, faults)
    return await give_birth(journal, "node-a", ManualClock(), SeededRandomness(5))


async def test_rule_3_the_directory_row_comes_before_the_ledger() -> None:
    store, faults = InMemoryJournal(), Faults(ScriptedFaults())
    writer = await birth(store, faults)
    assert faults.calls == ["allocate_session", "add_to_directory", "open_segment"]
    assert await store.list_directory() == [DirectoryRow(writer.ledger, "node-a")]
    row = await store.read_segment(writer.ledger, 0)
    assert row is not None
    assert (row.state, row.first, row.head, len(row.writer)) == (SegmentState.OPEN, 0, -1, 16)


async def test_rule_2_a_number_whose_answer_was_lost_is_given_to_nobody() -> None:
    script = ScriptedFaults(allocate_session=[Fault.ANSWER_LOST, Fault.REFUSED, Fault.LOST])
    store = InMemoryJournal()
    first = await birth(store, Faults(script))
    second = await birth(store, Faults(ScriptedFaults()))
    assert (first.ledger, second.ledger) == (2, 3)


async def test_rule_2_sessions_have_tokens_of_their_own() -> None:
    store, randomness = InMemoryJournal(), SeededRandomness(5)
    for _ in range(2):
        await give_birth(store, "node-a", ManualClock(), randomness)
    rows = [await store.read_segment(ledger, 0) for ledger in (1, 2)]
    assert len({row.writer for row in rows if row is not None}) == 2


@pytest.mark.parametrize("method", ["add_to_directory", "open_segment"])
@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.LOST, Fault.ANSWER_LOST, Fault.LATE])
async def test_rule_3_each_step_is_repeated_until_it_is_done(method: str, fault: Fault) -> None:
    store, faults = InMemoryJournal(), Faults(ScriptedFaults(**{method: [fault] * 3}))
    writer = await birth(store, faults)
    await faults.deliver_late()
    assert await writer.append(b"0") == 0
    assert faults.calls.index("open_segment") > faults.calls.index("add_to_directory")
    assert [row.ledger for row in await store.list_directory()] == [1]


async def test_rule_3_a_ledger_sealed_before_it_is_born_stays_sealed() -> None:
    store = InMemoryJournal()
    assert await seal_ledger(store, 1, ManualClock()) == -1
    with pytest.raises(SessionFenced):
        await birth(store, Faults(ScriptedFaults()))
    assert await store.read_segment(1, 0) == SegmentRow(SegmentState.SEALED, b"", 0, -1)


async def test_rule_3_an_opening_that_arrives_after_the_seal_opens_nothing() -> None:
    store, faults = InMemoryJournal(), Faults(ScriptedFaults(open_segment=[Fault.LATE]))
    journal = FaultyJournal(store, faults)

    class SealingClock:
        def now_us(self) -> int:
            return 0

        def monotonic_s(self) -> float:
            return 0.0

        async def sleep(self, seconds: float) -> None:
            await seal_ledger(store, 1, ManualClock())

    with pytest.raises(SessionFenced):
        await give_birth(journal, "node-a", SealingClock(), SeededRandomness(5))
    await faults.deliver_late()
    row = await store.read_segment(1, 0)
    assert row is not None
    assert row.state is SegmentState.SEALED
