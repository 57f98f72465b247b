"""A writer, two sealers and a reader of one ledger, in any order of steps and with any faults.

Every request to the store is a step. A seeded choice says whose step is next, what fault it meets,
and when a late request arrives, even after its sender is gone. The seed is hypothesis's, so that a
failure prints it and shrinks.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flightmesh.clock.virtual import SeededRandomness
from flightmesh.errors import SessionFenced, StoreError
from flightmesh.journal import Journal, SegmentState
from flightmesh.journal.memory import InMemoryJournal
from flightmesh.ledger.birth import give_birth
from flightmesh.ledger.reader import LedgerReader
from flightmesh.ledger.sealer import seal_ledger
from flightmesh.ledger.writer import SegmentBounds
from flightmesh.testing.faults import Fault, Faults, FaultyJournal

ENTRIES = 6
LEDGER = 1


@dataclass
class Steps:
    """Lets one waiting actor go at a time; doubles as the clock of the actors and as the policy."""

    randomness: SeededRandomness
    faults_left: int
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def below(self, count: int) -> int:
        return self.randomness.bits(32) % count

    def decide(self, method: str) -> Fault:
        # A new session number after each unknown outcome would only rename the ledger.
        if method == "allocate_session" or self.faults_left == 0 or self.below(3):
            return Fault.NONE
        self.faults_left -= 1
        return list(Fault)[1 + self.below(len(Fault) - 1)]

    def now_us(self) -> int:
        return 0

    def monotonic_s(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await self.step()

    async def step(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        await future


class SteppedJournal:
    """Makes every request wait for its turn."""

    def __init__(self, journal: Journal, steps: Steps) -> None:
        self._journal, self._steps = journal, steps

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._journal, name)

        async def stepped(*arguments: object) -> object:
            await self._steps.step()
            return await method(*arguments)

        return stepped


@dataclass
class Story:
    """One run: what the actors did and were told."""

    store: InMemoryJournal
    journal: Journal
    steps: Steps
    acknowledged: list[int] = field(default_factory=list)
    sealed_at: list[int] = field(default_factory=list)
    read: list[int] = field(default_factory=list)

    async def write(self) -> None:
        bounds = SegmentBounds(entries=2)
        try:
            writer = await give_birth(
                self.journal, "a", self.steps, self.steps.randomness, bounds=bounds
            )
            while len(self.acknowledged) < ENTRIES:
                self.acknowledged.append(await writer.append(f"{writer.next_number}".encode()))
        except SessionFenced:
            return

    async def seal(self) -> None:
        for _ in range(self.steps.below(40)):
            await self.steps.step()
        self.sealed_at.append(await seal_ledger(self.journal, LEDGER, self.steps))

    async def follow(self) -> None:
        reader = LedgerReader(self.journal, LEDGER, batch=2)
        while not reader.finished:
            try:
                self.read += [number for number, _ in await reader.read_batch()]
            except StoreError:
                continue
            assert len(self.read) == len(set(self.read))

    async def contents(self) -> list[tuple[int, bytes]]:
        reader = LedgerReader(self.store, LEDGER)
        entries = [entry async for entry in reader.entries()]
        assert reader.finished
        return entries


async def run(story: Story, faults: Faults, actors: list[Coroutine[Any, Any, None]]) -> None:
    """Drives the actors to their ends, one step at a time; the first may crash on the way."""
    tasks = [asyncio.ensure_future(actor) for actor in actors]
    steps = story.steps
    crash_at = steps.below(60)
    for count in range(3000):
        for _ in range(4):
            await asyncio.sleep(0)
        if all(task.done() for task in tasks):
            break
        if count == crash_at and steps.below(2):
            tasks[0].cancel()
        elif faults.late and steps.below(4) == 0:
            await faults.late.pop(steps.below(len(faults.late)))()
        elif steps.waiting:
            future = steps.waiting.pop(steps.below(len(steps.waiting)))
            if not future.done():
                future.set_result(None)
    unfinished = [task for task in tasks if not task.done()]
    for task in unfinished:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert not unfinished, "an actor never comes to its end"
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 1 << 62), faults=st.integers(0, 12))
async def test_i2_i3_i5_i7_hold_in_every_order_of_steps(seed: int, faults: int) -> None:
    steps = Steps(SeededRandomness(seed), faults)
    fate = Faults(steps)
    store = InMemoryJournal()
    stepped: Journal = SteppedJournal(FaultyJournal(store, fate), steps)
    story = Story(store, stepped, steps)
    await run(story, fate, [story.write(), story.seal(), story.seal(), story.follow()])

    entries = await story.contents()
    assert [number for number, _ in entries] == list(range(len(entries)))  # I2
    assert [data for _, data in entries] == [f"{number}".encode() for number, _ in entries]
    assert story.sealed_at == [len(entries) - 1] * 2  # I3, as the sealers were told
    assert story.acknowledged == list(range(len(story.acknowledged)))
    assert len(story.acknowledged) <= len(entries)  # I5: whatever was answered is in
    assert story.read == [number for number, _ in entries]  # I7

    await fate.deliver_late()
    assert await story.contents() == entries  # I3, whatever still arrives


async def test_the_interleavings_do_meet_what_they_are_for() -> None:
    """Guards the test above: seals come in the middle, rolls are cut off, faults happen."""
    seen: set[str] = set()
    for seed in range(150):
        steps = Steps(SeededRandomness(seed), 6)
        fate = Faults(steps)
        store = InMemoryJournal()
        journal: Journal = SteppedJournal(FaultyJournal(store, fate), steps)
        story = Story(store, journal, steps)
        await run(story, fate, [story.write(), story.seal(), story.seal(), story.follow()])
        seen |= {fault.value for fault in fate.met}
        entries = await story.contents()
        if 0 < len(entries) < ENTRIES:
            seen.add("sealed in the middle")
        if len(entries) > len(story.acknowledged):
            seen.add("in, but not acknowledged")
        for segment in range(4):
            row = await store.read_segment(LEDGER, segment)
            if row is not None and row.writer == b"" and segment > 0:
                assert row.state is SegmentState.SEALED
                seen.add("created sealed behind a marker")
    expected = {"sealed in the middle", "in, but not acknowledged"}
    expected |= {"created sealed behind a marker"}
    assert seen >= expected | {fault.value for fault in Fault if fault is not Fault.NONE}
