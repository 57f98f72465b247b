"""The writer's rules, each under the faults that it is for."""

import asyncio
from collections.abc import Sequence

import pytest

from flightmesh.clock import Clock
from flightmesh.clock.virtual import ManualClock, SeededRandomness
from flightmesh.errors import ProtocolViolation, SessionFenced
from flightmesh.journal import Conditional, Journal, SegmentRow, SegmentState
from flightmesh.journal.memory import InMemoryJournal
from flightmesh.ledger.birth import give_birth
from flightmesh.ledger.reader import LedgerReader
from flightmesh.ledger.sealer import seal_ledger
from flightmesh.ledger.writer import LedgerWriter, SegmentBounds, Verdict, judge
from flightmesh.testing.faults import Fault, Faults, FaultyJournal, ScriptedFaults

OPEN, ROLLED, SEALED = SegmentState.OPEN, SegmentState.ROLLED, SegmentState.SEALED
SMALL = SegmentBounds(entries=2, bytes=1000)


async def born(journal: Journal, bounds: SegmentBounds = SMALL) -> LedgerWriter:
    return await give_birth(journal, "node-a", ManualClock(), SeededRandomness(1), bounds=bounds)


async def contents(journal: Journal, ledger: int = 1) -> list[bytes]:
    return [data async for _, data in LedgerReader(journal, ledger).entries()]


class SealingClock:
    """While the writer pauses before a repeat, its ledger is sealed."""

    def __init__(self, store: Journal) -> None:
        self._store = store

    def now_us(self) -> int:
        return 0

    def monotonic_s(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await seal_ledger(self._store, 1, ManualClock())


async def writer_with(
    *, sealed_on_repeat: bool = False, **scripts: Sequence[Fault]
) -> tuple[InMemoryJournal, Faults, LedgerWriter]:
    """A writer that is born without faults and then meets the scripted ones."""
    store, faults = InMemoryJournal(), Faults(ScriptedFaults())
    clock: Clock = SealingClock(store) if sealed_on_repeat else ManualClock()
    journal = FaultyJournal(store, faults)
    writer = await give_birth(journal, "node-a", clock, SeededRandomness(1), bounds=SMALL)
    faults.policy, faults.calls = ScriptedFaults(**scripts), []
    return store, faults, writer


async def token_of(store: Journal) -> bytes:
    row = await store.read_segment(1, 0)
    assert row is not None
    return row.writer


async def test_entries_are_numbered_from_zero_without_gap() -> None:
    store = InMemoryJournal()
    writer = await born(store)
    assert (writer.head, writer.next_number) == (-1, 0)
    assert [await writer.append(bytes([n])) for n in range(7)] == list(range(7))
    assert await contents(store) == [bytes([n]) for n in range(7)]
    assert (writer.head, writer.next_number, writer.segment) == (6, 7, 3)


async def test_statistics_count_what_was_written() -> None:
    clock, store = ManualClock(), InMemoryJournal()
    writer = await give_birth(store, "a", clock, SeededRandomness(1), bounds=SMALL)
    for size in (10, 20, 30):
        await writer.append(b"x" * size)
    assert (writer.statistics.entries, writer.statistics.bytes) == (3, 60)
    assert (writer.statistics.rolls, writer.statistics.repeats) == (1, 0)


async def test_a_segment_is_rolled_when_its_bytes_are_full() -> None:
    store = InMemoryJournal()
    writer = await born(store, SegmentBounds(entries=100, bytes=50))
    for size in (40, 40, 500, 1):
        await writer.append(b"x" * size)
    rows = [await store.read_segment(1, segment) for segment in range(4)]
    assert [row and (row.state, row.first, row.head) for row in rows] == [
        (ROLLED, 0, 1),
        (ROLLED, 2, 2),
        (OPEN, 3, 3),
        None,
    ]


async def test_rule_2_not_applied_with_our_token_and_number_means_it_is_in() -> None:
    store, faults, writer = await writer_with(append=[Fault.ANSWER_LOST])
    assert await writer.append(b"once") == 0
    assert await writer.append(b"next") == 1
    assert await contents(store) == [b"once", b"next"]
    assert faults.calls == ["append", "append", "append"]


async def test_rule_17_the_identical_write_is_repeated_until_a_definite_answer() -> None:
    faults = [Fault.LOST, Fault.REFUSED, Fault.LATE, Fault.REFUSED, Fault.LOST]
    store, met, writer = await writer_with(append=faults)
    assert await writer.append(b"only this") == 0
    assert met.calls == ["append"] * 6
    assert writer.statistics.repeats == 5
    assert await contents(store) == [b"only this"]


async def test_rule_17_a_late_first_version_overwrites_nothing() -> None:
    store, faults, writer = await writer_with(append=[Fault.LATE, Fault.NONE, Fault.TWICE])
    await writer.append(b"zero")
    await writer.append(b"one")
    assert await faults.deliver_late() == 2
    assert await contents(store) == [b"zero", b"one"]
    assert await writer.append(b"two") == 2


async def test_rule_17_unavailable_after_unknown_is_no_answer() -> None:
    # The repeat was not applied for certain, but the first try arrived all the same.
    store, faults, writer = await writer_with(append=[Fault.ANSWER_LOST, Fault.REFUSED])
    assert await writer.append(b"in") == 0
    assert await contents(store) == [b"in"]
    assert faults.met == [Fault.ANSWER_LOST, Fault.REFUSED]


class StalledJournal:
    """A journal whose appends are sent and never answered."""

    def __init__(self, journal: InMemoryJournal) -> None:
        self._journal = journal
        self.sent = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)

    async def append(self, *_: object) -> Conditional:
        self.sent += 1
        await asyncio.Event().wait()
        raise AssertionError


async def test_rule_17_nothing_follows_a_request_that_was_abandoned() -> None:
    store = InMemoryJournal()
    journal = StalledJournal(store)
    writer = await born(journal)  # type: ignore[arg-type]
    append = asyncio.ensure_future(writer.append(b"first"))
    await asyncio.sleep(0)
    append.cancel()
    with pytest.raises(asyncio.CancelledError):
        await append
    assert writer.fenced
    with pytest.raises(SessionFenced):
        await writer.append(b"second")
    assert journal.sent == 1


async def test_rule_17_one_append_at_a_time() -> None:
    journal = StalledJournal(InMemoryJournal())
    writer = await born(journal)  # type: ignore[arg-type]
    append = asyncio.ensure_future(writer.append(b"first"))
    await asyncio.sleep(0)
    with pytest.raises(ProtocolViolation):
        await writer.append(b"second")
    append.cancel()
    await asyncio.wait([append])
    assert journal.sent == 1


async def test_a_sealed_ledger_fences_its_writer_for_ever() -> None:
    store, faults, writer = await writer_with()
    await writer.append(b"in")
    assert await seal_ledger(store, 1, ManualClock()) == 0
    for _ in range(2):
        with pytest.raises(SessionFenced):
            await writer.append(b"out")
    assert writer.fenced
    assert faults.calls == ["append", "append", "read_segment"]
    assert await contents(store) == [b"in"]


async def test_rule_18_a_refused_repeat_may_be_in_and_then_counts() -> None:
    store, _, writer = await writer_with(sealed_on_repeat=True, append=[Fault.ANSWER_LOST])
    assert await writer.append(b"in before the seal") == 0
    assert await contents(store) == [b"in before the seal"]
    assert writer.fenced
    with pytest.raises(SessionFenced):
        await writer.append(b"later")


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.LATE, Fault.REFUSED])
async def test_rule_18_a_refused_repeat_that_is_not_in_never_will_be(fault: Fault) -> None:
    store, faults, writer = await writer_with(sealed_on_repeat=True, append=[fault])
    with pytest.raises(SessionFenced):
        await writer.append(b"sealed out")
    await faults.deliver_late()
    assert await contents(store) == []


async def test_rule_21_the_marker_is_in_before_the_next_segment_opens() -> None:
    store, faults, writer = await writer_with(
        roll=[Fault.LOST, Fault.LATE, Fault.REFUSED], open_segment=[Fault.LOST, Fault.LATE]
    )
    for number in range(3):
        await writer.append(bytes([number]))
    assert faults.calls == ["append"] * 2 + ["roll"] * 4 + ["open_segment"] * 3 + ["append"]
    await faults.deliver_late()
    await writer.append(b"\x03")
    assert await contents(store) == [b"\x00", b"\x01", b"\x02", b"\x03"]


async def test_rule_21_lost_answers_to_roll_and_open_are_found_to_be_in() -> None:
    store, _, writer = await writer_with(roll=[Fault.ANSWER_LOST], open_segment=[Fault.ANSWER_LOST])
    for number in range(3):
        await writer.append(bytes([number]))
    token = await token_of(store)
    assert await store.read_segment(1, 0) == SegmentRow(ROLLED, token, 0, 1)
    assert await store.read_segment(1, 1) == SegmentRow(OPEN, token, 2, 2)


async def test_rule_21_a_seal_before_the_marker_fences_the_roll() -> None:
    store, faults, writer = await writer_with()
    await writer.append(b"0")
    await writer.append(b"1")
    await seal_ledger(store, 1, ManualClock())
    with pytest.raises(SessionFenced):
        await writer.append(b"2")
    assert faults.calls == ["append", "append", "roll"]
    assert await store.read_segment(1, 1) is None


async def test_rule_21_a_sealer_behind_the_marker_creates_the_next_segment_sealed() -> None:
    store, faults, writer = await writer_with(sealed_on_repeat=True, roll=[Fault.ANSWER_LOST])
    await writer.append(b"0")
    await writer.append(b"1")

    with pytest.raises(SessionFenced):
        await writer.append(b"2")
    assert await store.read_segment(1, 1) == SegmentRow(SEALED, b"", 2, 1)
    assert faults.calls == ["append", "append", "roll", "roll", "open_segment"]
    assert await contents(store) == [b"0", b"1"]


TOKEN = b"mine"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Conditional(True, SegmentRow(OPEN, TOKEN, 0, 5)), Verdict.OURS),
        (Conditional(False, SegmentRow(OPEN, TOKEN, 0, 5)), Verdict.OURS),
        (Conditional(False, SegmentRow(SEALED, TOKEN, 0, 5)), Verdict.FENCED),
        (Conditional(False, SegmentRow(SEALED, b"", 5, 4)), Verdict.FENCED),
        (Conditional(False, SegmentRow(OPEN, b"other", 0, 5)), Verdict.FENCED),
        (Conditional(False, SegmentRow(OPEN, TOKEN, 0, 4)), Verdict.IMPOSSIBLE),
        (Conditional(False, SegmentRow(OPEN, TOKEN, 0, 6)), Verdict.IMPOSSIBLE),
        (Conditional(False, SegmentRow(ROLLED, TOKEN, 0, 5)), Verdict.IMPOSSIBLE),
        (Conditional(False, None), Verdict.IMPOSSIBLE),
    ],
)
def test_every_answer_has_one_meaning(answer: Conditional, verdict: Verdict) -> None:
    assert judge(answer, TOKEN, OPEN, 5) is verdict


async def test_what_cannot_be_is_a_violation_and_ends_the_writer() -> None:
    store = InMemoryJournal()
    writer = await born(store, SegmentBounds())
    await writer.append(b"0")
    await store.append(1, 0, await token_of(store), 1, b"by somebody with our token")
    await store.append(1, 0, await token_of(store), 2, b"and again")
    with pytest.raises(ProtocolViolation):
        await writer.append(b"1")
    assert writer.fenced
