"""Reading half of the JSON codec; `flightmesh.rpc.json_codec` is the way in.

Each message type is compiled once to a reader that turns a JSON object into constructor arguments.
Readers raise `Mismatch`, whose path grows as the error travels outwards, so the usual case pays
nothing for paths.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final, final

import orjson
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from flightmesh.rpc.json_types import INT64, TIMESTAMP, check_supported, is_map, is_synthetic

Tree = dict[str, Any]
"""Arguments of a message's constructor, nested."""

Reader = Callable[[Any], Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# RFC 3339, section 5.6, with at most nine fractional digits as protobuf JSON wants.
_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_INTEGER: Final = re.compile(r"-?\d{1,20}", re.ASCII)
_FLOAT_TEXTS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Mismatch(Exception):
    """A value does not fit its field; the path grows as the error travels outwards."""

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.path = path

    def inside(self, outer: str) -> "Mismatch":
        """The same error, seen from the object or array that holds the value."""
        if not self.path:
            self.path = outer
        elif self.path.startswith("["):
            self.path = outer + self.path
        else:
            self.path = f"{outer}.{self.path}"
        return self


@final
class _MessageReader:
    """Turns JSON objects into constructor arguments of one message type."""

    __slots__ = ("_fields", "_has_oneofs")

    def __init__(self, descriptor: Descriptor) -> None:
        self._fields: dict[str, tuple[str, Reader, str | None]] = {}
        self._has_oneofs = False
        for field in descriptor.fields:
            oneof = field.containing_oneof
            choice = None if oneof is None or is_synthetic(field) else oneof.name
            self._has_oneofs = self._has_oneofs or choice is not None
            entry = (field.name, _field_reader(field), choice)
            self._fields[field.name] = self._fields[field.json_name] = entry

    def __call__(self, value: Any) -> Tree:
        if type(value) is not dict:
            raise Mismatch("must be an object")
        tree: Tree = {}
        fields = self._fields
        for key, item in value.items():
            found = fields.get(key)
            if found is None:
                raise Mismatch("is not known here", key)
            if item is None:  # the mapping's null: as if the field were not there
                continue
            name = found[0]
            if name in tree:
                raise Mismatch("is given twice", name)
            try:
                tree[name] = found[1](item)
            except Mismatch as mismatch:
                raise mismatch.inside(name) from None
        if self._has_oneofs and len(tree) > 1:
            self._check_oneofs(tree)
        return tree

    def _check_oneofs(self, tree: Tree) -> None:
        chosen: dict[str, str] = {}
        for name in tree:
            choice = self._fields[name][2]
            if choice is not None and chosen.setdefault(choice, name) != name:
                raise Mismatch(f"cannot be given together with {chosen[choice]}", name)


@cache
def message_reader(descriptor: Descriptor) -> Reader:
    """The reader of a message type."""
    check_supported(descriptor)
    return _MessageReader(descriptor)


def _field_reader(field: FieldDescriptor) -> Reader:
    if is_map(field):
        assert field.message_type is not None
        return _map_reader(field.message_type)
    read = single_reader(field)
    return _list_reader(read) if field.is_repeated else read


def _list_reader(read: Reader) -> Reader:
    def read_list(values: Any) -> list[Any]:
        if type(values) is not list:
            raise Mismatch("must be an array")
        out: list[Any] = []
        try:
            for value in values:
                out.append(read(value))  # noqa: PERF401 - len(out) tells where it failed
        except Mismatch as mismatch:
            raise mismatch.inside(f"[{len(out)}]") from None
        return out

    return read_list


def _map_reader(entry: Descriptor) -> Reader:
    key_field = entry.fields_by_name["key"]
    read_value = single_reader(entry.fields_by_name["value"])
    read_key = single_reader(key_field)
    if key_field.type == FieldDescriptor.TYPE_BOOL:
        truths = {"true": True, "false": False}
        read_key = lambda text: read_bool(truths.get(text))  # noqa: E731

    def read_map(value: Any) -> dict[Any, Any]:
        if type(value) is not dict:
            raise Mismatch("must be an object")
        out: dict[Any, Any] = {}
        for key, item in value.items():
            try:
                out[read_key(key)] = read_value(item)
            except Mismatch as mismatch:
                raise mismatch.inside(f"[{orjson.dumps(key).decode()}]") from None
        return out

    return read_map


def single_reader(field: FieldDescriptor) -> Reader:
    """The reader of one value of a field that is no map, whether or not the field is repeated."""
    kind = field.type
    if field.message_type is not None:
        if field.message_type.full_name == TIMESTAMP:
            return read_timestamp
        return message_reader(field.message_type)
    if field.enum_type is not None:
        return _enum_reader(field.enum_type)
    if kind == FieldDescriptor.TYPE_STRING:
        return read_string
    if kind == FieldDescriptor.TYPE_BOOL:
        return read_bool
    if kind == FieldDescriptor.TYPE_BYTES:
        return _read_bytes
    if kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return _read_float
    bits = 64 if kind in INT64 else 32
    if field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64):
        return _integer_reader(0, (1 << bits) - 1)
    return _integer_reader(-(1 << bits - 1), (1 << bits - 1) - 1)


def read_string(value: Any) -> str:
    """A JSON string as it is."""
    if type(value) is not str:
        raise Mismatch("must be a string")
    return value


def read_bool(value: Any) -> bool:
    """A JSON true or false as it is."""
    if type(value) is not bool:
        raise Mismatch("must be true or false")
    return value


def _integer_reader(low: int, high: int) -> Reader:
    def read_integer(value: Any) -> int:
        if type(value) is not int:
            value = _integer_of(value)
        if not low <= value <= high:
            raise Mismatch(f"must be from {low} to {high}")
        return value  # type: ignore[no-any-return]

    return read_integer


def _integer_of(value: Any) -> int:
    """The whole number that a text, or a number such as 1e3, stands for."""
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(value)
    if type(value) is float and value.is_integer():
        return int(value)
    raise Mismatch("must be a whole number")


def _read_float(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return float(value)
    if type(value) is str:
        try:
            return _FLOAT_TEXTS[value] if value in _FLOAT_TEXTS else float(value)
        except ValueError:
            pass
    raise Mismatch("must be a number")


def _read_bytes(value: Any) -> bytes:
    """Base64, standard or URL-safe, with or without padding."""
    text = read_string(value).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Mismatch("must be base64") from None


def _enum_reader(enum: EnumDescriptor) -> Reader:
    numbers = {value.name: value.number for value in enum.values}
    read_number = _integer_reader(-(1 << 31), (1 << 31) - 1)

    def read_enum(value: Any) -> int:
        if type(value) is not str:
            return read_number(value)  # type: ignore[no-any-return]
        number = numbers.get(value)
        if number is None:
            raise Mismatch(f"must be one of {', '.join(numbers)}")
        return number

    return read_enum


@lru_cache(maxsize=1 << 12)
def _instant_of(text: str) -> tuple[int, int]:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise Mismatch('must be an RFC 3339 timestamp such as "2005-06-14T09:30:00Z"')
    second, fraction, sign, hours, minutes = match.groups()
    try:
        instant = datetime.fromisoformat(second + "+00:00")
    except ValueError as error:
        raise Mismatch(f"is no date and time: {error}") from None
    seconds = (instant - _EPOCH) // timedelta(seconds=1)
    if sign is not None:
        if hours > "23" or minutes > "59":
            raise Mismatch("has no valid offset from UTC")
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds += offset if sign == "-" else -offset
    # The range of google.protobuf.Timestamp: years 1 to 9999.
    if not -62135596800 <= seconds <= 253402300799:
        raise Mismatch("lies outside the years 1 to 9999")
    return seconds, int(fraction.ljust(9, "0")) if fraction else 0


def read_timestamp(value: Any) -> Tree:
    """Seconds and nanoseconds of an RFC 3339 string."""
    if type(value) is not str:
        raise Mismatch("must be a timestamp in a string")
    seconds, nanos = _instant_of(value)
    return {"seconds": seconds, "nanos": nanos} if nanos else {"seconds": seconds}
