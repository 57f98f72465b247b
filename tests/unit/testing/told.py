"""A small true story, as clients were told it and as the ledgers hold it, to be spoilt by tests.

Shard 3 was served by ledger 7, then by ledger 9. Aggregate A: created, changed, refused once,
changed again by the second owner. Aggregate B: one command without effect.
"""

import msgspec

from flightmesh.eventsourcing import EncodedEvent, Rejection
from flightmesh.eventsourcing.record import Record
from flightmesh.ids import AggregateId, CommandId, uuid7
from flightmesh.journal import SegmentRow, SegmentState
from flightmesh.testing.history import History
from flightmesh.verification.contents import CommittedEntry, LedgerContents

A = AggregateId("00000000-0000-4000-8000-00000000000a")
B = AggregateId("00000000-0000-4000-8000-00000000000b")
SHARD = 3


def command(number: int) -> CommandId:
    return uuid7(1_700_000_000_000 + number, number)


def body(number: int) -> bytes:
    return number.to_bytes(16, "big")


def record(
    number: int,
    aggregate: AggregateId = A,
    *,
    first: int = 0,
    sequence: int,
    events: int = 0,
    refused: str = "",
) -> Record:
    return Record(
        command(number),
        body(number),
        SHARD,
        aggregate,
        "rotation",
        "s05",
        first,
        sequence,
        tuple(EncodedEvent("Changed", 1, b"%d" % n) for n in range(events)),
        Rejection(refused, "for a reason", {}) if refused else None,
    )


def entry(ledger: int, number: int, *records: Record) -> CommittedEntry:
    return CommittedEntry(ledger, number, 1_000 * ledger + number, records)


def true_ledgers() -> list[LedgerContents]:
    sealed, opened = SegmentState.SEALED, SegmentState.OPEN
    return [
        LedgerContents(
            7,
            "node-1",
            [
                SegmentRow(SegmentState.ROLLED, b"seven", 0, 1),
                SegmentRow(sealed, b"seven", 2, 2),
            ],
            [
                entry(7, 0, record(1, first=1, sequence=1, events=1)),
                entry(7, 1, record(2, first=2, sequence=3, events=2)),
                entry(7, 2, record(3, sequence=3, refused="LEG_OVERLAP")),
            ],
        ),
        LedgerContents(
            9,
            "node-2",
            [SegmentRow(opened, b"nine", 0, 0)],
            [
                entry(9, 0, record(4, first=4, sequence=4, events=1), record(5, B, sequence=0)),
            ],
        ),
    ]


def true_history() -> History:
    """What the clients were told, the refused command twice."""
    history = History()
    one = history.ask_command("c1", 10, command(1), A, body_hash=body(1), expected_sequence=0)
    history.acknowledge(one, 20, sequence=1, position="7:0", events=["a"])
    lost = history.ask_command("c1", 30, command(2), A, body_hash=body(2))
    history.lose(lost, 40, "UNAVAILABLE")
    again = history.ask_command("c1", 50, command(2), A, body_hash=body(2))
    history.acknowledge(again, 60, sequence=3, position="7:1")
    for at in (70, 80):
        refused = history.ask_command("c2", at, command(3), A, body_hash=body(3))
        history.refuse(refused, at + 5, "LEG_OVERLAP")
    history.stop_faults(90)
    four = history.ask_command("c2", 91, command(4), A, body_hash=body(4), expected_sequence=3)
    five = history.ask_command("c1", 92, command(5), B, body_hash=body(5))
    history.acknowledge(five, 93, sequence=0, position="9:0", events=[])
    history.acknowledge(four, 94, sequence=4, position="9:0", events=["b"])
    query = history.ask_query("c1", 95, "legs", "9:0", "s05")
    history.answer(query, 96, "7:2,9:0", {"leg": "as it is"})
    return history


def with_note(history: History, index: int, **changes: object) -> History:
    """The history with one note told otherwise."""
    notes = list(history.notes)
    notes[index] = msgspec.structs.replace(notes[index], **changes)
    return History(notes)
