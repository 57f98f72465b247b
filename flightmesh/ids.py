"""Ids and the shard of an aggregate. Pure.

Ids are canonical lower-case UUID strings in Python and in the public API, and 16 bytes in storage.
Command ids are UUIDv7 (RFC 9562, section 5.7): comparing them compares their times of issue.
"""

import hashlib
import re
import uuid
from typing import NewType

AggregateId = NewType("AggregateId", str)
CommandId = NewType("CommandId", str)
LegId = NewType("LegId", str)

# Root of every derived id. Never changes: stored ids depend on it.
NAMESPACE = uuid.UUID("6f1d2c5e-8c0b-5b0e-9a52-3f1f6d657368")

_ROOT = NAMESPACE.bytes
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Whether text is a UUID in canonical lower-case form."""
    return _UUID.fullmatch(text) is not None


def is_uuid7(text: str) -> bool:
    """Whether text is a UUIDv7 in canonical lower-case form."""
    return _UUID.fullmatch(text) is not None and text[14] == "7" and text[19] in "89ab"


def id_bytes(text: str) -> bytes:
    """The 16 bytes of a canonical UUID string."""
    return bytes.fromhex(text.replace("-", ""))


def id_text(raw: bytes | bytearray) -> str:
    """The canonical UUID string of 16 bytes."""
    h = raw.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def uuid7(unix_ms: int, random_bits: int) -> CommandId:
    """A UUIDv7 from a time in milliseconds since 1970 and at least 74 random bits (RFC 9562)."""
    value = (unix_ms & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random_bits >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | random_bits & (1 << 62) - 1
    return CommandId(id_text(value.to_bytes(16, "big")))


def derive(*parts: str) -> str:
    """UUIDv5 of the parts, joined by a character that no part contains (U+001F)."""
    name = _ROOT + "\x1f".join(parts).encode()
    # Not uuid.uuid5: it takes five times as long, and every added leg has such an id.
    raw = bytearray(hashlib.sha1(name, usedforsecurity=False).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x50
    raw[8] = raw[8] & 0x3F | 0x80
    return id_text(raw)


def schedule_aggregate_id(schedule: str) -> AggregateId:
    """Id of the Schedule aggregate of that name."""
    return AggregateId(derive("schedule", schedule))


def airplane_id(schedule: str, registration: str) -> AggregateId:
    """Id that imports and assignments by registration give to an airplane."""
    return AggregateId(derive("airplane", schedule, registration))


def airport_id(schedule: str, iata: str) -> AggregateId:
    """Id of an airport of a schedule."""
    return AggregateId(derive("airport", schedule, iata))


def rotation_id(schedule: str, name: str) -> AggregateId:
    """Id that imports give to the rotation of that name."""
    return AggregateId(derive("rotation", schedule, name))


def created_by(command_id: str) -> AggregateId:
    """Id of an aggregate whose create command named none."""
    return AggregateId(derive("created", command_id))


def leg_id(schedule: str, designator: str, occurrence: int) -> LegId:
    """Id that imports give to the n-th leg (from 0) of a designator; see `Leg.designator`."""
    return LegId(derive("leg", schedule, designator, str(occurrence)))


def shard_of(aggregate_id: str, shard_count: int) -> int:
    """Shard of an aggregate: first 8 bytes, big-endian, of SHA-256 of its 16, mod shard_count.

    shard_count is a power of two, so doubling it splits shard s into s and s + shard_count.
    """
    digest = hashlib.sha256(id_bytes(aggregate_id)).digest()
    return int.from_bytes(digest[:8], "big") % shard_count
