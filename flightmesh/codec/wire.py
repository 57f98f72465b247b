"""Framing of serialized protobuf messages, so that a part is serialized once and reused as bytes.

Source: the protobuf encoding guide (https://protobuf.dev/programming-guides/encoding): a message is
the concatenation of its fields, and repeated fields may stand anywhere.
"""

from typing import Final

_VARINT: Final = 0
_BYTES: Final = 2


def varint(value: int) -> bytes:
    """A number from 0 to 2**64 - 1 as a base-128 varint."""
    if value < 0x80:
        return _SHORT[value]
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SHORT: Final = tuple(bytes((value,)) for value in range(0x80))


def bytes_tag(field: int) -> bytes:
    """The key of a length-delimited field: a message, bytes or a string."""
    return varint(field << 3 | _BYTES)


def number_tag(field: int) -> bytes:
    """The key of a varint field."""
    return varint(field << 3 | _VARINT)


def framed(tag: bytes, data: bytes) -> bytes:
    """A length-delimited field: its key, its length, its data."""
    length = len(data)
    return tag + (_SHORT[length] if length < 0x80 else varint(length)) + data
