"""Framing of serialized protobuf messages, so that a part is serialized once and reused as bytes.

Source: the protobuf encoding guide (https://protobuf.dev/programming-guides/encoding): a message is
the concatenation of its fields, and repeated fields may stand anywhere.
"""

from typing import Final

_VARINT: Final = 0
_BYTES: Final = 2


def varint(value: int) -> bytes:
    """A number from 0 to 2**64 - 1 as a base-128 varint."""
    if value < _TABLE_SIZE:
        return _TABLE[value]
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


# All varints of one and two bytes: lengths, and most sequences.
_TABLE_SIZE: Final = 0x4000
_TABLE: Final = tuple(
    bytes((value,)) if value < 0x80 else bytes((value & 0x7F | 0x80, value >> 7))
    for value in range(_TABLE_SIZE)
)


def bytes_tag(field: int) -> bytes:
    """The key of a length-delimited field: a message, bytes or a string."""
    return varint(field << 3 | _BYTES)


def number_tag(field: int) -> bytes:
    """The key of a varint field."""
    return varint(field << 3 | _VARINT)


def framed(tag: bytes, data: bytes) -> bytes:
    """A length-delimited field: its key, its length, its data."""
    length = len(data)
    return tag + (_TABLE[length] if length < _TABLE_SIZE else varint(length)) + data
