"""Request fields from path, query string and headers. Pure.

A table per binding says which parameters there are; it follows from the request's descriptor.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, final
from urllib.parse import unquote_to_bytes

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from flightmesh.api.common.v1 import options_pb2
from flightmesh.errors import InvalidInput
from flightmesh.rpc.json_codec import Tree
from flightmesh.rpc.json_reading import Mismatch, Reader, single_reader
from flightmesh.rpc.json_types import TIMESTAMP, is_map

INTERNAL_FIELDS: Final = frozenset({"hops"})
"""Fields that nodes set among themselves; REST callers cannot."""

HeaderOf = Callable[[str], str | None]

_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENTITY_TAG: Final = re.compile(r'"(\d{1,20})"', re.ASCII)
_TRUTHS: Final = {"true": True, "false": False}
_CACHED_STRINGS: Final = 64  # per operation
_CACHED_LENGTH: Final = 200
_IF_MATCH: Final = "if-match"
_SEQUENCE_TAG: Final = 'must be the ETag of an earlier answer, in quotes, for example "12"'


def text_reader(field: FieldDescriptor) -> Reader:
    """A function from a parameter's text to the value of a plain field or timestamp.

    The function raises Mismatch. Enums are read by full name or by the name without its prefix, in
    either case: FINDING_KIND_CONTINUITY or continuity.
    """
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _read_truth
    if field.enum_type is not None:
        return _enum_text_reader(field.enum_type)
    return single_reader(field)


def _read_truth(text: str) -> bool:
    truth = _TRUTHS.get(text)
    if truth is None:
        raise Mismatch("must be true or false")
    return truth


def _enum_text_reader(enum: EnumDescriptor) -> Reader:
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
    numbers = {value.name.removeprefix(prefix): value.number for value in enum.values}
    numbers |= {value.name: value.number for value in enum.values}
    choices = ", ".join(value.name for value in enum.values)

    def read_enum(text: str) -> int:
        number = numbers.get(text.upper())
        if number is None:
            raise Mismatch(f"must be one of {choices}")
        return number

    return read_enum


def decode_component(text: str, field: str) -> str:
    """A percent-encoded name or value of a query string as text; "+" is a space.

    Raises:
        InvalidInput: an escape is malformed, or the bytes are not UTF-8; names `field`.
    """
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise InvalidInput(field, "has a malformed percent-encoding")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise InvalidInput(field, "is not UTF-8 when percent-decoded") from None


def set_at(tree: Tree, path: tuple[str, ...], value: Any) -> None:
    """Puts a value at a path of names into constructor arguments."""
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value


@final
class QueryParameters:
    """The parameters of a query string that a request message has.

    Attributes:
        fields: parameter name (snake_case, dotted) → its field.

    Args:
        descriptor: the request message.
        taken: top-level fields that come from elsewhere.
    """

    def __init__(self, descriptor: Descriptor, taken: frozenset[str]) -> None:
        self.fields: Mapping[str, FieldDescriptor] = dict(_leaves(descriptor, (), taken))
        self._entries: dict[str, tuple[str, tuple[str, ...], Reader, bool]] = {}
        for name, field in self.fields.items():
            entry = (name, tuple(name.split(".")), text_reader(field), field.is_repeated)
            self._entries[name] = self._entries[_json_name(name)] = entry
        # Callers that poll send the same query string again and again.
        self._parse_cached = lru_cache(maxsize=_CACHED_STRINGS)(self._parse)

    def read(self, query_string: str, tree: Tree) -> None:
        """Adds the parameters of a query string to constructor arguments.

        Raises:
            InvalidInput: a parameter is unknown, malformed, or given more often than it can be.
        """
        short = len(query_string) <= _CACHED_LENGTH
        tree.update(self._parse_cached(query_string) if short else self._parse(query_string))

    def _parse(self, query_string: str) -> Tree:
        tree: Tree = {}
        seen: dict[str, list[Any]] = {}
        for pair in query_string.split("&"):
            if not pair:
                continue
            raw_name, _, raw_text = pair.partition("=")
            entry = self._entries.get(raw_name)
            if entry is None:
                decoded = decode_component(raw_name, "the query string")
                entry = self._entries.get(decoded)
                if entry is None:
                    raise InvalidInput(decoded[:100], "is no parameter of this operation")
            name, path, read, repeated = entry
            value = _read(read, decode_component(raw_text, name), name)
            if not repeated:
                if name in seen:
                    raise InvalidInput(name, "is given twice")
                seen[name] = []
                set_at(tree, path, value)
            elif name in seen:
                seen[name].append(value)
            else:
                seen[name] = [value]
                set_at(tree, path, seen[name])
        return tree


def _json_name(dotted: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), dotted)


def _leaves(
    descriptor: Descriptor, path: tuple[str, ...], taken: frozenset[str]
) -> Iterator[tuple[str, FieldDescriptor]]:
    """Fields that a query string can hold: plain ones, timestamps, and those of messages in it."""
    for field in descriptor.fields:
        if field.name in taken or field.name in INTERNAL_FIELDS or is_map(field):
            continue
        here = (*path, field.name)
        if field.message_type is None or field.message_type.full_name == TIMESTAMP:
            yield ".".join(here), field
        elif not field.is_repeated:
            yield from _leaves(field.message_type, here, frozenset())


def header_options(descriptor: Descriptor, option: Any) -> Iterator[tuple[FieldDescriptor, str]]:
    """The fields that have one of the header options, with the header it names."""
    for field in descriptor.fields:
        options = field.GetOptions()
        if options.HasExtension(option):
            yield field, options.Extensions[option]


@final
class HeaderParameters:
    """The request fields that headers carry, by the option request_header.

    Attributes:
        fields: header name as the option writes it → its field.
    """

    def __init__(self, descriptor: Descriptor) -> None:
        self.fields = {
            header: field
            for field, header in header_options(descriptor, options_pb2.request_header)
        }
        self._entries = [
            (header, header.lower(), field.name, text_reader(field))
            for header, field in self.fields.items()
        ]

    def read(self, header_of: HeaderOf, tree: Tree) -> None:
        """Adds the fields that headers carry; they win over query parameters.

        Raises:
            InvalidInput: a header is malformed; names it.
        """
        for header, key, name, read in self._entries:
            text = header_of(key)
            if text is None:
                continue
            if not text.strip():
                # Most likely a variable that was never set; taken as absent, a retry would be a
                # second command.
                raise InvalidInput(header, "is empty; leave it out or give a value")
            text = _sequence_of(text) if key == _IF_MATCH else _unquoted(text)
            tree[name] = _read(read, text, header)


def _sequence_of(text: str) -> str:
    """The number in an If-Match header.

    RFC 9110, section 13.1.1, also knows "*" and lists; a sequence has no use for either, and weak
    tags never match there.
    """
    text = text.strip()
    match = _ENTITY_TAG.fullmatch(text)
    if match is not None:
        return match[1]
    if text == "*":
        raise InvalidInput("If-Match", "* is not supported; " + _SEQUENCE_TAG)
    if text.startswith("W/"):
        raise InvalidInput("If-Match", "a weak ETag never matches; " + _SEQUENCE_TAG)
    if "," in text:
        raise InvalidInput("If-Match", "takes one ETag; " + _SEQUENCE_TAG)
    raise InvalidInput("If-Match", _SEQUENCE_TAG)


def _unquoted(text: str) -> str:
    """A header's text; quotes around it, as structured fields (RFC 9651) write them, come off."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text


def _read(read: Reader, text: str, name: str) -> Any:
    try:
        return read(text)
    except Mismatch as mismatch:
        raise InvalidInput(name, mismatch.why) from None
