"""Writing half of the JSON codec; `flightmesh.rpc.json_codec` is the way in.

Each message type is compiled once to a closure that turns a message into a dict for orjson: the
fields that are always written come by one `attrgetter` call, the others one by one.
"""

import base64
import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from flightmesh.rpc.json_types import INT64, TIMESTAMP, check_supported, is_map, is_synthetic

Writer = Callable[[Any], Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SINGLE: Final = struct.Struct("<f")
_parts_of_timestamp: Final = attrgetter("seconds", "nanos")


def _compile(descriptor: Descriptor) -> Writer:
    """A function that turns messages of one type into dicts that orjson writes."""
    singles = [f for f in descriptor.fields if f.containing_oneof is None or is_synthetic(f)]
    always = tuple(f.name for f in singles if not f.has_presence)
    get_always = _attributes(always)
    writers = {f.name: write for f in singles if (write := _field_writer(f)) is not None}
    converted = [(name, writers[name]) for name in always if name in writers]
    present = [(f.name, writers.get(f.name, _same)) for f in singles if f.has_presence]
    oneofs = [
        (oneof.name, {f.name: _field_writer(f) or _same for f in oneof.fields})
        for oneof in descriptor.oneofs
        if not is_synthetic(oneof.fields[0])
    ]

    def write_message(message: Any) -> dict[str, Any]:
        out = dict(zip(always, get_always(message), strict=False))
        for name, write in converted:
            out[name] = write(out[name])
        has = message.HasField
        for name, write in present:
            if has(name):
                out[name] = write(getattr(message, name))
        for oneof, members in oneofs:
            chosen = message.WhichOneof(oneof)
            if chosen is not None:
                out[chosen] = members[chosen](getattr(message, chosen))
        return out

    return write_message


def _attributes(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that reads all the attributes of a message at once."""
    if not names:
        return lambda _message: ()
    if len(names) == 1:
        get = attrgetter(names[0])
        return lambda message: (get(message),)
    return attrgetter(*names)


@cache
def message_writer(descriptor: Descriptor) -> Writer:
    """The writer of a message type."""
    check_supported(descriptor)
    return _compile(descriptor)


def _field_writer(field: FieldDescriptor) -> Writer | None:
    """How to convert a field's value; None where orjson writes it as it is."""
    if is_map(field):
        assert field.message_type is not None
        key = field.message_type.fields_by_name["key"]
        value = _single_writer(field.message_type.fields_by_name["value"]) or _same
        write_key: Writer = _bool_text if key.type == FieldDescriptor.TYPE_BOOL else str
        return lambda entries: {write_key(k): value(v) for k, v in entries.items()}
    write = _single_writer(field)
    if not field.is_repeated:
        return write
    if write is None:
        return list
    return lambda values: [write(value) for value in values]


def _single_writer(field: FieldDescriptor) -> Writer | None:
    if field.message_type is not None:
        if field.message_type.full_name == TIMESTAMP:
            return _write_timestamp
        return message_writer(field.message_type)
    if field.enum_type is not None:
        names = {value.number: value.name for value in reversed(field.enum_type.values)}
        return lambda number: names.get(number, number)
    if field.type in INT64:
        return str
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda raw: base64.b64encode(raw).decode()
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return _write_float
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return lambda number: _write_float(_shortest_float32(number))
    return None


def _same(value: Any) -> Any:
    return value


def _bool_text(value: bool) -> str:
    return "true" if value else "false"


def _write_float(number: float) -> float | str:
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _shortest_float32(number: float) -> float:
    """The double with the fewest digits that is this single-precision number."""
    if not math.isfinite(number):
        return number
    # Nine significant digits always tell single-precision numbers apart (IEEE 754).
    for digits in (6, 7, 8):
        short = float(f"{number:.{digits}g}")
        if _SINGLE.unpack(_SINGLE.pack(short)) == (number,):
            return short
    return float(f"{number:.9g}")


def _write_timestamp(timestamp: Any) -> str:
    seconds, nanos = _parts_of_timestamp(timestamp)
    text = _second_text(seconds)
    if not nanos:
        return text + "Z"
    digits = f"{nanos:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z"


@lru_cache(maxsize=1 << 15)
def _second_text(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
