"""Protobuf's wire format, as far as replies are put together by hand from serialized parts.

See https://protobuf.dev/programming-guides/encoding: a field is its tag (number << 3 | wire type)
and its value; the fields of a message may come in any order, and a default value is left out.
"""

_SMALL = [bytes([number]) for number in range(128)]


def varint(number: int) -> bytes:
    """A non-negative integer, seven bits to the byte, lowest first."""
    if number < 128:
        return _SMALL[number]
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def tag(field: int) -> bytes:
    """The tag of a field that has a length: text, bytes or a message."""
    return varint(field << 3 | 2)


def delimited(field: int, value: bytes) -> bytes:
    """A field of text, bytes or a message, present even if empty."""
    return tag(field) + varint(len(value)) + value


def text(field: int, value: str) -> bytes:
    """A field of text; nothing if it is empty."""
    return delimited(field, value.encode()) if value else b""


def number(field: int, value: int) -> bytes:
    """A field of an unsigned integer (or a signed one that is not negative); nothing if it is 0."""
    return varint(field << 3) + varint(value) if value else b""


def signed(field: int, value: int) -> bytes:
    """A field of type sint32 (zigzag); nothing if it is 0."""
    return number(field, value << 1 if value >= 0 else (-value << 1) - 1)


def timestamp(field: int, seconds: int) -> bytes:
    """A field of type google.protobuf.Timestamp in whole seconds, present even if 0."""
    # A negative int64 is written as its two's complement.
    return delimited(field, number(1, seconds & (1 << 64) - 1))
