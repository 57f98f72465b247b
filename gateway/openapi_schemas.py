"""JSON schemas of message types, as the JSON codec reads and writes them. Pure."""

from collections.abc import Mapping
from typing import Any, Final, final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from flightmesh.errors import ConfigurationError
from flightmesh.rpc.json_types import INT64, TIMESTAMP, is_map
from gateway.parameters import INTERNAL_FIELDS

Schema = dict[str, Any]

_UNSIGNED: Final = (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)


@final
class SchemaBook:
    """The schemas of all messages and enums that were asked for, each once.

    Args:
        comments: full name → comment of each element of the .proto files.
        examples: field name → example value.
    """

    def __init__(self, comments: Mapping[str, str], examples: Mapping[str, Any]) -> None:
        self._comments = comments
        self._examples = examples
        self._schemas: dict[str, Schema] = {}
        self._owners: dict[str, str] = {}

    @property
    def schemas(self) -> dict[str, Schema]:
        """The schemas by name, for `components`."""
        return {name: self._schemas[name] for name in sorted(self._schemas)}

    def comment(self, full_name: str) -> str:
        """The comment of an element; empty if it has none."""
        return self._comments.get(full_name, "")

    def reference(self, described: Descriptor | EnumDescriptor) -> Schema:
        """A reference to the schema of a message or enum, which is added with all it needs."""
        name = described.name
        if self._owners.setdefault(name, described.full_name) != described.full_name:
            raise ConfigurationError(f"two API types are called {name}")
        if name not in self._schemas:
            self._schemas[name] = {}  # its place, while the fields are looked at
            schema = (
                self._enum(described)
                if isinstance(described, EnumDescriptor)
                else self._object(described)
            )
            self._schemas[name] = self._described(schema, described.full_name)
        return {"$ref": f"#/components/schemas/{name}"}

    def field(self, field: FieldDescriptor) -> Schema:
        """The schema of a field with its description."""
        if is_map(field):
            assert field.message_type is not None
            value = self._single(field.message_type.fields_by_name["value"])
            schema: Schema = {"type": "object", "additionalProperties": value}
        elif field.is_repeated:
            schema = {"type": "array", "items": self._single(field)}
        else:
            schema = self._single(field)
        return self._described(schema, field.full_name)

    def example(self, message: Descriptor) -> dict[str, Any]:
        """An example of a message: its flags, and the fields that have an example value."""
        example: dict[str, Any] = {}
        for field in message.fields:
            if field.type == FieldDescriptor.TYPE_BOOL:
                value: Any = True
            elif field.name in self._examples:
                value = self._examples[field.name]
            elif field.message_type is None or field.message_type.full_name == TIMESTAMP:
                continue
            else:
                value = self.example(field.message_type)
            if value != {}:
                example[field.name] = [value] if field.is_repeated else value
        return example

    def _described(self, schema: Schema, full_name: str) -> Schema:
        comment = self.comment(full_name)
        return {**schema, "description": comment} if comment else schema

    def _object(self, message: Descriptor) -> Schema:
        fields = [field for field in message.fields if field.name not in INTERNAL_FIELDS]
        schema: Schema = {"type": "object"}
        if fields:
            schema["properties"] = {field.name: self.field(field) for field in fields}
        return schema

    def _enum(self, enum: EnumDescriptor) -> Schema:
        return {"type": "string", "enum": [value.name for value in enum.values]}

    def _single(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            if field.message_type.full_name == TIMESTAMP:
                return {"type": "string", "format": "date-time"}
            return self.reference(field.message_type)
        if field.enum_type is not None:
            return self.reference(field.enum_type)
        return _plain(field)


def _plain(field: FieldDescriptor) -> Schema:
    kind = field.type
    unsigned = field.cpp_type in _UNSIGNED
    if kind == FieldDescriptor.TYPE_STRING:
        return {"type": "string"}
    if kind == FieldDescriptor.TYPE_BOOL:
        return {"type": "boolean"}
    if kind == FieldDescriptor.TYPE_BYTES:
        return {"type": "string", "contentEncoding": "base64"}
    if kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return {"type": "number"}
    if kind in INT64:
        # Protobuf JSON: 64-bit integers are strings, since many readers round JSON numbers.
        return {
            "type": "string",
            "format": "uint64" if unsigned else "int64",
            "pattern": r"^\d+$" if unsigned else r"^-?\d+$",
        }
    if unsigned:
        return {"type": "integer", "minimum": 0, "maximum": (1 << 32) - 1}
    return {"type": "integer", "format": "int32"}
