"""Batches of queries and their results, written as bytes without building the messages.

A result of a hundred findings is some ten kilobytes; putting it into a message and serializing that
would copy it twice for nothing.
"""

from typing import NamedTuple

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.errors import InvalidInput
from read_node.translate.wire import varint

MAX_QUERIES = 1_000

# Tags of the fields, each length-delimited (wire type 2): number << 3 | 2.
_RESULT = b"\x0a"  # QueryBatchResponse.results and QueryStreamResponse.results, 1
_REPLY = b"\x0a"  # QueryResult.reply, 1
_ERROR = b"\x12"  # QueryResult.error, 2
_POSITION = b"\x1a"  # QueryResult.position, 3


class QueryBatch(NamedTuple):
    """What came in.

    Attributes:
        queries: the queries.
        as_json: whether JSON is asked for.
        max_wait_s: longest wait for positions, of all queries together; None if not said.
    """

    queries: list[pb.Query]
    as_json: bool = False
    max_wait_s: float | None = None


def read_batch(data: bytes, message_type: type) -> QueryBatch:
    """A batch from its serialized message.

    Raises:
        InvalidInput: it cannot be read, or is too long.
    """
    try:
        request: pb.QueryBatchRequest = message_type.FromString(data)  # type: ignore[attr-defined]
    except Exception as error:
        raise InvalidInput("", "the request cannot be read") from error
    if len(request.queries) > MAX_QUERIES:
        raise InvalidInput("queries", f"more than {MAX_QUERIES} queries")
    as_json = request.reply_format == pb.REPLY_FORMAT_JSON
    max_wait_s = request.max_wait_ms / 1000 or None
    return QueryBatch(list(request.queries), as_json, max_wait_s)


def write_result(reply: bytes, position: bytes, failed: bool = False) -> list[bytes]:
    """Parts of one result.

    Args:
        reply: the serialized response, or the serialized google.rpc.Status of an error.
        position: position token.
        failed: whether reply is an error.
    """
    head = (_ERROR if failed else _REPLY) + varint(len(reply))
    tail = _POSITION + varint(len(position)) + position if position else b""
    size = len(head) + len(reply) + len(tail)
    return [_RESULT + varint(size) + head, reply, tail]
