"""A store without its index: what claims no longer list would be lost, so it must not start."""

from pathlib import Path

import pytest

from flightmesh.errors import ConfigurationError
from flightmesh.journal import DirectoryRow
from flightmesh.journal.sqlite import SqliteStore


async def test_a_store_whose_index_is_gone_is_refused_until_it_is_rebuilt(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path) as store:
        await store.journal.add_to_directory(DirectoryRow(1, "node-1"))
    (tmp_path / "index.db").unlink()
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"index\.db is missing.*--repair-index"):
            await SqliteStore.open(tmp_path)
    assert not (tmp_path / "index.db").exists()


async def test_a_store_that_has_no_ledger_yet_needs_no_index(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path):
        pass
    (tmp_path / "index.db").unlink()
    async with await SqliteStore.open(tmp_path) as store:
        assert await store.index.read_head(0) is None
