"""From an HTTP request to a request message's fields, and from a reply to headers. Pure."""

from collections.abc import Sequence
from typing import Any, Final, final

from google.protobuf.descriptor import Descriptor

from flightmesh.api.common.v1 import options_pb2
from flightmesh.api.read.v1 import query_service_pb2
from flightmesh.errors import InvalidInput
from flightmesh.rpc.json_codec import Tree, decode_tree
from flightmesh.rpc.json_reading import Mismatch
from gateway.bindings import WHOLE, Binding, field_at
from gateway.parameters import (
    INTERNAL_FIELDS,
    HeaderOf,
    HeaderParameters,
    QueryParameters,
    header_options,
    set_at,
    text_reader,
)

_QUERY_RESULT: Final[Any] = query_service_pb2.QueryResult.DESCRIPTOR
POSITION_HEADER: Final[str] = {
    field.name: header
    for field, header in header_options(_QUERY_RESULT, options_pb2.response_header)
}["position"]
"""Header of replies that carries their position; on requests, it sets `MIN_POSITION`."""

MIN_POSITION: Final = "min_position"
"""Request field with the position to wait for."""

Headers = list[tuple[str, str]]


@final
class RequestReader:
    """Reads the requests of one binding.

    Attributes:
        query: parameters that the query string may hold.
        headers: fields that headers carry.
        body: type of the HTTP body; None if the binding takes none.
        takes_position: whether the request can wait for a position.
    """

    def __init__(self, binding: Binding) -> None:
        request = binding.method.input_type
        self._body_field = binding.body
        self.body: Descriptor | None = None
        if binding.body == WHOLE:
            self.body = request
        elif binding.body:
            self.body = request.fields_by_name[binding.body].message_type
        self._variables = []
        for variable in binding.template.variables:
            path = tuple(variable.field.split("."))
            field = field_at(request, path)
            assert field is not None
            self._variables.append((variable.field, path, text_reader(field)))
        self.query = QueryParameters(request, self._taken(request))
        self.headers = HeaderParameters(request)
        self.takes_position = MIN_POSITION in request.fields_by_name
        self._position_key = POSITION_HEADER.lower()

    def _taken(self, request: Descriptor) -> frozenset[str]:
        """Top-level fields that the query string cannot hold."""
        if self._body_field == WHOLE:
            return frozenset(request.fields_by_name)
        taken = {path[0] for _, path, _ in self._variables}
        # Where a body chooses one of several fields, a parameter cannot choose another.
        choices = [oneof.fields for oneof in request.oneofs if len(oneof.fields) > 1]
        taken |= {field.name for fields in choices for field in fields}
        return frozenset(taken | {self._body_field})

    def read(
        self, texts: Sequence[str], query_string: str, header_of: HeaderOf, body: bytes
    ) -> Tree:
        """The constructor arguments of the request message.

        Args:
            texts: the path's variables, in the order of the template.
            query_string: the query string, as sent.
            header_of: gives a header by its lower-case name.
            body: the HTTP body; an empty one is an empty message.

        Raises:
            InvalidInput: something does not fit the request message; names it.
        """
        tree: Tree = {}
        if self.body is not None:
            content = decode_tree(body, self.body) if body else {}
            if self._body_field == WHOLE:
                tree = self._whole(content)
            else:
                tree[self._body_field] = content
        if query_string:
            self.query.read(query_string, tree)
        self.headers.read(header_of, tree)
        if self.takes_position and MIN_POSITION not in tree:
            position = header_of(self._position_key)
            if position:
                tree[MIN_POSITION] = position
        for (name, path, read), text in zip(self._variables, texts, strict=True):
            try:
                set_at(tree, path, read(text))
            except Mismatch as mismatch:
                raise InvalidInput(name, mismatch.why) from None
        return tree

    def _whole(self, content: Tree) -> Tree:
        for name, path, _ in self._variables:
            if path[0] in content:
                raise InvalidInput(name, "is given by the path")
        for name in INTERNAL_FIELDS & content.keys():
            raise InvalidInput(name, "is not known here")
        return content


@final
class ReplyHeaders:
    """The headers that repeat fields of a reply, by the option response_header.

    Attributes:
        names: headers, as the option writes them.
    """

    def __init__(self, reply: Descriptor) -> None:
        fields = list(header_options(reply, options_pb2.response_header))
        self.names = [header for _, header in fields]
        self._entries = [(field.name, header.lower(), header == "ETag") for field, header in fields]

    def of(self, reply: Any) -> Headers:
        """The headers of a reply; an ETag is quoted, and an empty text gives no header."""
        headers: Headers = []
        for name, header, is_tag in self._entries:
            value = getattr(reply, name)
            if is_tag:
                headers.append((header, f'"{value}"'))
            elif value != "":
                headers.append((header, str(value)))
        return headers
