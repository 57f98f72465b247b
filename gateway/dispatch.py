"""Which question to the mesh answers which service. No other place knows the services apart."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, final

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from flightmesh.api.coordinator.v1 import shard_map_service_pb2
from flightmesh.api.read.v1 import query_service_pb2
from flightmesh.api.shard.v1 import aggregate_service_pb2, command_service_pb2
from flightmesh.errors import ConfigurationError, InvalidInput
from flightmesh.ids import is_uuid, schedule_aggregate_id
from flightmesh.rpc.json_codec import Tree, encode_json
from gateway.backend import Backend
from gateway.bindings import Binding
from gateway.transcoding import POSITION_HEADER, Headers, ReplyHeaders, RequestReader

Answer = tuple[bytes, Headers]
Ask = Callable[[Tree, float], Awaitable[Answer]]

_AGGREGATE_ID: Final = "aggregate_id"


@final
@dataclass(frozen=True, slots=True)
class Operation:
    """A binding, ready to serve.

    Attributes:
        binding: what it answers.
        reader: makes the request's fields.
        ask: takes the request's fields and a timeout in seconds; gives the JSON body and headers.
        reply_headers: names of the headers that the answers may have.
    """

    binding: Binding
    reader: RequestReader
    ask: Ask
    reply_headers: tuple[str, ...]


def operation_of(binding: Binding, backend: Backend) -> Operation:
    """The operation of a binding.

    Raises:
        ConfigurationError: nobody knows who answers the binding's service.
    """
    service = binding.method.containing_service.full_name
    make = _MAKERS.get(service)
    if make is None:
        raise ConfigurationError(f"{service} has REST bindings, but the gateway cannot reach it")
    ask, names = make(binding, backend)
    return Operation(binding, RequestReader(binding), ask, tuple(names))


def _commands(_binding: Binding, backend: Backend) -> tuple[Ask, list[str]]:
    headers = ReplyHeaders(_descriptor(command_service_pb2.ExecuteResponse))
    make_request = command_service_pb2.ExecuteRequest

    async def ask(tree: Tree, timeout_s: float) -> Answer:
        _check_id(tree)
        reply = await backend.execute(make_request(**tree), timeout_s)
        return encode_json(reply), headers.of(reply)

    return ask, headers.names


def _queries(binding: Binding, backend: Backend) -> tuple[Ask, list[str]]:
    kind = _kind_of_query(binding.method)
    position_header = POSITION_HEADER.lower()

    async def ask(tree: Tree, timeout_s: float) -> Answer:
        query: Any = query_service_pb2.Query(**{kind: tree})
        result = await backend.query(query, timeout_s)
        headers = [(position_header, result.position)] if result.position else []
        return result.reply, headers

    return ask, [POSITION_HEADER]


def _kind_of_query(method: MethodDescriptor) -> str:
    """The field of Query that holds the method's request."""
    for field in _descriptor(query_service_pb2.Query).fields:
        if field.message_type is not None and field.message_type == method.input_type:
            name: str = field.name
            return name
    raise ConfigurationError(f"{method.full_name} cannot be asked in a QueryBatch")


def _aggregates(binding: Binding, backend: Backend) -> tuple[Ask, list[str]]:
    method = binding.method
    make_request = GetMessageClass(method.input_type)
    headers = ReplyHeaders(method.output_type)

    async def ask(tree: Tree, timeout_s: float) -> Answer:
        _check_id(tree)
        aggregate_id = tree.get(_AGGREGATE_ID) or schedule_aggregate_id(tree.get("schedule", ""))
        reply = await backend.ask_owner(aggregate_id, method.name, make_request(**tree), timeout_s)
        return encode_json(reply), headers.of(reply)

    return ask, headers.names


def _mesh(binding: Binding, backend: Backend) -> tuple[Ask, list[str]]:
    rpc = binding.rpc
    make_request = GetMessageClass(binding.method.input_type)
    headers = ReplyHeaders(binding.method.output_type)

    async def ask(tree: Tree, timeout_s: float) -> Answer:
        reply = await backend.ask_mesh(rpc, make_request(**tree), timeout_s)
        return encode_json(reply), headers.of(reply)

    return ask, headers.names


def _check_id(tree: Tree) -> None:
    """Refuses an id that has no shard, before anybody tries to route by it."""
    aggregate_id = tree.get(_AGGREGATE_ID)
    if aggregate_id and not is_uuid(aggregate_id):
        raise InvalidInput(_AGGREGATE_ID, "must be a UUID in lower-case canonical form")


def _descriptor(message_type: Any) -> Any:
    return message_type.DESCRIPTOR


_MAKERS: Final[dict[str, Callable[[Binding, Backend], tuple[Ask, list[str]]]]] = {
    file.services_by_name[name].full_name: make
    for file, name, make in (
        (command_service_pb2.DESCRIPTOR, "CommandService", _commands),
        (query_service_pb2.DESCRIPTOR, "QueryService", _queries),
        (aggregate_service_pb2.DESCRIPTOR, "AggregateService", _aggregates),
        (shard_map_service_pb2.DESCRIPTOR, "ShardMapService", _mesh),
        (shard_map_service_pb2.DESCRIPTOR, "OperatorService", _mesh),
    )
}
