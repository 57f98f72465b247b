"""What every `AggregateIndex` must do: chunks add up, heads and watermarks never go back."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from flightmesh.journal import AggregateIndex, Chunk, ShardHead


def aggregate(number: int) -> bytes:
    """An aggregate id that sorts by number."""
    return number.to_bytes(16, "big")


def chunk(
    number: int,
    entry: int,
    data: bytes = b"data",
    *,
    ledger: int = 1,
    scope: str = "s05",
    aggregate_type: str = "rotation",
) -> Chunk:
    """A chunk of the aggregate of that number, whose first record is in that entry."""
    return Chunk(aggregate(number), aggregate_type, scope, ledger, entry, data)


class IndexFixture:
    """The hook and the fixture that the suites of the index share."""

    def create_index(self, directory: Path) -> AbstractAsyncContextManager[AggregateIndex]:
        """An index that keeps its data, if anywhere, in that directory; closed on exit."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def index(self, tmp_path: Path) -> AsyncIterator[AggregateIndex]:
        """An empty index."""
        async with self.create_index(tmp_path) as index:
            yield index


class IndexContract(IndexFixture):
    """Rules 11 to 16 as far as they are the store's."""

    async def test_an_empty_index_has_nothing(self, index: AggregateIndex) -> None:
        """J1 "unknown id = none, highest 0"."""
        assert await index.read_head(0) is None
        assert await index.read_watermarks(0) == {}
        assert list(await index.read_chunks(0, aggregate(1))) == []
        assert list(await index.list_aggregates(0, None, None, b"", 10)) == []

    async def test_chunks_of_an_aggregate_add_up(self, index: AggregateIndex) -> None:
        """J1 "replay all", of one aggregate."""
        await index.flush(0, [chunk(1, 0, b"a"), chunk(2, 0, b"x")], None)
        await index.flush(0, [chunk(1, 4, b"b")], None)
        assert sorted(await index.read_chunks(0, aggregate(1))) == [b"a", b"b"]
        assert list(await index.read_chunks(0, aggregate(2))) == [b"x"]

    async def test_chunks_of_different_ledgers_add_up(self, index: AggregateIndex) -> None:
        """W "normal writer switch"."""
        await index.flush(0, [chunk(1, 0, b"a", ledger=1), chunk(1, 0, b"b", ledger=2)], None)
        assert sorted(await index.read_chunks(0, aggregate(1))) == [b"a", b"b"]

    async def test_a_repeated_flush_changes_nothing(self, index: AggregateIndex) -> None:
        """Rule 13; J1 is unchanged by a repeat."""
        for _ in range(2):
            await index.flush(0, [chunk(1, 0, b"a")], ShardHead(3, 1, 0))
        assert list(await index.read_chunks(0, aggregate(1))) == [b"a"]
        assert await index.read_head(0) == ShardHead(3, 1, 0)

    async def test_a_late_flush_takes_nothing_away(self, index: AggregateIndex) -> None:
        """Rule 13; T "shadowing": a zombie's shorter chunk begins where the owner's began."""
        await index.flush(0, [chunk(1, 5, b"five six seven")], ShardHead(9, 1, 7))
        await index.flush(0, [chunk(1, 5, b"five")], ShardHead(7, 1, 5))
        assert b"five six seven" in await index.read_chunks(0, aggregate(1))
        assert await index.read_head(0) == ShardHead(9, 1, 7)

    async def test_a_longer_flush_adds_what_was_missing(self, index: AggregateIndex) -> None:
        """Rule 13: the same begin, further on."""
        await index.flush(0, [chunk(1, 5, b"five")], None)
        await index.flush(0, [chunk(1, 5, b"five six")], None)
        assert b"five six" in await index.read_chunks(0, aggregate(1))

    async def test_the_head_never_goes_back(self, index: AggregateIndex) -> None:
        """Rule 16; J2 "highest is not reset"."""
        await index.flush(0, [], ShardHead(10, 2, 4))
        await index.flush(0, [], ShardHead(9, 3, 0))
        assert await index.read_head(0) == ShardHead(10, 2, 4)
        await index.flush(0, [], ShardHead(11, 3, 1))
        assert await index.read_head(0) == ShardHead(11, 3, 1)

    async def test_a_flush_without_a_head_leaves_it(self, index: AggregateIndex) -> None:
        """Refusals are indexed without moving the sequence."""
        await index.flush(0, [], ShardHead(10, 2, 4))
        await index.flush(0, [chunk(1, 5)], None)
        assert await index.read_head(0) == ShardHead(10, 2, 4)

    async def test_shards_have_heads_and_watermarks_of_their_own(
        self, index: AggregateIndex
    ) -> None:
        """Rule 11."""
        await index.flush(0, [], ShardHead(1, 1, 0))
        await index.write_watermarks(0, {1: 5})
        await index.write_watermarks(1, {1: 2})
        assert await index.read_head(1) is None
        assert await index.read_watermarks(0) == {1: 5}
        assert await index.read_watermarks(1) == {1: 2}

    async def test_a_watermark_never_goes_back(self, index: AggregateIndex) -> None:
        """Rule 12."""
        await index.write_watermarks(0, {1: 5, 2: 1})
        await index.write_watermarks(0, {1: 3, 2: 4, 3: 0})
        found = await index.read_watermarks(0)
        assert (found[1], found[2], found.get(3, 0)) == (5, 4, 0)

    async def test_writing_no_watermarks_is_fine(self, index: AggregateIndex) -> None:
        """An empty range."""
        await index.write_watermarks(0, {})
        assert await index.read_watermarks(0) == {}

    @pytest.mark.parametrize("after", [-1, 0, 4, 9])
    async def test_ids_are_listed_in_order_from_a_bound(
        self, index: AggregateIndex, after: int
    ) -> None:
        """J1 "lower bound", of ids."""
        await index.flush(0, [chunk(n, n) for n in (9, 3, 0, 7, 1, 5)], None)
        bound = b"" if after < 0 else aggregate(after)
        expected = [aggregate(n) for n in (0, 1, 3, 5, 7, 9) if n > after]
        assert list(await index.list_aggregates(0, None, None, bound, 100)) == expected

    async def test_ids_are_listed_up_to_a_limit(self, index: AggregateIndex) -> None:
        """J1 "count limit", "limit 0 = none"."""
        await index.flush(0, [chunk(n, n) for n in range(10)], None)
        found = await index.list_aggregates(0, None, None, aggregate(2), 3)
        assert list(found) == [aggregate(n) for n in (3, 4, 5)]
        assert list(await index.list_aggregates(0, None, None, b"", 0)) == []

    async def test_ids_are_listed_by_scope_and_type(self, index: AggregateIndex) -> None:
        """Lists of one schedule, of one kind."""
        chunks = [
            chunk(1, 0, scope="s05", aggregate_type="rotation"),
            chunk(2, 0, scope="s05", aggregate_type="airplane"),
            chunk(3, 0, scope="s06", aggregate_type="rotation"),
        ]
        await index.flush(0, chunks, None)

        async def listed(scope: str | None, aggregate_type: str | None) -> list[bytes]:
            return list(await index.list_aggregates(0, scope, aggregate_type, b"", 10))

        assert await listed("s05", None) == [aggregate(1), aggregate(2)]
        assert await listed(None, "rotation") == [aggregate(1), aggregate(3)]
        assert await listed("s05", "airplane") == [aggregate(2)]
        assert await listed("s07", None) == []

    async def test_an_aggregate_is_listed_once_and_in_its_shard(
        self, index: AggregateIndex
    ) -> None:
        """Several chunks are one aggregate."""
        await index.flush(0, [chunk(1, 0), chunk(1, 1), chunk(1, 2)], None)
        await index.flush(1, [chunk(2, 0)], None)
        assert list(await index.list_aggregates(0, None, None, b"", 10)) == [aggregate(1)]
        assert list(await index.list_aggregates(1, None, None, b"", 10)) == [aggregate(2)]

    async def test_a_flush_of_thousands_of_chunks_is_taken(self, index: AggregateIndex) -> None:
        """J5 "write larger than a partition"."""
        await index.flush(
            0, [chunk(n, n, b"x" * 200) for n in range(3000)], ShardHead(3000, 1, 2999)
        )
        assert len(await index.list_aggregates(0, None, None, b"", 10_000)) == 3000
        assert await index.read_head(0) == ShardHead(3000, 1, 2999)

    async def test_a_big_chunk_comes_back_whole(self, index: AggregateIndex) -> None:
        """J3 "serializer round trip"."""
        data = bytes(range(256)) * 4096
        await index.flush(0, [chunk(1, 0, data)], None)
        assert list(await index.read_chunks(0, aggregate(1))) == [data]


class IndexRestartContract(IndexFixture):
    """Closing and opening again on the same directory."""

    async def test_the_index_survives_a_restart(self, tmp_path: Path) -> None:
        """J1 after recovery."""
        async with self.create_index(tmp_path) as index:
            await index.flush(2, [chunk(1, 0, b"a")], ShardHead(4, 1, 0))
            await index.write_watermarks(2, {1: 1})
        async with self.create_index(tmp_path) as index:
            assert list(await index.read_chunks(2, aggregate(1))) == [b"a"]
            assert await index.read_head(2) == ShardHead(4, 1, 0)
            assert await index.read_watermarks(2) == {1: 1}
            assert list(await index.list_aggregates(2, "s05", None, b"", 5)) == [aggregate(1)]
