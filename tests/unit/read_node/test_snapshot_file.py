"""A snapshot file is whole or of no use; it never gives a block that was not written."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flightmesh.errors import CorruptData
from read_node.snapshot_file import RESERVE, read_snapshot, snapshots_in, write_snapshot

BLOCKS = [b"first", b"\x00" * 300, b"last"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.binary(min_size=1, max_size=2000), max_size=8))
def test_blocks_are_read_as_they_were_written(tmp_path: Path, blocks: list[bytes]) -> None:
    assert list(read_snapshot(write_snapshot(tmp_path, blocks))) == blocks


def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    path = write_snapshot(tmp_path, BLOCKS)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        with pytest.raises(CorruptData):
            next(read_snapshot(path))
    path.write_bytes(whole)
    assert list(read_snapshot(path)) == BLOCKS


def test_a_file_that_is_cut_or_has_grown_is_noticed(tmp_path: Path) -> None:
    path = write_snapshot(tmp_path, BLOCKS)
    whole = path.read_bytes()
    for damaged in [*(whole[:length] for length in range(len(whole))), whole + b"\x00"]:
        path.write_bytes(damaged)
        with pytest.raises(CorruptData):
            next(read_snapshot(path))


def test_the_last_two_are_kept_and_the_newest_comes_first(tmp_path: Path) -> None:
    written = [write_snapshot(tmp_path, [bytes([n])]) for n in range(1, 5)]
    assert snapshots_in(tmp_path) == [written[3], written[2]]
    assert list(read_snapshot(written[2])) == [b"\x03"]
    assert snapshots_in(tmp_path / "nowhere") == []


def test_a_write_that_fails_leaves_the_older_ones_and_nothing_else(tmp_path: Path) -> None:
    kept = write_snapshot(tmp_path, BLOCKS)

    def failing() -> Iterator[bytes]:
        yield b"some"
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_snapshot(tmp_path, failing())
    assert list(tmp_path.iterdir()) == [kept]


def test_what_a_crash_left_unfinished_is_not_taken_for_a_snapshot(tmp_path: Path) -> None:
    kept = write_snapshot(tmp_path, BLOCKS)
    left = tmp_path / "model-000000000002.unfinished"
    left.write_bytes(kept.read_bytes()[:20])
    assert snapshots_in(tmp_path) == [kept]
    following = write_snapshot(tmp_path, [b"next"])
    assert sorted(tmp_path.iterdir()) == sorted([kept, following])


def test_a_file_has_its_name_only_after_its_bytes_are_on_disk(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """A crash before the sync must not leave a file of that name with other bytes."""
    named: list[int] = []
    fsync = os.fsync

    def watching(handle: int) -> None:
        named.append(len(snapshots_in(tmp_path)))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watching)
    write_snapshot(tmp_path, BLOCKS)
    # The file before it is renamed, the folder after.
    assert named == [0, 1]


def test_a_snapshot_leaves_room_for_the_journal(tmp_path: Path, monkeypatch: Any) -> None:
    kept = write_snapshot(tmp_path, BLOCKS)
    free = iter([RESERVE + 1000, RESERVE + 100, RESERVE])
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(free)))
    with pytest.raises(OSError, match="too little room"):
        write_snapshot(tmp_path, BLOCKS)
    assert list(tmp_path.iterdir()) == [kept]
