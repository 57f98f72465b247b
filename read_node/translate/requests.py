"""Request messages to what the read node works with."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.errors import InvalidInput
from read_node.finding_lists import Kind
from read_node.selection import LegFilter, Window

DEFAULT_PAGE = 100
MAX_PAGE = 1_000
MAX_LEGS_PAGE = 10_000


def page_size(asked: int, most: int = MAX_PAGE) -> int:
    """Items per page: the default for 0, never more than `most`."""
    return min(asked or DEFAULT_PAGE, most)


def kinds(asked: Any) -> list[Kind]:
    """Kinds of findings asked for, all if none is named; ascending.

    Raises:
        InvalidInput: a number that is no kind.
    """
    numbers = set(asked)
    if not numbers or pb.FINDING_KIND_UNSPECIFIED in numbers:
        return list(Kind)
    try:
        return sorted(Kind(number) for number in numbers)
    except ValueError as error:
        raise InvalidInput("kind", str(error)) from error


def window(request: Any) -> Window:
    """The window of a request's fields `from` and `to`."""
    start = getattr(request, "from") if request.HasField("from") else None
    end = request.to if request.HasField("to") else None
    return Window(
        None if start is None else start.seconds // 60,
        None if end is None else _minute_not_before(end),
    )


def _minute_not_before(instant: Timestamp) -> int:
    # Legs begin at whole minutes: before 10:00:30 is the same as before 10:01.
    return -(-(instant.seconds + (instant.nanos > 0)) // 60)


def leg_filter(request: pb.ListLegsRequest) -> LegFilter:
    """The filters of a request for legs."""
    return LegFilter(
        rotation_id=request.rotation_id,
        airplane=request.airplane,
        airport=request.airport,
        carrier=request.carrier,
        flight_number=request.flight_number,
        day_of_origin=request.day_of_origin,
        window=window(request),
    )
