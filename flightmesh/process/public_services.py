"""The public gRPC services, and which kind of process answers each."""

from dataclasses import dataclass
from typing import Final

from google.protobuf.descriptor import ServiceDescriptor

from flightmesh.api.coordinator.v1 import shard_map_service_pb2
from flightmesh.api.loading.v1 import loading_service_pb2
from flightmesh.api.read.v1 import query_service_pb2
from flightmesh.api.shard.v1 import aggregate_service_pb2, command_service_pb2
from flightmesh.sharding.shard_map import NodeRole


@dataclass(frozen=True, slots=True, eq=False)
class PublicService:
    """A service that every process takes calls of.

    Attributes:
        descriptor: its description in the protos.
        role: kind of process that answers it.
        repeats: whether a call may be made again at another process of that kind when one does
            not answer. Commands may not: they need not carry an id.
    """

    descriptor: ServiceDescriptor
    role: NodeRole
    repeats: bool


COMMANDS: Final = PublicService(
    command_service_pb2.DESCRIPTOR.services_by_name["CommandService"], NodeRole.SHARD_NODE, False
)
AGGREGATES: Final = PublicService(
    aggregate_service_pb2.DESCRIPTOR.services_by_name["AggregateService"],
    NodeRole.SHARD_NODE,
    True,
)
QUERIES: Final = PublicService(
    query_service_pb2.DESCRIPTOR.services_by_name["QueryService"], NodeRole.READ_NODE, True
)
LOADING: Final = PublicService(
    loading_service_pb2.DESCRIPTOR.services_by_name["LoadingService"], NodeRole.GATEWAY, False
)
# A coordinator that does not lead passes on to the leader, or says that there is none.
OPERATORS: Final = PublicService(
    shard_map_service_pb2.DESCRIPTOR.services_by_name["OperatorService"],
    NodeRole.COORDINATOR,
    True,
)
ALL: Final = (COMMANDS, AGGREGATES, QUERIES, LOADING, OPERATORS)
"""Without ShardMapService, which every process answers from its own copy of the map."""
