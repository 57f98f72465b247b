"""The REST bindings that the services' descriptors ask for, by `google.api.http`. Pure.

This is the only list of what REST offers: a method without the annotation is not reachable by REST,
and there is no other way to make a route.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.api import annotations_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from flightmesh.api.coordinator.v1 import shard_map_service_pb2
from flightmesh.api.read.v1 import query_service_pb2
from flightmesh.api.shard.v1 import aggregate_service_pb2, command_service_pb2
from flightmesh.errors import ConfigurationError
from gateway.path_template import ONE, REST, PathTemplate, parse_template

WHOLE: Final = "*"
"""Body of a binding whose HTTP body is the whole request message."""

FILES: Final[tuple[Any, ...]] = (
    command_service_pb2.DESCRIPTOR,
    aggregate_service_pb2.DESCRIPTOR,
    query_service_pb2.DESCRIPTOR,
    shard_map_service_pb2.DESCRIPTOR,
)
"""The .proto files whose services REST offers."""

_VERBS: Final = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Binding:
    """One way to call a method by REST.

    Attributes:
        method: the gRPC method.
        http_method: GET, POST and so on.
        template: paths that the binding answers.
        body: name of the request field that the HTTP body holds, `WHOLE`, or empty.
        operation: name that is unique among all bindings, camelCase.
    """

    method: MethodDescriptor
    http_method: str
    template: PathTemplate
    body: str
    operation: str

    @property
    def rpc(self) -> str:
        """Path of the gRPC method, for example `/package.Service/Method`."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"


def all_bindings(files: Sequence[Any] = FILES) -> list[Binding]:
    """The bindings of all services of these files, in their order.

    Raises:
        ConfigurationError: an annotation is malformed, names an unknown field, or asks for what the
            gateway cannot do; or two bindings would have the same name.
    """
    bindings = [
        binding
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
        for binding in _bindings_of(method)
    ]
    names = [binding.operation for binding in bindings]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"two REST bindings have the name {name}")
    return bindings


def _bindings_of(method: MethodDescriptor) -> Iterator[Binding]:
    extensions = method.GetOptions().Extensions
    if annotations_pb2.http not in extensions:
        return
    first: Any = extensions[annotations_pb2.http]
    rules = [first, *first.additional_bindings]
    parsed = [(rule, *_pattern_of(rule, method)) for rule in rules]
    shared = set.intersection(*(set(template.segments) for _, _, template in parsed))
    if method.client_streaming or method.server_streaming:
        raise ConfigurationError(f"{method.full_name} streams, which REST cannot do")
    for rule, http_method, template in parsed:
        _check(method, template, rule)
        name = _operation(method, rule.body, template, shared)
        yield Binding(method, http_method, template, rule.body, name)


def _pattern_of(rule: Any, method: MethodDescriptor) -> tuple[str, PathTemplate]:
    kind = rule.WhichOneof("pattern")
    if kind not in _VERBS:
        raise ConfigurationError(f"{method.full_name}: the gateway does not do {kind} bindings")
    return kind.upper(), parse_template(getattr(rule, kind))


def _check(method: MethodDescriptor, template: PathTemplate, rule: Any) -> None:
    where = f"{method.full_name}, {template.text}"
    if rule.response_body:
        raise ConfigurationError(f"{where}: response_body is not supported")
    for variable in template.variables:
        field = field_at(method.input_type, variable.field.split("."))
        if field is None or field.is_repeated or field.message_type is not None:
            raise ConfigurationError(f"{where}: {variable.field} is no single plain field")
    if rule.body and rule.body != WHOLE:
        body = method.input_type.fields_by_name.get(rule.body)
        if body is None or body.message_type is None or body.is_repeated:
            raise ConfigurationError(f"{where}: body {rule.body} is no single message field")


def field_at(descriptor: Descriptor, path: Sequence[str]) -> FieldDescriptor | None:
    """The field at a path of names, for example ("metadata", "actor"); None if there is none."""
    field: FieldDescriptor | None = None
    message: Descriptor | None = descriptor
    for name in path:
        if message is None:
            return None
        field = message.fields_by_name.get(name)
        if field is None:
            return None
        message = field.message_type
    return field


def _operation(
    method: MethodDescriptor, body: str, template: PathTemplate, shared: set[str]
) -> str:
    """Name of a binding: its body's field, else the method with what tells its path apart."""
    if body and body != WHOLE:
        return camel_case(body)
    own = [s for s in template.segments if s not in shared and s not in (ONE, REST)]
    name = method.name[0].lower() + method.name[1:]
    return name + "".join(camel_case(segment).capitalize() for segment in own)


def camel_case(snake: str) -> str:
    """`add_leg` as `addLeg`."""
    first, *others = snake.split("_")
    return first + "".join(word.capitalize() for word in others)
