"""The OpenAPI 3.1 document of the REST API, made from the operations that serve it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, final

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from gateway.app import REQUEST_ID_HEADER
from gateway.bindings import WHOLE, field_at
from gateway.dispatch import Operation
from gateway.openapi_problems import problem_components, problem_responses
from gateway.openapi_schemas import Schema, SchemaBook
from gateway.path_template import PathTemplate
from gateway.request_limits import TIMEOUT_HEADER
from gateway.transcoding import POSITION_HEADER

_DESCRIPTION: Final = """\
REST for the services of Flightmesh, translated from their gRPC definitions.

Field names are snake_case (camelCase is read too). 64-bit integers are strings; timestamps are \
RFC 3339. Errors are RFC 9457 problems (application/problem+json); programs compare their `reason`.

A command's id goes into `Idempotency-Key` (UUIDv7): the same id again returns the first result. \
`If-Match` with the ETag of an earlier answer refuses the command if the aggregate has changed \
since. `Flightmesh-Position` of an answer, sent with a query, makes the query wait until it sees \
what the answer told.
"""

_UUID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_UUID_V7: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
# Where a field stands in a path it is never empty.
_PATH_FORMS: Final[Mapping[str, Schema]] = {
    "aggregate_id": {"format": "uuid", "pattern": _UUID},
    "schedule": {"pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"},
}

_HEADER_NOTES: Final[Mapping[str, str]] = {
    "ETag": "Sequence of the aggregate, in quotes.",
    POSITION_HEADER: "Position token of the answer.",
}


def openapi_document(
    operations: Sequence[Operation],
    *,
    comments: Mapping[str, str],
    examples: Mapping[str, Any],
    version: str,
) -> dict[str, Any]:
    """The document.

    Args:
        operations: what the router serves.
        comments: full name → comment of each element of the .proto files.
        examples: field name → example value.
        version: version of the program.
    """
    book = SchemaBook(comments, examples)
    writer = _Writer(book)
    paths: dict[str, dict[str, Any]] = {}
    services: dict[str, str] = {}
    for operation in operations:
        binding = operation.binding
        service = binding.method.containing_service
        services[_tag(service.name)] = book.comment(service.full_name)
        path = paths.setdefault(path_of(binding.template), {})
        path[binding.http_method.lower()] = writer.operation(operation)
    headers, responses, schemas = problem_components()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Flightmesh",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in services.items()],
        "paths": paths,
        "components": {
            "schemas": {**book.schemas, **schemas},
            "parameters": _shared_parameters(),
            "headers": headers,
            "responses": responses,
        },
    }


def path_of(template: PathTemplate) -> str:
    """A template in OpenAPI's notation, which knows `{name}` only."""
    parts: list[str] = []
    at = 0
    starts = {variable.start: variable for variable in template.variables}
    while at < len(template.segments):
        variable = starts.get(at)
        if variable is None:
            parts.append(template.segments[at])
            at += 1
        else:
            parts.append("{" + variable.field + "}")
            at = len(template.segments) if variable.end is None else variable.end
    verb = f":{template.verb}" if template.verb else ""
    return "/" + "/".join(parts) + verb


def _tag(service: str) -> str:
    return service.removesuffix("Service")


@final
class _Writer:
    """Writes single operations; the schemas they need gather in the book."""

    def __init__(self, book: SchemaBook) -> None:
        self._book = book

    def operation(self, operation: Operation) -> dict[str, Any]:
        binding = operation.binding
        comment = self._book.comment(binding.method.full_name)
        body_field = binding.method.input_type.fields_by_name.get(binding.body)
        own = self._book.comment(body_field.full_name) if body_field is not None else ""
        document: dict[str, Any] = {
            "operationId": binding.operation,
            "tags": [_tag(binding.method.containing_service.name)],
            "summary": (own or comment.split(". ")[0]).rstrip("."),
            "description": comment,
            "parameters": self._parameters(operation),
            "responses": self._responses(operation),
            "x-grpc-method": binding.rpc,
        }
        if operation.reader.body is not None:
            media: dict[str, Any] = {"schema": self._book.reference(operation.reader.body)}
            in_path = {variable.field for variable in binding.template.variables}
            example = self._book.example(operation.reader.body)
            media["example"] = {
                name: value
                for name, value in example.items()
                if binding.body != WHOLE or name not in in_path
            }
            document["requestBody"] = {
                "description": "An empty body is an empty object.",
                "content": {"application/json": media},
            }
        return document

    def _parameters(self, operation: Operation) -> list[dict[str, Any]]:
        reader, binding = operation.reader, operation.binding
        found = []
        for variable in binding.template.variables:
            field = field_at(binding.method.input_type, variable.field.split("."))
            assert field is not None
            parameter = self._parameter(variable.field, field, "path")
            parameter["schema"] |= _PATH_FORMS.get(variable.field, {})
            found.append({**parameter, "required": True})
        for header, field in reader.headers.fields.items():
            parameter = self._parameter(header, field, "header")
            if header == "If-Match":
                # The header is an entity tag (RFC 9110), not the number itself.
                parameter["schema"] = {"type": "string", "pattern": r'^"\d+"$'}
                parameter["example"] = '"12"'
            elif header == "Idempotency-Key":
                parameter["schema"] = {"type": "string", "format": "uuid", "pattern": _UUID_V7}
            found.append(parameter)
        found += [
            self._parameter(name, field, "query") for name, field in reader.query.fields.items()
        ]
        if reader.takes_position:
            found.append({"$ref": "#/components/parameters/Position"})
        found.append({"$ref": "#/components/parameters/RequestTimeout"})
        found.append({"$ref": "#/components/parameters/RequestId"})
        return found

    def _parameter(self, name: str, field: FieldDescriptor, place: str) -> dict[str, Any]:
        schema = self._book.field(field)
        description = schema.pop("description", "")
        enum: EnumDescriptor | None = field.enum_type
        if enum is not None:
            description += " The name without its prefix is read too, in either case."
        parameter: dict[str, Any] = {"name": name, "in": place, "schema": schema}
        if description:
            parameter["description"] = description.strip()
        return parameter

    def _responses(self, operation: Operation) -> dict[str, Any]:
        names = [*operation.reply_headers, REQUEST_ID_HEADER]
        answer = {
            "description": "The answer.",
            "headers": {name: _header(name) for name in names},
            "content": {
                "application/json": {
                    "schema": self._book.reference(operation.binding.method.output_type)
                }
            },
        }
        variables = {variable.field for variable in operation.binding.template.variables}
        return {"200": answer, **problem_responses(operation.reader, variables)}


def _header(name: str) -> dict[str, Any]:
    if name == REQUEST_ID_HEADER:
        return {"$ref": "#/components/headers/RequestId"}
    return {"description": _HEADER_NOTES.get(name, ""), "schema": {"type": "string"}}


def _shared_parameters() -> dict[str, Schema]:
    text: Schema = {"type": "string"}
    return {
        "Position": {
            "name": POSITION_HEADER,
            "in": "header",
            "schema": text,
            "description": "Wait until the answer covers this position; as min_position.",
        },
        "RequestTimeout": {
            "name": TIMEOUT_HEADER,
            "in": "header",
            "schema": {"type": "string", "pattern": r"^(?=.*[1-9])\d{1,6}(\.\d{1,6})?$"},
            "description": "Seconds that the caller waits for the answer; more than 0.",
        },
        "RequestId": {
            "name": REQUEST_ID_HEADER,
            "in": "header",
            "schema": text,
            "description": "Id of the request, for logs; made by the gateway if absent.",
        },
    }
