"""I4 to I6 over all ledgers, planted one by one."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from flightmesh.eventsourcing.record import Record
from flightmesh.verification.contents import CommittedEntry, all_entries
from flightmesh.verification.records import RecordCheck, check_records
from tests.unit.testing.told import B, entry, record, true_ledgers


def spoilt(ledger: int, number: int, *records: Record) -> set[tuple[str, str]]:
    """What is found where one entry of the true story has other records."""
    entries = [
        entry(ledger, number, *records) if (e.ledger, e.number) == (ledger, number) else e
        for e in all_entries(true_ledgers())
    ]
    return {(v.invariant, v.what) for v in check_records(entries)}


def test_true_records_have_no_violation_and_are_counted() -> None:
    check = RecordCheck()
    for each in all_entries(true_ledgers()):
        check.see(each)
    assert check.finish() == []
    assert (check.records, check.events) == (5, 4)


@given(st.permutations(all_entries(true_ledgers())))
def test_the_order_of_reading_is_no_matter(entries: list[CommittedEntry]) -> None:
    assert check_records(entries) == []


def test_missing_shard_sequences_are_found() -> None:
    told = spoilt(9, 0, record(4, first=5, sequence=4, events=1))
    assert told == {("I4", "shard sequences are missing")}


def test_a_shard_sequence_that_comes_twice_is_found() -> None:
    told = spoilt(9, 0, record(4, B, first=3, sequence=1, events=1))
    assert told == {("I4", "shard sequences repeat")}


def test_a_lost_entry_of_the_first_owner_is_found() -> None:
    assert spoilt(7, 1) == {
        ("I4", "shard sequences are missing"),
        ("I6", "an aggregate's events are missing"),
    }


def test_a_command_recorded_twice_is_found() -> None:
    told = spoilt(9, 0, record(3, sequence=3), record(4, first=4, sequence=4, events=1))
    assert told == {("I6", "a command is recorded twice")}


def test_the_same_id_at_two_aggregates_is_well() -> None:
    ours = record(4, first=4, sequence=4, events=1)
    assert spoilt(9, 0, ours, record(4, B, sequence=0)) == set()


def test_two_changes_at_the_same_sequence_are_found() -> None:
    told = spoilt(9, 0, record(4, first=4, sequence=3, events=1))
    assert told == {("I6", "two commands changed an aggregate at the same sequence")}


def test_an_order_that_is_not_the_shards_is_found() -> None:
    entries = all_entries(true_ledgers())
    entries[1] = entry(7, 1, record(2, first=3, sequence=3, events=2))
    entries[3] = entry(9, 0, record(4, first=2, sequence=4, events=1))
    told = {(v.invariant, v.what) for v in check_records(entries)}
    assert told == {("I4", "an aggregate's order is not that of its shard")}


def test_a_refusal_with_events_is_found() -> None:
    told = spoilt(9, 0, record(4, first=4, sequence=4, events=1, refused="LEG_OVERLAP"))
    assert told == {("I6", "a refused command has events")}


def test_events_without_a_shard_sequence_are_found() -> None:
    told = spoilt(9, 0, record(4, first=4, sequence=3))
    assert told == {("I4", "a record's events and shard sequence do not agree")}


def test_an_aggregate_in_two_shards_is_found() -> None:
    moved = msgspec.structs.replace(record(4, first=1, sequence=4, events=1), shard=4)
    assert ("I4", "an aggregate is in two shards") in spoilt(9, 0, moved)


def test_what_lacks_before_an_entry_that_was_read_late_is_not_told() -> None:
    """It may be in a ledger that went on after it was read."""
    check = RecordCheck()
    for each in all_entries(true_ledgers()):
        if (each.ledger, each.number) != (7, 1):
            check.see(each)
    assert check.finish(lambda place: place[0] == 7) == []
    assert check.finish(lambda place: place[0] == 9) != []


def test_what_repeats_is_told_however_late_it_was_read() -> None:
    check = RecordCheck()
    for each in all_entries(true_ledgers()):
        check.see(each)
    check.see(entry(9, 5, record(8, B, first=3, sequence=1, events=1)))
    told = {(v.invariant, v.what) for v in check.finish(lambda _: False)}
    assert ("I4", "shard sequences repeat") in told
