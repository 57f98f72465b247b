"""The fault wrappers: transparent without faults, and each fault is what it says."""

from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

import pytest

from flightmesh.clock.virtual import SeededRandomness
from flightmesh.errors import OutcomeUnknown, StoreUnavailable
from flightmesh.journal import AggregateIndex, Claims, Journal, Snapshots
from flightmesh.journal.memory import InMemoryJournal, InMemoryStore
from flightmesh.testing.claims_contract import ClaimsContract
from flightmesh.testing.faults import (
    Fault,
    Faults,
    FaultyAggregateIndex,
    FaultyClaims,
    FaultyJournal,
    FaultySnapshots,
    RandomFaults,
    ScriptedFaults,
)
from flightmesh.testing.index_contract import IndexContract
from flightmesh.testing.journal_contract import JournalContract
from flightmesh.testing.journal_contract_writes import JournalWritesContract
from flightmesh.testing.snapshots_contract import SnapshotsContract


def without_faults() -> Faults:
    return Faults(ScriptedFaults())


class TestFaultyJournal(JournalContract, JournalWritesContract):
    def create_journal(self, directory: Path) -> AbstractAsyncContextManager[Journal]:
        return nullcontext(FaultyJournal(InMemoryStore().journal, without_faults()))


class TestFaultyClaims(ClaimsContract):
    def create_claims(self, directory: Path) -> AbstractAsyncContextManager[Claims]:
        return nullcontext(FaultyClaims(InMemoryStore().claims, without_faults()))


class TestFaultyIndex(IndexContract):
    def create_index(self, directory: Path) -> AbstractAsyncContextManager[AggregateIndex]:
        return nullcontext(FaultyAggregateIndex(InMemoryStore().index, without_faults()))


class TestFaultySnapshots(SnapshotsContract):
    def create_snapshots(self, directory: Path) -> AbstractAsyncContextManager[Snapshots]:
        return nullcontext(FaultySnapshots(InMemoryStore().snapshots, without_faults()))


@pytest.mark.parametrize(
    ("fault", "error", "given_at_once", "given_in_the_end"),
    [
        (Fault.NONE, None, 1, 1),
        (Fault.REFUSED, StoreUnavailable, 0, 0),
        (Fault.LOST, OutcomeUnknown, 0, 0),
        (Fault.ANSWER_LOST, OutcomeUnknown, 1, 1),
        (Fault.LATE, OutcomeUnknown, 0, 1),
        (Fault.TWICE, None, 1, 2),
    ],
)
async def test_each_fault_applies_the_call_as_often_as_it_says(
    fault: Fault, error: type[Exception] | None, given_at_once: int, given_in_the_end: int
) -> None:
    store, faults = InMemoryJournal(), Faults(ScriptedFaults(allocate_session=[fault]))
    journal = FaultyJournal(store, faults)
    if error is None:
        assert await journal.allocate_session() == 1
    else:
        with pytest.raises(error):
            await journal.allocate_session()
    # A session number is taken by each application; the store's next one tells how many.
    assert await store.allocate_session() == given_at_once + 1
    await faults.deliver_late()
    assert await store.allocate_session() == given_in_the_end + 2
    assert faults.late == []


async def test_random_faults_are_of_all_kinds_and_repeat_with_their_seed() -> None:
    runs = []
    for _ in range(2):
        policy = RandomFaults(SeededRandomness(3), 0.5)
        runs.append([policy.decide("append") for _ in range(400)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == set(Fault)
    assert 120 < runs[0].count(Fault.NONE) < 280
