"""A small store by hand, true in all its parts: what tests of the doctor's checks spoil.

Ledger 1 is sealed, indexed and out of the claim; ledger 2 is the holder's, indexed to its entry 0.
"""

from flightmesh.codec.entries import encode_entry, encode_indexed, encode_record, place_prefix
from flightmesh.codec.snapshots import encode_snapshot
from flightmesh.eventsourcing import EncodedEvent, Rejection
from flightmesh.eventsourcing.cell import rebuild, save
from flightmesh.eventsourcing.record import PlacedRecord, Record
from flightmesh.ids import id_bytes
from flightmesh.journal import Chunk, Claim, ClaimChange, DirectoryRow, ShardHead, StoredSnapshot
from flightmesh.journal.memory import InMemoryStore
from flightmesh.verification.journal import Store
from tests.unit.eventsourcing.counter import COUNTER, Counters
from tests.unit.testing.told import body, command

SHARD = 0


def added(number: int, first: int, sequence: int, events: int = 1, refused: str = "") -> Record:
    return Record(
        command(number),
        body(number),
        SHARD,
        COUNTER,
        "counter",
        "all",
        first,
        sequence,
        tuple(EncodedEvent("Added", 1, b"1") for _ in range(events)),
        Rejection(refused, "for a reason", {"b": "2", "a": "1"}) if refused else None,
    )


ENTRIES = {
    1: [[added(1, 1, 1)], [added(2, 2, 3, 2), added(3, 0, 3, 0, "TOO_HIGH")]],
    2: [[added(4, 4, 4)], [added(5, 5, 5)]],
}


def placed(ledger: int, entry: int) -> list[PlacedRecord]:
    time = 1_000 * ledger + entry
    return [PlacedRecord(ledger, entry, time, record) for record in ENTRIES[ledger][entry]]


ALL = [each for ledger in ENTRIES for n in range(2) for each in placed(ledger, n)]
INDEXED = [each for each in ALL if (each.ledger, each.entry) != (2, 1)]


def chunk(records: list[PlacedRecord], key: tuple[int, int] = (1, 0)) -> Chunk:
    data = b"".join(
        encode_indexed(
            place_prefix(each.ledger, each.entry, each.committed_at_us), encode_record(each.record)
        )
        for each in records
    )
    return Chunk(id_bytes(COUNTER), "counter", "all", *key, data)


def snapshot(sequence: int, records: list[PlacedRecord] = ALL) -> StoredSnapshot:
    """The snapshot that is taken at that sequence."""
    return encode_snapshot(
        save(rebuild(COUNTER, records, Counters(), committed_to=sequence), Counters())
    )


async def ledgers_only() -> InMemoryStore:
    store = InMemoryStore()
    await write_ledgers(store)
    return store


async def write_ledgers(store: Store) -> None:
    for ledger, entries in ENTRIES.items():
        token = b"token-%d" % ledger
        await store.journal.add_to_directory(DirectoryRow(ledger, f"node-{ledger}"))
        await store.journal.open_segment(ledger, 0, token, 0)
        for number, records in enumerate(entries):
            data = encode_entry(
                ledger, number, 1_000 * ledger + number, [encode_record(r) for r in records]
            )
            await store.journal.append(ledger, 0, token, number, data)
    await store.journal.seal(1, 0, 0)


async def claim(store: Store, holder: int = 2, *ledgers: int, released: bool = False) -> None:
    expected = (await store.claims.read_claims()).get(SHARD)
    new = Claim(SHARD, holder, 2, released, ledgers or (holder,))
    assert await store.claims.change_claims([ClaimChange(expected, new)])


async def true_store() -> InMemoryStore:
    store = await ledgers_only()
    await claim(store)
    await store.index.flush(SHARD, [chunk(INDEXED)], ShardHead(4, 2, 0))
    await store.index.write_watermarks(SHARD, {1: 2, 2: 1})
    await store.snapshots.save(id_bytes(COUNTER), snapshot(3))
    await store.snapshots.save(id_bytes(COUNTER), snapshot(5))
    return store
