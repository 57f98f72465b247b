"""Protobuf JSON, compiled once per message type from its descriptor.

Speaks the JSON mapping of protobuf (https://protobuf.dev/programming-guides/json): field names as
in the .proto file (snake_case; camelCase is also read), 64-bit integers as decimal strings, enums
by name, bytes as base64, timestamps as RFC 3339 in UTC. Fields without presence are always written;
absent optional and message fields are left out. Reading is strict: whatever is unknown, repeated or
of a wrong type is an `InvalidInput` that names the field's path, for example `legs[3].carrier`.

How it is fast: a message is read with one `attrgetter` call and written by orjson; a JSON text is
turned into a tree of constructor arguments, so that one constructor call builds the whole message
without copying its parts. Type names are looked up once per message type.

Not supported, and refused when a type is first used: recursive message types and the well-known
types other than Timestamp. Because no type is recursive, a document's depth is bounded by its
schema, which is at most `MAX_DEPTH` deep; deeper nesting cannot match and is refused.
"""

import json
from typing import Any, TypeVar

import orjson
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from flightmesh.errors import InvalidInput
from flightmesh.rpc.json_reading import Mismatch, Tree, message_reader, read_timestamp
from flightmesh.rpc.json_types import MAX_DEPTH
from flightmesh.rpc.json_writing import message_writer

__all__ = ["MAX_DEPTH", "Tree", "decode_json", "decode_tree", "encode_json", "parse_timestamp"]

M = TypeVar("M", bound=Message)


def encode_json(message: Message) -> bytes:
    """The message as UTF-8 JSON text.

    Raises:
        TypeError: the message's type is not supported (see the module's text).
    """
    descriptor: Any = message.DESCRIPTOR
    return orjson.dumps(message_writer(descriptor)(message))


def decode_json(data: bytes, message_type: type[M]) -> M:
    """The message that a JSON text stands for.

    Raises:
        InvalidInput: the text is no JSON object, or does not fit the message type.
        TypeError: the message type is not supported (see the module's text).
    """
    descriptor: Any = message_type.DESCRIPTOR
    return message_type(**decode_tree(data, descriptor))


def decode_tree(data: bytes, descriptor: Descriptor) -> Tree:
    """Constructor arguments of the message that a JSON text stands for.

    For callers that add further fields before they build the message.

    Raises:
        InvalidInput: the text is no JSON object, or does not fit the message type.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidInput("", f"the body is not JSON: {error}") from None
    try:
        tree: Tree = message_reader(descriptor)(document)
    except Mismatch as mismatch:
        raise InvalidInput(mismatch.path, mismatch.why) from None
    # orjson keeps the last of several equal names. Without escapes, every name and every string of
    # the text has two quotes, so a dropped member shows in their number.
    if b"\\" in data or data.count(b'"') != orjson.dumps(document).count(b'"'):
        json.loads(data, object_pairs_hook=_without_repeats)
    return tree


def parse_timestamp(text: str, field: str) -> Tree:
    """Seconds and nanoseconds of an RFC 3339 text.

    Raises:
        InvalidInput: the text is no such timestamp; names `field`.
    """
    try:
        return read_timestamp(text)
    except Mismatch as mismatch:
        raise InvalidInput(field, mismatch.why) from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in members if names.count(name) > 1)
        raise InvalidInput(repeated, "the name appears twice in one object")
    return members
