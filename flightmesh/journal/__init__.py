"""The ledger store: ports for ledgers, claims, the aggregate index and snapshots.

Four small ports, one technology per module (`memory`, `sqlite`). The rules of the protocol live
above them, in flightmesh.ledger and the shard node; here are only single conditional writes and
reads. The numbered rules are in docs/protocol.md.

What every adapter keeps:
* A call that returns has happened, durably (fsync or its equivalent), and later reads see it.
* `StoreUnavailable` means definitely not applied. `OutcomeUnknown` means it may have been applied
  or may be applied later: the caller repeats the identical call until it gets an answer.
* Conditional calls are linearizable and say what they found when they were not applied.
* Repeating a call that was applied is harmless: the answer shows the row as it is.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol


class SegmentState(enum.Enum):
    """State of one segment of a ledger; it never goes back."""

    OPEN = "open"
    ROLLED = "rolled"  # continued in the next segment
    SEALED = "sealed"  # the ledger ends here, for ever


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """The head row of a segment.

    Attributes:
        state: see SegmentState.
        writer: random token of the session that writes; empty where a sealer created the row.
        first: number of the segment's first entry.
        head: number of the last entry written, `first - 1` if there is none.
    """

    state: SegmentState
    writer: bytes
    first: int
    head: int


@dataclass(frozen=True, slots=True)
class Conditional:
    """Answer to a conditional write.

    Attributes:
        applied: whether this very call changed the row.
        row: the row after the call; None if there is none.
    """

    applied: bool
    row: SegmentRow | None


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """One ledger in the directory.

    Attributes:
        ledger: number of the ledger, which is its session's id.
        node: name of the node that the session belongs to.
    """

    ledger: int
    node: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Who owns a shard.

    Attributes:
        shard: number of the shard.
        holder: session that holds it.
        generation: grows by one with each change of holder.
        released: whether the holder has given it up.
        ledgers: ledgers that may hold events of the shard which its index does not have yet,
            ascending; the holder's own is always among them while it serves.
    """

    shard: int
    holder: int
    generation: int
    released: bool
    ledgers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ClaimChange:
    """A conditional change of one claim: applied only while the row equals `expected`."""

    expected: Claim | None
    new: Claim


@dataclass(frozen=True, slots=True)
class Constants:
    """What is fixed when a store is created.

    Attributes:
        shard_count: number of shards, a power of two.
        format_version: version of the stored format.
    """

    shard_count: int
    format_version: int


# Version of the stored format that this program writes and reads.
FORMAT_VERSION: Final = 1


class Journal(Protocol):
    """Ledgers: append-only sequences of entries, each written by one session.

    A ledger is split into segments, numbered from 0; entries are numbered from 0 over the whole
    ledger. See the module's text for what all methods share.
    """

    async def fix_constants(self, wanted: Constants) -> Constants:
        """Stores the constants if the store has none; returns those it has."""

    async def allocate_session(self) -> int:
        """A number that no call has returned before, from 1, ascending.

        After `OutcomeUnknown` the caller asks again: a number may be lost, never given twice.
        """

    async def add_to_directory(self, row: DirectoryRow) -> None:
        """Makes a ledger known to readers. Idempotent."""

    async def list_directory(self) -> Sequence[DirectoryRow]:
        """All ledgers, ascending."""

    async def open_segment(
        self, ledger: int, segment: int, writer: bytes, first: int
    ) -> Conditional:
        """Creates the segment, open and empty, if it does not exist."""

    async def append(
        self, ledger: int, segment: int, writer: bytes, number: int, data: bytes
    ) -> Conditional:
        """Adds an entry if the segment is open, its writer is `writer` and its head is number - 1.

        Not applied with head == number and our own writer: an earlier try of this append is in.
        """

    async def roll(self, ledger: int, segment: int, writer: bytes, head: int) -> Conditional:
        """Marks the segment as continued if it is open, ours and its head is `head`."""

    async def seal(self, ledger: int, segment: int, first: int) -> Conditional:
        """Seals the segment if it is open; creates it sealed, with `first`, if it does not exist.

        A rolled segment is left as it is: the sealer goes on to the next one.
        """

    async def read_segment(self, ledger: int, segment: int) -> SegmentRow | None:
        """The head row, linearizable (SERIAL); None if there is none."""

    async def read_entries(
        self, ledger: int, segment: int, first: int, limit: int
    ) -> Sequence[tuple[int, bytes]]:
        """Up to `limit` entries of the segment from number `first` on, ascending, without gap."""


class Claims(Protocol):
    """Who owns each shard. Claims change only conditionally, many at once or none."""

    async def read_claims(self) -> dict[int, Claim]:
        """All claims by shard, linearizable; a shard that was never claimed is absent."""

    async def change_claims(self, changes: Sequence[ClaimChange]) -> bool:
        """Applies all changes if every row equals its `expected`, else none; says which.

        After `OutcomeUnknown` the caller reads the claims: if they show `new`, it was applied.
        """


@dataclass(frozen=True, slots=True)
class ShardHead:
    """How far a shard's index reaches.

    Attributes:
        sequence: highest shard sequence in the index, 0 if none.
        ledger: ledger of the entry that holds it.
        entry: number of that entry.
    """

    sequence: int
    ledger: int
    entry: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one aggregate, to be added to its index.

    Attributes:
        aggregate_id: 16 bytes.
        aggregate_type: for lists of ids.
        scope: for lists of ids.
        ledger: ledger of the first record; with `entry` and the aggregate it is the chunk's key, so
            that writing a chunk again replaces it.
        entry: entry of the first record.
        data: a serialized flightmesh.api.journal.v1.IndexChunk.
    """

    aggregate_id: bytes
    aggregate_type: str
    scope: str
    ledger: int
    entry: int
    data: bytes


class AggregateIndex(Protocol):
    """Committed records by aggregate: a follower of the ledgers, rebuilt from them at need.

    Readers merge chunks by aggregate sequence and command id, so a repeated or late flush is
    harmless. Watermarks and heads never go back: an adapter ignores a smaller value.
    """

    async def flush(self, shard: int, chunks: Sequence[Chunk], head: ShardHead | None) -> None:
        """Adds chunks, then moves the shard's head on; the head never shows what is not there."""

    async def read_head(self, shard: int) -> ShardHead | None:
        """The shard's head; None if nothing was ever flushed."""

    async def write_watermarks(self, shard: int, watermarks: dict[int, int]) -> None:
        """States, per ledger, the number of the first entry not yet indexed for the shard."""

    async def read_watermarks(self, shard: int) -> dict[int, int]:
        """The shard's watermarks by ledger; an absent ledger counts as 0."""

    async def read_chunks(self, shard: int, aggregate_id: bytes) -> Sequence[bytes]:
        """The data of the aggregate's chunks, in no order."""

    async def list_aggregates(
        self, shard: int, scope: str | None, aggregate_type: str | None, after: bytes, limit: int
    ) -> Sequence[bytes]:
        """Ids in the index above `after`, ascending, at most `limit`."""


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot as stored.

    Attributes:
        sequence: aggregate sequence the snapshot stands at.
        checksum: SHA-256 of data.
        data: a serialized flightmesh.api.journal.v1.Snapshot.
    """

    sequence: int
    checksum: bytes
    data: bytes


class Snapshots(Protocol):
    """Saved aggregate states, optional: recovery works without any."""

    async def save(self, aggregate_id: bytes, snapshot: StoredSnapshot) -> None:
        """Keeps a snapshot, in place of one of the same sequence."""

    async def load(
        self, aggregate_id: bytes, max_sequence: int | None = None
    ) -> Sequence[StoredSnapshot]:
        """The snapshots at or below max_sequence, newest first, as stored (check them yourself)."""

    async def delete(self, aggregate_id: bytes, below_sequence: int) -> None:
        """Drops the aggregate's snapshots below that sequence. Idempotent."""
