"""LegAdded, read with its instants as bytes.

Reaching into a nested Timestamp costs as much as reading six plain fields, and every replayed leg
has two. So payloads are read by a message type of our own that differs from the public one in this
alone: the instants are declared as bytes, which on the wire is the same thing. An instant's minute
is then looked up: the legs of a schedule share few of them.
"""

from typing import Any, Final, final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.timestamp_pb2 import Timestamp

from flightmesh.api.schedule.v1 import types_pb2

_PACKAGE: Final = "flightmesh.read_node.flat.v1"
_INSTANTS: Final = ("departure_time", "arrival_time")
_MOST_MINUTES: Final = 1 << 16


def _flat_leg_added() -> Any:
    """A class for serialized LegAdded messages whose `leg` has its instants as bytes."""
    leg = descriptor_pb2.DescriptorProto()
    types_pb2.Leg.DESCRIPTOR.CopyToProto(leg)
    for field in leg.field:
        if field.name in _INSTANTS:
            field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")
    file = descriptor_pb2.FileDescriptorProto(
        name="flightmesh/read_node/flat.proto", package=_PACKAGE, syntax="proto3"
    )
    file.message_type.append(leg)
    file.message_type.add(name="LegAdded").field.add(
        name="leg",
        number=1,
        type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
        label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        type_name=f".{_PACKAGE}.Leg",
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.LegAdded"))


@final
class Minutes(dict[bytes, int]):
    """Minutes since 1970 UTC by serialized Timestamp, read when first asked for."""

    def __missing__(self, raw: bytes) -> int:
        if len(self) >= _MOST_MINUTES:
            self.clear()
        minute = self[raw] = Timestamp.FromString(raw).seconds // 60
        return minute


FlatLegAdded: Final = _flat_leg_added()
