from typing import Any

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool

from flightmesh.api.shard.v1 import command_service_pb2
from flightmesh.errors import ConfigurationError
from gateway.bindings import all_bindings

FD = descriptor_pb2.FieldDescriptorProto


def test_every_command_has_a_route_of_its_own() -> None:
    request: Any = command_service_pb2.ExecuteRequest.DESCRIPTOR
    commands = {field.name for field in request.oneofs_by_name["command"].fields}
    assert len(commands) == 15
    assert commands <= {binding.body for binding in all_bindings()}


def test_names_are_unique_and_say_what_is_done() -> None:
    names = [binding.operation for binding in all_bindings()]
    assert len(set(names)) == len(names)
    assert {"addLeg", "listFindings", "getRotation", "listHistory", "listHistoryRotations"} <= set(
        names
    )


def service_file(name: str, stream: bool = False, **rule: Any) -> Any:
    """A file with one annotated method, whose request has a text, a list and a part."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{name}.proto", package=f"test.{name}", syntax="proto3"
    )
    request = file.message_type.add(name="Ask")
    request.field.add(name="name", number=1, type=FD.TYPE_STRING, label=FD.LABEL_OPTIONAL)
    request.field.add(name="many", number=2, type=FD.TYPE_STRING, label=FD.LABEL_REPEATED)
    method = file.service.add(name="Asking").method.add(
        name="Do", input_type=f".test.{name}.Ask", output_type=f".test.{name}.Ask"
    )
    method.server_streaming = stream
    http: Any = method.options.Extensions[annotations_pb2.http]
    for key, value in rule.items():
        setattr(http, key, value)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool.FindFileByName(file.name)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("nofield", {"get": "/x/{nothing}"}),
        ("repeated", {"get": "/x/{many}"}),
        ("plainbody", {"post": "/x", "body": "name"}),
        ("nobody", {"post": "/x", "body": "nothing"}),
        ("responsebody", {"get": "/x", "response_body": "name"}),
        ("syntax", {"get": "/x/{name"}),
        ("streaming", {"get": "/x", "stream": True}),
        ("nopattern", {"body": "*"}),
    ],
)
def test_an_annotation_that_cannot_be_served_stops_the_start(
    name: str, rule: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        all_bindings([service_file(name, **rule)])


def test_an_annotation_that_can_be_served_is_a_binding() -> None:
    (binding,) = all_bindings([service_file("fine", get="/x/{name}")])
    assert (binding.http_method, binding.operation, binding.rpc) == (
        "GET",
        "do",
        "/test.fine.Asking/Do",
    )
