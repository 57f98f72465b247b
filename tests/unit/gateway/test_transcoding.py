from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import hypothesis.strategies as st
import pytest
from hypothesis import given

from flightmesh.api.read.v1 import query_service_pb2
from flightmesh.api.shard.v1 import command_service_pb2
from flightmesh.errors import InvalidInput
from gateway.bindings import all_bindings
from gateway.parameters import decode_component
from gateway.transcoding import ReplyHeaders, RequestReader

BINDINGS = {binding.operation: binding for binding in all_bindings()}


def read(
    operation: str,
    *texts: str,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> dict[str, Any]:
    return RequestReader(BINDINGS[operation]).read(texts, query, (headers or {}).get, body)


def refused_field(operation: str, *texts: str, **more: Any) -> str:
    with pytest.raises(InvalidInput) as refused:
        read(operation, *texts, **more)
    return refused.value.field


def test_path_body_and_headers_make_the_request() -> None:
    headers = {"idempotency-key": "some-id", "if-match": '"12"'}
    tree = read("addLeg", "s1", "r1", headers=headers, body=b'{"leg": {"carrier": "XX"}}')
    request = command_service_pb2.ExecuteRequest(**tree)
    assert (request.schedule, request.aggregate_id) == ("s1", "r1")
    assert (request.command_id, request.expected_sequence) == ("some-id", 12)
    assert request.add_leg.leg.carrier == "XX"


def test_an_empty_body_is_an_empty_command() -> None:
    request = command_service_pb2.ExecuteRequest(**read("unassignRotation", "s1", "r1"))
    assert request.WhichOneof("command") == "unassign_rotation"


def test_the_query_string_holds_lists_enums_instants_and_flags() -> None:
    tree = read(
        "listFindings",
        "s1",
        query="kind=FINDING_KIND_CONTINUITY&kind=ground_time&from=2005-06-14T09:00:00%2B02:00"
        "&pageSize=7&airport=CDG&",
    )
    request = query_service_pb2.ListFindingsRequest(**tree)
    assert list(request.kind) == [1, 2]
    assert getattr(request, "from").seconds == 1118732400
    assert (request.page_size, request.airport, request.schedule) == (7, "CDG", "s1")
    assert read("listRotations", "s1", query="unassigned=true")["unassigned"] is True


def test_a_nested_field_is_a_dotted_parameter() -> None:
    tree = read("createRotation", "s1", query="metadata.actor=planner%3Akim&metadata.source=a+b")
    assert tree["metadata"] == {"actor": "planner:kim", "source": "a b"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("page_size=-1", "page_size"),
        ("page_size=ten", "page_size"),
        ("page_size=", "page_size"),
        ("page_size=1&page_size=2", "page_size"),
        ("page_size=1&pageSize=2", "page_size"),
        ("kind=odd", "kind"),
        ("from=yesterday", "from"),
        ("airport=%zz", "airport"),
        ("airport=%C3", "airport"),
        ("%zz=1", "the query string"),
        ("schedule=s2", "schedule"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused_by_name(query: str, field: str) -> None:
    assert refused_field("listFindings", "s1", query=query) == field


@pytest.mark.parametrize("query", ["remove_leg.leg_id=1", "add_leg.leg.carrier=XX", "hops=1"])
def test_the_query_string_cannot_choose_a_command_nor_set_what_nodes_set(query: str) -> None:
    assert refused_field("createRotation", "s1", query=query) == query.partition("=")[0]


@pytest.mark.parametrize("tag", ["*", 'W/"12"', "12", '"12", "13"', '"x"', "", '"-1"'])
def test_an_if_match_that_is_no_sequence_is_refused(tag: str) -> None:
    assert refused_field("removeRotation", "s1", "r1", headers={"if-match": tag}) == "If-Match"


def test_a_sequence_beyond_its_type_is_refused_by_the_headers_name() -> None:
    tag = f'"{1 << 64}"'
    assert refused_field("removeRotation", "s1", "r1", headers={"if-match": tag}) == "If-Match"


@pytest.mark.parametrize(
    ("header", "name"), [("idempotency-key", "Idempotency-Key"), ("if-match", "If-Match")]
)
@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_header_is_not_taken_as_an_absent_one(header: str, name: str, text: str) -> None:
    assert refused_field("removeRotation", "s1", "r1", headers={header: text}) == name


def test_a_header_wins_over_the_parameter_of_its_field() -> None:
    headers = {"idempotency-key": '"from-header"'}
    tree = read("createRotation", "s1", query="command_id=from-query", headers=headers)
    assert tree["command_id"] == "from-header"


def test_the_position_header_sets_where_to_wait_unless_the_query_says() -> None:
    headers = {"flightmesh-position": "7:1"}
    assert read("listLegs", "s1", headers=headers)["min_position"] == "7:1"
    assert (
        read("listLegs", "s1", headers=headers, query="min_position=8:2")["min_position"] == "8:2"
    )
    assert "min_position" not in read("createRotation", "s1", headers=headers)


def test_a_whole_body_holds_all_but_the_path() -> None:
    assert read("moveShard", "7", body=b'{"node": "n2"}') == {"node": "n2", "shard": 7}
    assert refused_field("moveShard", "7", body=b'{"shard": 8}') == "shard"
    assert refused_field("moveShard", "7", query="node=n2") == "node"
    assert refused_field("moveShard", "seven") == "shard"


def test_an_error_in_the_body_names_the_path_within_the_body() -> None:
    body = b'{"leg": {"flight_number": "x"}}'
    assert refused_field("addLeg", "s1", "r1", body=body) == "leg.flight_number"


def test_reply_headers_repeat_the_fields_that_ask_for_it() -> None:
    descriptor: Any = command_service_pb2.ExecuteResponse.DESCRIPTOR
    headers = ReplyHeaders(descriptor)
    reply = command_service_pb2.ExecuteResponse(sequence=12, position="7:1")
    assert headers.of(reply) == [("etag", '"12"'), ("flightmesh-position", "7:1")]
    empty = command_service_pb2.ExecuteResponse()
    assert headers.of(empty) == [("etag", '"0"')]


@given(st.text())
def test_what_was_percent_encoded_is_decoded(text: str) -> None:
    try:
        encoded = quote(text, safe="")
    except UnicodeEncodeError:
        return
    assert decode_component(encoded, "x") == text


@given(st.text(st.sampled_from("%0aFgé+&")))
def test_a_component_is_decoded_or_refused(text: str) -> None:
    try:
        decode_component(text, "x")
    except InvalidInput as refused:
        assert refused.field == "x"  # noqa: PT017 - either outcome is fine
