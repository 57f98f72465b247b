"""The rpcs that clients call, typed: path, request and response of each.

The generated stubs carry no types, so a method is named here once with both of its messages.
"""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as shard_map
from flightmesh.api.loading.v1 import loading_service_pb2 as loading
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate
from flightmesh.api.shard.v1 import command_service_pb2 as command

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)

_COMMAND: Final = "/flightmesh.api.shard.v1.CommandService/"
_AGGREGATE: Final = "/flightmesh.api.shard.v1.AggregateService/"
_QUERY: Final = "/flightmesh.api.read.v1.QueryService/"
_MAP: Final = "/flightmesh.api.coordinator.v1.ShardMapService/"
_OPERATOR: Final = "/flightmesh.api.coordinator.v1.OperatorService/"
_LOADING: Final = "/flightmesh.api.loading.v1.LoadingService/"


@dataclass(frozen=True, slots=True)
class Method(Generic[Request, Response]):
    """One rpc.

    Attributes:
        path: `/package.Service/Method`.
        request: class of the request message.
        response: class of the response message.
    """

    path: str
    request: type[Request]
    response: type[Response]

    @property
    def name(self) -> str:
        """Name of the rpc without its service."""
        return self.path.rpartition("/")[2]


EXECUTE: Final = Method(_COMMAND + "Execute", command.ExecuteRequest, command.ExecuteResponse)
EXECUTE_BATCH: Final = Method(
    _COMMAND + "ExecuteBatch", command.ExecuteBatchRequest, command.ExecuteBatchResponse
)
EXECUTE_STREAM: Final = Method(
    _COMMAND + "ExecuteStream", command.ExecuteStreamRequest, command.ExecuteStreamResponse
)

GET_ROTATION: Final = Method(
    _AGGREGATE + "GetRotation", aggregate.GetRotationRequest, aggregate.GetRotationResponse
)
GET_AIRPLANE: Final = Method(
    _AGGREGATE + "GetAirplane", aggregate.GetAirplaneRequest, aggregate.GetAirplaneResponse
)
GET_AIRPORT: Final = Method(
    _AGGREGATE + "GetAirport", aggregate.GetAirportRequest, aggregate.GetAirportResponse
)
GET_SCHEDULE_STATE: Final = Method(
    _AGGREGATE + "GetScheduleState",
    aggregate.GetScheduleStateRequest,
    aggregate.GetScheduleStateResponse,
)
LIST_HISTORY: Final = Method(
    _AGGREGATE + "ListHistory", aggregate.ListHistoryRequest, aggregate.ListHistoryResponse
)
LIST_AGGREGATES: Final = Method(
    _AGGREGATE + "ListAggregates", aggregate.ListAggregatesRequest, aggregate.ListAggregatesResponse
)

LIST_SCHEDULES: Final = Method(
    _QUERY + "ListSchedules", query.ListSchedulesRequest, query.ListSchedulesResponse
)
GET_SCHEDULE: Final = Method(
    _QUERY + "GetSchedule", query.GetScheduleRequest, query.GetScheduleResponse
)
LIST_FINDINGS: Final = Method(
    _QUERY + "ListFindings", query.ListFindingsRequest, query.ListFindingsResponse
)
LIST_LEGS: Final = Method(_QUERY + "ListLegs", query.ListLegsRequest, query.ListLegsResponse)
LIST_ROTATIONS: Final = Method(
    _QUERY + "ListRotations", query.ListRotationsRequest, query.ListRotationsResponse
)
LIST_AIRPLANES: Final = Method(
    _QUERY + "ListAirplanes", query.ListAirplanesRequest, query.ListAirplanesResponse
)
LIST_AIRPORTS: Final = Method(
    _QUERY + "ListAirports", query.ListAirportsRequest, query.ListAirportsResponse
)

GET_SHARD_MAP: Final = Method(
    _MAP + "GetShardMap", shard_map.GetShardMapRequest, shard_map.GetShardMapResponse
)
WATCH_SHARD_MAP: Final = Method(
    _MAP + "WatchShardMap", shard_map.WatchShardMapRequest, shard_map.WatchShardMapResponse
)
LIST_NODES: Final = Method(
    _MAP + "ListNodes", shard_map.ListNodesRequest, shard_map.ListNodesResponse
)
MOVE_SHARD: Final = Method(
    _OPERATOR + "MoveShard", shard_map.MoveShardRequest, shard_map.MoveShardResponse
)
DRAIN_NODE: Final = Method(
    _OPERATOR + "DrainNode", shard_map.DrainNodeRequest, shard_map.DrainNodeResponse
)
UNDRAIN_NODE: Final = Method(
    _OPERATOR + "UndrainNode", shard_map.UndrainNodeRequest, shard_map.UndrainNodeResponse
)
REBALANCE: Final = Method(
    _OPERATOR + "Rebalance", shard_map.RebalanceRequest, shard_map.RebalanceResponse
)

IMPORT_FILE: Final = Method(
    _LOADING + "ImportFile", loading.ImportFileRequest, loading.ImportFileResponse
)
EXPORT_FILE: Final = Method(
    _LOADING + "ExportFile", loading.ExportFileRequest, loading.ExportFileResponse
)

CHECK_HEALTH: Final = Method(
    "/grpc.health.v1.Health/Check",
    health_pb2.HealthCheckRequest,
    health_pb2.HealthCheckResponse,
)
