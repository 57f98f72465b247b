"""Files of snapshots: written whole or not at all, checked whole before anything of them is used.

A file is a line that names the format, blocks (length in 4 bytes, little-endian, then bytes), a
block of length 0, and the SHA-256 of all that. It is written beside its place, synced and renamed,
so a crash leaves either no file of that name or a whole one; the checksum tells what a disk lost
later.
"""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from flightmesh.errors import CorruptData

_MAGIC: Final = b"flightmesh read model 1\n"
_LENGTH: Final = 4
_CHUNK: Final = 1 << 20
_NAME: Final = re.compile(r"model-(\d{12})\.snapshot")
_UNFINISHED: Final = ".unfinished"
# Room that a snapshot leaves on its disk: the journal may lie there too, and it comes first.
RESERVE: Final = 64 << 20


def snapshots_in(folder: Path) -> list[Path]:
    """The snapshots of a folder, newest first; none if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted((each for each in folder.iterdir() if _NAME.fullmatch(each.name)), reverse=True)


def write_snapshot(folder: Path, blocks: Iterable[bytes], keep: int = 2) -> Path:
    """Writes a snapshot, durably, and removes all but the last `keep`.

    Raises:
        OSError: it could not be written; the older ones are as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"*{_UNFINISHED}"):
        left.unlink()
    known = snapshots_in(folder)
    number = int(known[0].stem.partition("-")[2]) + 1 if known else 1
    path = folder / f"model-{number:012d}.snapshot"
    beside = path.with_suffix(_UNFINISHED)
    try:
        with beside.open("wb") as file:
            _write(file, _while_there_is_room(folder, blocks))
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    for old in snapshots_in(folder)[keep:]:
        old.unlink()
    return path


def _while_there_is_room(folder: Path, blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        if shutil.disk_usage(folder).free < RESERVE + len(block):
            raise OSError(errno.ENOSPC, "too little room on the disk for a snapshot")
        yield block


def _write(file: BinaryIO, blocks: Iterable[bytes]) -> None:
    file.write(_MAGIC)
    checksum = hashlib.sha256(_MAGIC)
    for block in blocks:
        assert block, "an empty block would end the file"
        length = len(block).to_bytes(_LENGTH, "little")
        for part in (length, block):
            checksum.update(part)
            file.write(part)
    end = bytes(_LENGTH)
    checksum.update(end)
    file.write(end + checksum.digest())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_snapshot(path: Path) -> Iterator[bytes]:
    """The blocks of a snapshot, read one at a time; the first is given when all are checked.

    Raises:
        CorruptData: the file is not as it was written, or of another format.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        _check(file, path.name)
        file.seek(len(_MAGIC))
        while length := int.from_bytes(file.read(_LENGTH), "little"):
            yield file.read(length)


def _check(file: BinaryIO, name: str) -> None:
    magic = file.read(len(_MAGIC))
    if magic != _MAGIC:
        raise CorruptData(f"{name} is no snapshot of this format")
    checksum = hashlib.sha256(magic)
    left = os.fstat(file.fileno()).st_size - len(magic) - checksum.digest_size
    while left > 0:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            break
        checksum.update(chunk)
        left -= len(chunk)
    if left or file.read() != checksum.digest():
        raise CorruptData(f"{name} is damaged: its checksum is wrong")
