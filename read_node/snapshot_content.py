"""What a snapshot of a read node says: where in which store it stands, and the models. Pure.

A snapshot carries held records: those read while an earlier one of their shard was missing.
So the reader goes on at the next unread entry of each ledger, and its position says, as before,
what is applied.
"""

import hashlib
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from flightmesh.errors import CorruptData
from read_node.model_image import ModelHead, ModelPiece, ModelReader
from read_node.schedules import Scope

_encode = msgspec.msgpack.Encoder().encode


def _program() -> str:
    """Names the program by its text: another fold makes another model of the same events."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    sizes = f"{sys.byteorder} {array('i').itemsize} {array('q').itemsize}"
    return f"{digest.hexdigest()[:32]} {sizes}"


PROGRAM: Final = _program()


class LedgerMark(msgspec.Struct, array_like=True, frozen=True):
    """How far a ledger was read.

    Attributes:
        ledger: the ledger.
        writer: token of the session that writes it, random: tells it from another store's.
        next: number of the next entry to read.
        finished: whether it was sealed and read to its end.
    """

    ledger: int
    writer: bytes
    next: int
    finished: bool


class HeldRecord(msgspec.Struct, array_like=True, frozen=True):
    """A record held back: its ledger, entry and bytes."""

    ledger: int
    entry: int
    data: bytes


class ScopeImage(msgspec.Struct, array_like=True, frozen=True):
    """A schedule's name, its last incarnation that is over, and the number of its models."""

    name: str
    dropped: int
    models: int


class Header(msgspec.Struct, array_like=True, frozen=True):
    """The first block; the models follow in the order of `scopes`.

    Attributes:
        program: PROGRAM of the writer.
        store: names the store, as configured.
        ledgers: those of which something was read.
        shards: sequence that each shard goes on with.
        held: records held back.
        events: number of events applied.
        left_out: number of records left out, see Projection.
        quarantined: aggregates whose events cannot be read, and why.
        scopes: the schedules.
    """

    program: str
    store: str
    ledgers: tuple[LedgerMark, ...]
    shards: dict[int, int]
    held: tuple[HeldRecord, ...]
    events: int
    left_out: int
    quarantined: dict[bytes, str]
    scopes: tuple[ScopeImage, ...]


_headers = msgspec.msgpack.Decoder(Header)
_pieces: msgspec.msgpack.Decoder[ModelPiece] = msgspec.msgpack.Decoder(ModelPiece)


@dataclass(slots=True)
class Loaded:
    """A snapshot that was read.

    Attributes:
        header: what it says of itself.
        scopes: the schedules with their models.
    """

    header: Header
    scopes: list[Scope] = field(default_factory=list)


def write_blocks(header: Header, pieces: list[ModelPiece]) -> Iterator[bytes]:
    """The blocks of a snapshot; lets go of each piece that is written."""
    yield _encode(header)
    pieces.reverse()
    while pieces:
        yield _encode(pieces.pop())


def read_header(blocks: Iterator[bytes]) -> Header:
    """The header; raises CorruptData if it is none of this program's."""
    try:
        header = _headers.decode(next(blocks, b""))
    except msgspec.DecodeError as error:
        raise CorruptData(f"its header cannot be read: {error}") from error
    if header.program != PROGRAM:
        raise CorruptData("another version of the program wrote it")
    return header


def read_models(header: Header, blocks: Iterator[bytes]) -> Loaded:
    """Reads the models behind a header.

    Raises:
        CorruptData: the blocks are not what `write_blocks` gave.
    """
    loaded = Loaded(header)
    try:
        for image in header.scopes:
            scope = Scope(image.name)
            scope.dropped = image.dropped
            for _ in range(image.models):
                scope.models.append(_read_model(blocks).model)
            loaded.scopes.append(scope)
        if next(blocks, None) is not None:
            raise CorruptData("there is more than it says")
    except (msgspec.DecodeError, ValueError, LookupError, OverflowError) as error:
        raise CorruptData(f"it does not fit together: {error}") from error
    return loaded


def _read_model(blocks: Iterator[bytes]) -> ModelReader:
    head = _pieces.decode(next(blocks, b""))
    if not isinstance(head, ModelHead):
        raise CorruptData("a model begins without its head")
    reader = ModelReader(head)
    while not reader.take(_pieces.decode(next(blocks, b""))):
        pass
    return reader
