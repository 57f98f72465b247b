"""What every `Snapshots` must do. The cases are those of the snapshot kits of other stores (N)."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from flightmesh.journal import Snapshots, StoredSnapshot

ONE = bytes(15) + b"\x01"
TWO = bytes(15) + b"\x02"


def snapshot(sequence: int, data: bytes = b"state") -> StoredSnapshot:
    """A sound snapshot at that sequence."""
    return StoredSnapshot(sequence, hashlib.sha256(data).digest(), data)


async def sequences(
    snapshots: Snapshots, aggregate_id: bytes = ONE, max_sequence: int | None = None
) -> list[int]:
    """The sequences of the snapshots that are found."""
    return [found.sequence for found in await snapshots.load(aggregate_id, max_sequence)]


class SnapshotsFixture:
    """The hook and the fixture that the suites of snapshots share."""

    def create_snapshots(self, directory: Path) -> AbstractAsyncContextManager[Snapshots]:
        """Snapshots that keep their data, if anywhere, in that directory; closed on exit."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def snapshots(self, tmp_path: Path) -> AsyncIterator[Snapshots]:
        """No snapshots."""
        async with self.create_snapshots(tmp_path) as snapshots:
            yield snapshots


class SnapshotsContract(SnapshotsFixture):
    """Saving, loading and deleting."""

    async def test_an_unknown_aggregate_has_none(self, snapshots: Snapshots) -> None:
        """N "no match by id"."""
        await snapshots.save(ONE, snapshot(5))
        assert await sequences(snapshots, TWO) == []

    async def test_none_below_the_oldest_is_found(self, snapshots: Snapshots) -> None:
        """N "no match by sequence"."""
        await snapshots.save(ONE, snapshot(5))
        assert await sequences(snapshots, max_sequence=4) == []

    async def test_the_newest_comes_first(self, snapshots: Snapshots) -> None:
        """N "newest": whatever the order of saving."""
        for number in (10, 30, 20):
            await snapshots.save(ONE, snapshot(number))
        assert await sequences(snapshots) == [30, 20, 10]

    @pytest.mark.parametrize(
        ("bound", "expected"), [(9, []), (10, [10]), (25, [20, 10]), (99, [30, 20, 10])]
    )
    async def test_the_newest_under_a_bound_comes_first(
        self, snapshots: Snapshots, bound: int, expected: list[int]
    ) -> None:
        """N "newest under sequence bound"; the bound itself is allowed."""
        for number in (10, 20, 30):
            await snapshots.save(ONE, snapshot(number))
        assert await sequences(snapshots, max_sequence=bound) == expected

    async def test_the_same_sequence_is_overwritten(self, snapshots: Snapshots) -> None:
        """N "overwrite same sequence"."""
        await snapshots.save(ONE, snapshot(5, b"old"))
        await snapshots.save(ONE, snapshot(5, b"new"))
        assert list(await snapshots.load(ONE)) == [snapshot(5, b"new")]

    async def test_older_ones_can_be_deleted(self, snapshots: Snapshots) -> None:
        """N "delete by bounds", "not outside bounds"."""
        for number in (10, 20, 30):
            await snapshots.save(ONE, snapshot(number))
            await snapshots.save(TWO, snapshot(number))
        await snapshots.delete(ONE, 20)
        assert await sequences(snapshots) == [30, 20]
        assert await sequences(snapshots, TWO) == [30, 20, 10]

    async def test_all_can_be_deleted_and_deleting_again_is_fine(
        self, snapshots: Snapshots
    ) -> None:
        """N "delete one"."""
        await snapshots.save(ONE, snapshot(5))
        for _ in range(2):
            await snapshots.delete(ONE, 6)
        assert await sequences(snapshots) == []
        await snapshots.delete(TWO, 6)

    async def test_one_can_be_saved_after_a_deletion(self, snapshots: Snapshots) -> None:
        """N "delete", then live on."""
        await snapshots.save(ONE, snapshot(5))
        await snapshots.delete(ONE, 100)
        await snapshots.save(ONE, snapshot(7))
        assert await sequences(snapshots) == [7]

    @pytest.mark.parametrize("size", [0, 10_000, 2_000_000])
    async def test_any_size_comes_back_as_saved(self, snapshots: Snapshots, size: int) -> None:
        """N "big snapshot (10 000 bytes)"."""
        saved = snapshot(5, bytes(index % 251 for index in range(size)))
        await snapshots.save(ONE, saved)
        assert list(await snapshots.load(ONE)) == [saved]

    async def test_a_broken_one_is_handed_over_as_stored(self, snapshots: Snapshots) -> None:
        """N "broken newest -> older one": who loads checks, and has the older one at hand."""
        broken = StoredSnapshot(9, hashlib.sha256(b"other").digest(), b"state")
        await snapshots.save(ONE, snapshot(5))
        await snapshots.save(ONE, broken)
        assert list(await snapshots.load(ONE)) == [broken, snapshot(5)]


class SnapshotsRestartContract(SnapshotsFixture):
    """Closing and opening again on the same directory."""

    async def test_snapshots_survive_a_restart(self, tmp_path: Path) -> None:
        """N "newest", after a restart."""
        async with self.create_snapshots(tmp_path) as snapshots:
            await snapshots.save(ONE, snapshot(5))
        async with self.create_snapshots(tmp_path) as snapshots:
            assert list(await snapshots.load(ONE)) == [snapshot(5)]
