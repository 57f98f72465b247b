"""The sealer's walk (rules 3 and 21)."""

import pytest

from flightmesh.clock.virtual import ManualClock, SeededRandomness
from flightmesh.errors import ProtocolViolation
from flightmesh.journal import SegmentRow, SegmentState
from flightmesh.journal.memory import InMemoryJournal
from flightmesh.ledger.birth import give_birth
from flightmesh.ledger.sealer import seal_ledger
from flightmesh.ledger.writer import SegmentBounds
from flightmesh.testing.faults import Fault, Faults, FaultyJournal, ScriptedFaults

TOKEN = b"token"


async def ledger_of(entries: int, per_segment: int) -> InMemoryJournal:
    store = InMemoryJournal()
    bounds = SegmentBounds(entries=per_segment)
    writer = await give_birth(store, "a", ManualClock(), SeededRandomness(1), bounds=bounds)
    for number in range(entries):
        await writer.append(str(number).encode())
    return store


@pytest.mark.parametrize(("entries", "per_segment"), [(0, 5), (1, 5), (5, 5), (6, 5), (23, 5)])
async def test_a_ledger_of_any_number_of_segments_is_sealed_at_its_end(
    entries: int, per_segment: int
) -> None:
    store = await ledger_of(entries, per_segment)
    for _ in range(2):
        assert await seal_ledger(store, 1, ManualClock()) == entries - 1


async def test_rule_3_an_absent_ledger_is_created_sealed() -> None:
    store = InMemoryJournal()
    assert await seal_ledger(store, 9, ManualClock()) == -1
    assert await store.read_segment(9, 0) == SegmentRow(SegmentState.SEALED, b"", 0, -1)
    assert not (await store.open_segment(9, 0, TOKEN, 0)).applied


async def test_rule_21_behind_a_marker_the_next_segment_is_created_sealed() -> None:
    store = InMemoryJournal()
    await store.open_segment(1, 0, TOKEN, 0)
    await store.append(1, 0, TOKEN, 0, b"0")
    await store.roll(1, 0, TOKEN, 0)
    assert await seal_ledger(store, 1, ManualClock()) == 0
    assert await store.read_segment(1, 0) == SegmentRow(SegmentState.ROLLED, TOKEN, 0, 0)
    assert await store.read_segment(1, 1) == SegmentRow(SegmentState.SEALED, b"", 1, 0)


@pytest.mark.parametrize("entries", [3, 8, 28])
async def test_rule_21_the_walk_goes_only_behind_segments_read_as_rolled(entries: int) -> None:
    # A later segment created sealed by mistake must not be taken for the ledger's end.
    store = await ledger_of(entries, 5)
    for mistaken in (entries // 5 + 2, 2 * (entries // 5) + 3):
        await store.seal(1, mistaken, 100)
    assert await seal_ledger(store, 1, ManualClock()) == entries - 1
    row = await store.read_segment(1, (entries - 1) // 5)
    assert row is not None
    assert row.state is SegmentState.SEALED


async def test_a_ledger_of_many_segments_is_sealed_with_few_requests() -> None:
    """A session that lives for days has hundreds, and its shards wait for the seal."""
    store = await ledger_of(2_000, 5)
    faults = Faults(ScriptedFaults())
    assert await seal_ledger(FaultyJournal(store, faults), 1, ManualClock()) == 1_999
    assert len(faults.calls) < 25
    row = await store.read_segment(1, 399)
    assert row is not None
    assert row.state is SegmentState.SEALED


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.LOST, Fault.ANSWER_LOST, Fault.LATE])
async def test_unknown_outcomes_are_repeated(fault: Fault) -> None:
    store = await ledger_of(7, 3)
    faults = Faults(ScriptedFaults(seal=[fault] * 6))
    assert await seal_ledger(FaultyJournal(store, faults), 1, ManualClock()) == 6
    await faults.deliver_late()
    assert await seal_ledger(store, 1, ManualClock()) == 6


async def test_a_segment_that_begins_elsewhere_is_a_violation() -> None:
    store = InMemoryJournal()
    await store.open_segment(1, 0, TOKEN, 0)
    await store.roll(1, 0, TOKEN, -1)
    await store.open_segment(1, 1, TOKEN, 7)
    with pytest.raises(ProtocolViolation):
        await seal_ledger(store, 1, ManualClock())
