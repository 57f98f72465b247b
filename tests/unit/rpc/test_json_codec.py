import json
from typing import Any

import hypothesis.strategies as st
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings

from flightmesh.api.loading.v1 import loading_service_pb2
from flightmesh.api.read.v1 import query_service_pb2
from flightmesh.api.schedule.v1 import commands_pb2, types_pb2
from flightmesh.api.shard.v1 import aggregate_service_pb2, command_service_pb2
from flightmesh.errors import InvalidInput
from flightmesh.rpc.json_codec import decode_json, decode_tree, encode_json, parse_timestamp
from flightmesh.rpc.json_types import is_map

F = FieldDescriptor
FD = descriptor_pb2.FieldDescriptorProto


def every_type() -> Any:
    """A message type with every kind of field there is."""
    file = descriptor_pb2.FileDescriptorProto(
        name="every.proto", package="test.every", syntax="proto3",
        dependency=["google/protobuf/timestamp.proto"],
    )  # fmt: skip
    colour = file.enum_type.add(name="Colour")
    colour.value.add(name="COLOUR_UNSPECIFIED", number=0)
    colour.value.add(name="COLOUR_RED", number=1)
    inner = file.message_type.add(name="Inner")
    inner.field.add(name="deep_text", number=1, type=FD.TYPE_STRING, label=FD.LABEL_OPTIONAL)
    every = file.message_type.add(name="Every")
    number = 0
    plain = [kind for kind in range(1, 19) if kind not in (FD.TYPE_GROUP, FD.TYPE_MESSAGE)]

    def add(name: str, kind: Any, label: Any = FD.LABEL_OPTIONAL, **more: Any) -> Any:
        nonlocal number
        number += 1
        if kind == FD.TYPE_ENUM:
            more.setdefault("type_name", ".test.every.Colour")
        return every.field.add(name=name, number=number, type=kind, label=label, **more)

    for kind in plain:
        add(f"single_{kind}", kind)
        add(f"many_{kind}", kind, FD.LABEL_REPEATED)
        index = len(every.oneof_decl)
        every.oneof_decl.add(name=f"_maybe_{kind}")
        add(f"maybe_{kind}", kind, proto3_optional=True, oneof_index=index)
    for name, label in (("inner_part", FD.LABEL_OPTIONAL), ("inner_parts", FD.LABEL_REPEATED)):
        add(name, FD.TYPE_MESSAGE, label, type_name=".test.every.Inner")
        stamp = ".google.protobuf.Timestamp"
        add(name + "_time", FD.TYPE_MESSAGE, label, type_name=stamp)
    for key in (FD.TYPE_STRING, FD.TYPE_INT64, FD.TYPE_BOOL):
        entry = every.nested_type.add(name=f"Map{key}Entry", options={"map_entry": True})
        entry.field.add(name="key", number=1, type=key, label=FD.LABEL_OPTIONAL)
        entry.field.add(name="value", number=2, type=FD.TYPE_INT64, label=FD.LABEL_OPTIONAL)
        type_name = f".test.every.Every.Map{key}Entry"
        add(f"map{key}", FD.TYPE_MESSAGE, FD.LABEL_REPEATED, type_name=type_name)
    # protobuf wants the synthetic oneofs last.
    real = descriptor_pb2.OneofDescriptorProto(name="choice")
    every.oneof_decl.insert(0, real)
    for field in every.field:
        if field.proto3_optional:
            field.oneof_index += 1
    add("this_one", FD.TYPE_STRING, oneof_index=0)
    add("that_one", FD.TYPE_MESSAGE, oneof_index=0, type_name=".test.every.Inner")
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.every.Every"))


Every = every_type()
TYPES = [
    Every,
    command_service_pb2.ExecuteRequest,
    command_service_pb2.ExecuteResponse,
    aggregate_service_pb2.GetRotationResponse,
    aggregate_service_pb2.ListHistoryResponse,
    query_service_pb2.ListFindingsRequest,
    query_service_pb2.ListFindingsResponse,
    query_service_pb2.ListSchedulesResponse,
    loading_service_pb2.ImportReport,
]

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
PLAIN: dict[int, st.SearchStrategy[Any]] = {
    F.CPPTYPE_INT32: st.integers(-(1 << 31), (1 << 31) - 1),
    F.CPPTYPE_INT64: st.integers(-(1 << 63), (1 << 63) - 1),
    F.CPPTYPE_UINT32: st.integers(0, (1 << 32) - 1),
    F.CPPTYPE_UINT64: st.integers(0, (1 << 64) - 1),
    F.CPPTYPE_DOUBLE: st.floats(allow_nan=False),
    F.CPPTYPE_FLOAT: st.floats(allow_nan=False, width=32),
    F.CPPTYPE_BOOL: st.booleans(),
    F.CPPTYPE_ENUM: st.integers(0, 3),
}


def value_of(draw: st.DrawFn, field: FieldDescriptor) -> Any:
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Timestamp":
            seconds = st.integers(-62135596800, 253402300799)
            nanos = st.sampled_from([0, 0, 1, 1_000, 120_000_000, 999_999_999])
            return {"seconds": draw(seconds), "nanos": draw(nanos)}
        return tree_of(draw, field.message_type)
    if field.type == F.TYPE_BYTES:
        return draw(st.binary(max_size=6))
    return draw(PLAIN.get(field.cpp_type, TEXT))


def tree_of(draw: st.DrawFn, descriptor: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for field in descriptor.fields:
        if not draw(st.booleans()):
            continue
        oneof = field.containing_oneof
        if oneof is not None and any(other.name in tree for other in oneof.fields):
            continue
        if is_map(field):
            key, value = field.message_type.fields
            tree[field.name] = {value_of(draw, key): value_of(draw, value)}
        elif field.is_repeated:
            tree[field.name] = [value_of(draw, field) for _ in range(draw(st.integers(0, 2)))]
        else:
            tree[field.name] = value_of(draw, field)
    return tree


@st.composite
def messages(draw: st.DrawFn) -> Message:
    message_type: Any = draw(st.sampled_from(TYPES))
    made: Message = message_type(**tree_of(draw, message_type.DESCRIPTOR))
    return made


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(messages())
def test_any_message_is_written_as_protobufs_own_writer_does(message: Message) -> None:
    expected = json_format.MessageToJson(
        message, always_print_fields_with_no_presence=True, preserving_proto_field_name=True
    )
    assert json.loads(encode_json(message)) == json.loads(expected)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(messages())
def test_any_message_comes_back_from_its_text_and_from_camel_case(message: Message) -> None:
    assert decode_json(encode_json(message), type(message)) == message
    camel = json_format.MessageToJson(message).encode()
    assert decode_json(camel, type(message)) == message


def test_an_absent_optional_field_is_left_out_and_a_plain_one_is_not() -> None:
    text = json.loads(encode_json(query_service_pb2.AirplaneSummary()))
    assert "minimum_ground_minutes" not in text
    assert (text["legs"], text["sequence"]) == (0, "0")
    assert text["registered"] is False


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"leg": {"carier": "XX"}}', "leg.carier"),
        ('{"leg": {"carrier": 5}}', "leg.carrier"),
        ('{"leg": []}', "leg"),
        ('{"leg": {"flight_number": "twelve"}}', "leg.flight_number"),
        ('{"leg": {"flight_number": 1.5}}', "leg.flight_number"),
        ('{"leg": {"flight_number": true}}', "leg.flight_number"),
        ('{"leg": {"flight_number": -1}}', "leg.flight_number"),
        ('{"leg": {"flight_number": 4294967296}}', "leg.flight_number"),
        ('{"leg": {"departure_utc_offset_minutes": 1e30}}', "leg.departure_utc_offset_minutes"),
        ('{"leg": {"carrier": "XX", "carrier": "YY"}}', "carrier"),
        ('{"leg": {"legId": "a", "leg_id": "b"}}', "leg.leg_id"),
        ('{"leg": {"carrier": "\\"", "carrier": "YY"}}', "carrier"),
        ('{"leg": {"departure_time": "yesterday"}}', "leg.departure_time"),
        ('{"leg": {"departure_time": 5}}', "leg.departure_time"),
        ('{"leg": {"departure_time": "2005-02-30T00:00:00Z"}}', "leg.departure_time"),
        ('{"leg": {"departure_time": "2005-06-14 09:00:00Z"}}', "leg.departure_time"),
        ('{"leg": {"departure_time": "2005-06-14T09:00:00"}}', "leg.departure_time"),
        ('{"leg": {"departure_time": "2005-06-14T09:00:00+25:00"}}', "leg.departure_time"),
        ('{"leg": {"departure_time": "0001-01-01T00:00:00+01:00"}}', "leg.departure_time"),
        ('{"leg": {"departure_time": "2005-06-14T09:00:00.1234567890Z"}}', "leg.departure_time"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(body: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_json(body.encode(), commands_pb2.AddLeg)
    assert refused.value.field == field


def test_the_path_of_a_repeated_field_tells_the_place() -> None:
    body = b'{"legs": [{"carrier": "XX"}, {"carrier": 7}]}'
    with pytest.raises(InvalidInput) as refused:
        decode_json(body, commands_pb2.AddLegs)
    assert refused.value.field == "legs[1].carrier"


def test_two_members_of_a_oneof_are_refused() -> None:
    body = b'{"add_leg": {}, "remove_leg": {}}'
    with pytest.raises(InvalidInput, match="together with add_leg") as refused:
        decode_json(body, command_service_pb2.ExecuteRequest)
    assert refused.value.field == "remove_leg"


def test_an_unknown_enum_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="EVENT_VIEW_NONE") as refused:
        decode_json(b'{"event_view": "SOME"}', command_service_pb2.ExecuteRequest)
    assert refused.value.field == "event_view"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"leg": {"carrier": "\xff"}}',
        b'{"leg": {"carrier": "\\ud800"}}',
        b"[" * 100_000,
        b'{"leg":' * 100_000,
        b'{"leg":' * 40 + b"{}" + b"}" * 40,
        b'{"leg": {"carrier": ' + b"[" * 500 + b"]" * 500 + b"}}",
        b"NaN",
    ],
)
def test_what_is_no_json_object_of_the_type_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_json(body, commands_pb2.AddLeg)


def test_null_is_as_if_the_field_were_not_there() -> None:
    assert decode_json(b'{"leg": null}', commands_pb2.AddLeg) == commands_pb2.AddLeg()


def test_numbers_are_read_from_numbers_and_texts() -> None:
    body = b'{"flight_number": "12", "departure_utc_offset_minutes": 6e1}'
    leg = decode_json(body, types_pb2.Leg)
    assert (leg.flight_number, leg.departure_utc_offset_minutes) == (12, 60)


def test_escaped_texts_are_read() -> None:
    leg = decode_json(b'{"carrier": "\\u0041\\"B"}', types_pb2.Leg)
    assert leg.carrier == 'A"B'


def test_a_timestamp_with_an_offset_is_the_same_instant() -> None:
    assert parse_timestamp("2005-06-14T11:00:00+02:00", "at") == parse_timestamp(
        "2005-06-14T09:00:00Z", "at"
    )
    assert parse_timestamp("2005-06-14T09:00:00.5Z", "at")["nanos"] == 500_000_000


def test_a_tree_holds_only_what_was_given() -> None:
    descriptor: Any = commands_pb2.AddLeg.DESCRIPTOR
    assert decode_tree(b'{"leg": {"carrier": "XX"}}', descriptor) == {"leg": {"carrier": "XX"}}


def test_a_recursive_type_is_not_supported() -> None:
    file = descriptor_pb2.FileDescriptorProto(name="tree.proto", package="test.tree")
    tree = file.message_type.add(name="Tree")
    left = tree.field.add(name="left", number=1, type=FD.TYPE_MESSAGE, label=FD.LABEL_OPTIONAL)
    left.type_name = ".test.tree.Tree"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    message_type = message_factory.GetMessageClass(pool.FindMessageTypeByName("test.tree.Tree"))
    with pytest.raises(TypeError, match="recursive"):
        decode_json(b"{}", message_type)


def test_a_well_known_type_other_than_timestamp_is_not_supported() -> None:
    with pytest.raises(TypeError, match="not supported"):
        encode_json(descriptor_pb2.FileDescriptorSet())
