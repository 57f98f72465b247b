"""A scripted mesh: every public service on one real gRPC server, with answers that a test sets.

The servicers are synchronous, on threads: the clients under test bring event loops of their own.
"""
# ruff: noqa: N802 - gRPC names the methods

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as mesh_pb
from flightmesh.api.coordinator.v1 import shard_map_service_pb2_grpc as mesh_grpc
from flightmesh.api.loading.v1 import loading_service_pb2 as loading_pb
from flightmesh.api.loading.v1 import loading_service_pb2_grpc as loading_grpc
from flightmesh.api.read.v1 import query_service_pb2 as query_pb
from flightmesh.api.read.v1 import query_service_pb2_grpc as query_grpc
from flightmesh.api.schedule.v1 import types_pb2
from flightmesh.api.shard.v1 import aggregate_service_pb2 as aggregate_pb
from flightmesh.api.shard.v1 import aggregate_service_pb2_grpc as aggregate_grpc
from flightmesh.api.shard.v1 import command_service_pb2 as command_pb
from flightmesh.api.shard.v1 import command_service_pb2_grpc as command_grpc
from flightmesh.errors import FlightmeshError, Refused
from flightmesh.rpc.errors import status_of

SHARDS = 8
AIRPLANE = "00000000-0000-4000-8000-0000000000ab"


def timestamp(seconds: int) -> Timestamp:
    return Timestamp(seconds=seconds)


def placed_leg(number: int) -> query_pb.PlacedLeg:
    start = 1_118_793_000 + number * 3600
    return query_pb.PlacedLeg(
        leg=types_pb2.Leg(
            leg_id=f"leg-{number:06d}",
            carrier="XX",
            flight_number=100 + number % 900,
            day_of_origin="2005-06-14",
            departure_airport="MRS",
            arrival_airport="ORY",
            departure_time=timestamp(start),
            arrival_time=timestamp(start + 4800),
            aircraft_type="733",
        ),
        rotation_id="rotation-1",
        registration="F-ABCD",
    )


class ScriptedMesh:
    """What the servers say, and what they were asked."""

    def __init__(self) -> None:
        self.address = ""
        self.calls: dict[str, list[Any]] = defaultdict(list)
        self.failures: dict[str, list[FlightmeshError]] = defaultdict(list)
        self.sequences: dict[str, int] = defaultdict(int)
        self.position = "7:1"
        self.legs = [placed_leg(number) for number in range(3)]
        self.rotations = ["rotation-1"]
        self.owned_rotations = ["rotation-1"]
        self.owned_schedules: list[str] = []
        self.removed_rotations: list[str] = []
        self.rotation_legs: list[types_pb2.Leg] = []
        self.findings: list[query_pb.Finding] = []
        self.totals = query_pb.FindingTotals()
        self.summaries: list[query_pb.ScheduleSummary] = []
        self.report = loading_pb.ImportReport()
        self.report_may_come = threading.Event()
        self.report_may_come.set()
        self.import_came = threading.Event()
        self.progress: list[loading_pb.ImportProgress] = []
        self.export_pieces = [b"line 1\n", b"line 2\n"]
        self.records: list[aggregate_pb.HistoryRecord] = []
        self.assignments: list[mesh_pb.ShardAssignment] | None = None
        self.nodes: list[mesh_pb.Node] = []
        self.serving = True
        self.execute: Callable[[command_pb.ExecuteRequest], command_pb.ExecuteResult] = self.accept
        self.watching = threading.Event()
        self.stopped = threading.Event()

    def accept(self, request: command_pb.ExecuteRequest) -> command_pb.ExecuteResult:
        response = command_pb.ExecuteResponse(
            aggregate_id=request.aggregate_id or "made-up",
            sequence=1,
            position=self.position,
            command_id=request.command_id,
        )
        return command_pb.ExecuteResult(response=response)

    def count(self, request: command_pb.ExecuteRequest) -> command_pb.ExecuteResult:
        """Accepts everything; each aggregate's sequence counts its commands."""
        self.sequences[request.aggregate_id] += 1
        result = self.accept(request)
        result.response.sequence = self.sequences[request.aggregate_id]
        result.response.events.add(sequence=result.response.sequence)
        return result

    def note(self, name: str, request: Any, context: Any) -> None:
        self.calls[name].append(request)
        if self.failures[name]:
            abort(context, self.failures[name].pop(0))

    def shard_map(self) -> mesh_pb.GetShardMapResponse:
        rows = self.assignments
        if rows is None:
            rows = [
                mesh_pb.ShardAssignment(
                    shard=shard,
                    epoch=1,
                    session=7,
                    node="shard-node-1",
                    address=self.address,
                    state=mesh_pb.SHARD_STATE_ACTIVE,
                )
                for shard in range(SHARDS)
            ]
        return mesh_pb.GetShardMapResponse(shard_count=SHARDS, revision=1, assignments=rows)


def abort(context: Any, error: FlightmeshError) -> None:
    status = status_of(error)
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, status.message)


class _Commands(command_grpc.CommandServiceServicer):
    def __init__(self, script: ScriptedMesh) -> None:
        self._script = script

    def Execute(self, request: Any, context: Any) -> Any:
        self._script.note("Execute", request, context)
        result = self._script.execute(request)
        if result.HasField("error"):
            raise AssertionError("script an error with failures")
        return result.response

    def ExecuteBatch(self, request: Any, context: Any) -> Any:
        self._script.note("ExecuteBatch", request, context)
        results = [self._script.execute(item) for item in request.requests]
        return command_pb.ExecuteBatchResponse(results=results)

    def ExecuteStream(self, request_iterator: Any, context: Any) -> Any:
        for request in request_iterator:
            self._script.note("ExecuteStream", request, context)
            results = [self._script.execute(item) for item in request.requests]
            yield command_pb.ExecuteStreamResponse(results=results)


class _Aggregates(aggregate_grpc.AggregateServiceServicer):
    def __init__(self, script: ScriptedMesh) -> None:
        self._script = script

    def GetRotation(self, request: Any, context: Any) -> Any:
        self._script.note("GetRotation", request, context)
        if request.aggregate_id in self._script.removed_rotations:
            abort(context, Refused("ROTATION_REMOVED", "the rotation was removed"))
        return aggregate_pb.GetRotationResponse(
            aggregate_id=request.aggregate_id,
            sequence=4,
            name="line 1",
            legs=self._script.rotation_legs,
        )

    def GetAirplane(self, request: Any, context: Any) -> Any:
        self._script.note("GetAirplane", request, context)
        return aggregate_pb.GetAirplaneResponse(registration="F-ABCD")

    def ListAggregates(self, request: Any, context: Any) -> Any:
        self._script.note("ListAggregates", request, context)
        ids = self._script.owned_rotations if request.aggregate_type == "rotation" else []
        if not request.schedule:
            names = [] if request.shard else self._script.owned_schedules
            return aggregate_pb.ListAggregatesResponse(aggregate_ids=names, schedules=names)
        return aggregate_pb.ListAggregatesResponse(
            aggregate_ids=[each for n, each in enumerate(ids) if n % SHARDS == request.shard]
        )

    def GetScheduleState(self, request: Any, context: Any) -> Any:
        self._script.note("GetScheduleState", request, context)
        return aggregate_pb.GetScheduleStateResponse(schedule=request.schedule, exists=True)

    def ListHistory(self, request: Any, context: Any) -> Any:
        self._script.note("ListHistory", request, context)
        records, token = page(self._script.records, request)
        return aggregate_pb.ListHistoryResponse(records=records, next_page_token=token)


class _Queries(query_grpc.QueryServiceServicer):
    def __init__(self, script: ScriptedMesh) -> None:
        self._script = script

    def ListSchedules(self, request: Any, context: Any) -> Any:
        self._script.note("ListSchedules", request, context)
        return query_pb.ListSchedulesResponse(
            position=self._script.position, schedules=self._script.summaries
        )

    def GetSchedule(self, request: Any, context: Any) -> Any:
        self._script.note("GetSchedule", request, context)
        found = [item for item in self._script.summaries if item.schedule == request.schedule]
        return query_pb.GetScheduleResponse(position=self._script.position, schedule=found[0])

    def ListFindings(self, request: Any, context: Any) -> Any:
        self._script.note("ListFindings", request, context)
        findings, token = page(self._script.findings, request)
        return query_pb.ListFindingsResponse(
            position=self._script.position,
            totals=self._script.totals,
            findings=findings,
            next_page_token=token,
        )

    def ListLegs(self, request: Any, context: Any) -> Any:
        self._script.note("ListLegs", request, context)
        legs, token = page(self._script.legs, request)
        return query_pb.ListLegsResponse(
            position=self._script.position,
            total=len(self._script.legs),
            legs=legs,
            next_page_token=token,
        )

    def QueryStream(self, request_iterator: Any, context: Any) -> Any:
        for request in request_iterator:
            self._script.note("QueryStream", request, context)
            answers = [self.ListFindings(item.list_findings, context) for item in request.queries]
            results = [query_pb.QueryResult(reply=answer.SerializeToString()) for answer in answers]
            yield query_pb.QueryStreamResponse(results=results)

    def ListRotations(self, request: Any, context: Any) -> Any:
        self._script.note("ListRotations", request, context)
        rotations = [
            query_pb.RotationSummary(rotation_id=each, name="line 1", legs=2)
            for each in self._script.rotations
        ]
        return query_pb.ListRotationsResponse(total=len(rotations), rotations=rotations)

    def ListAirplanes(self, request: Any, context: Any) -> Any:
        self._script.note("ListAirplanes", request, context)
        airplane = query_pb.AirplaneSummary(
            airplane_id=AIRPLANE, registration="F-ABCD", registered=True
        )
        return query_pb.ListAirplanesResponse(total=1, airplanes=[airplane])

    def ListAirports(self, request: Any, context: Any) -> Any:
        self._script.note("ListAirports", request, context)
        return query_pb.ListAirportsResponse()


class _Map(mesh_grpc.ShardMapServiceServicer):
    def __init__(self, script: ScriptedMesh) -> None:
        self._script = script

    def GetShardMap(self, request: Any, context: Any) -> Any:
        self._script.note("GetShardMap", request, context)
        answer = self._script.shard_map()
        if request.with_last_sequences:
            # Shard 0 is under way, in the others nothing has happened yet.
            for row in answer.assignments[1:]:
                row.last_sequence = 0
        return answer

    def WatchShardMap(self, request: Any, context: Any) -> Any:
        self._script.note("WatchShardMap", request, context)
        now = self._script.shard_map()
        yield mesh_pb.WatchShardMapResponse(
            shard_count=now.shard_count, revision=now.revision, assignments=now.assignments
        )
        self._script.watching.set()
        context.add_callback(self._script.stopped.set)
        self._script.stopped.wait(5)

    def ListNodes(self, request: Any, context: Any) -> Any:
        self._script.note("ListNodes", request, context)
        return mesh_pb.ListNodesResponse(nodes=self._script.nodes)


class _Operator(mesh_grpc.OperatorServiceServicer):
    def __init__(self, script: ScriptedMesh) -> None:
        self._script = script

    def MoveShard(self, request: Any, context: Any) -> Any:
        self._script.note("MoveShard", request, context)
        return mesh_pb.MoveShardResponse(epoch=3)

    def DrainNode(self, request: Any, context: Any) -> Any:
        self._script.note("DrainNode", request, context)
        # One less with each time it is asked.
        return mesh_pb.DrainNodeResponse(
            shards_left=max(0, 5 - len(self._script.calls["DrainNode"]))
        )

    def UndrainNode(self, request: Any, context: Any) -> Any:
        self._script.note("UndrainNode", request, context)
        return mesh_pb.UndrainNodeResponse(was_draining=request.node == "n1")

    def Rebalance(self, request: Any, context: Any) -> Any:
        self._script.note("Rebalance", request, context)
        move = mesh_pb.PlannedMove(shard=5, from_node="n1", to_node="n2")
        asked = len(self._script.calls["Rebalance"])
        moves = [move] if asked == 1 else []
        return mesh_pb.RebalanceResponse(moves=moves, under_way=int(asked < 4), at_once=3)


class _Loading(loading_grpc.LoadingServiceServicer):
    def __init__(self, script: ScriptedMesh) -> None:
        self._script = script

    def ImportFile(self, request_iterator: Any, context: Any) -> Any:
        pieces = list(request_iterator)
        self._script.note("ImportFile", pieces, context)
        self._script.import_came.set()
        for progress in self._script.progress:
            yield loading_pb.ImportFileResponse(progress=progress)
        self._script.report_may_come.wait(5)
        report = loading_pb.ImportReport()
        report.CopyFrom(self._script.report)
        report.dry_run = pieces[0].options.dry_run
        yield loading_pb.ImportFileResponse(report=report)

    def ExportFile(self, request: Any, context: Any) -> Any:
        for piece in self._script.export_pieces:
            yield loading_pb.ExportFileResponse(data=piece)
        self._script.note("ExportFile", request, context)


class _Health(health_pb2_grpc.HealthServicer):
    def __init__(self, script: ScriptedMesh) -> None:
        self._script = script

    def Check(self, request: Any, context: Any) -> Any:
        status = health_pb2.HealthCheckResponse
        return status(status=status.SERVING if self._script.serving else status.NOT_SERVING)


def page(items: list[Any], request: Any) -> tuple[list[Any], str]:
    start = int(request.page_token or 0)
    end = start + (request.page_size or 100)
    return items[start:end], str(end) if end < len(items) else ""


@pytest.fixture
def scripted() -> Iterator[ScriptedMesh]:
    script = ScriptedMesh()
    server = grpc.server(ThreadPoolExecutor(16), options=(("grpc.so_reuseport", 0),))
    command_grpc.add_CommandServiceServicer_to_server(_Commands(script), server)
    aggregate_grpc.add_AggregateServiceServicer_to_server(_Aggregates(script), server)
    query_grpc.add_QueryServiceServicer_to_server(_Queries(script), server)
    mesh_grpc.add_ShardMapServiceServicer_to_server(_Map(script), server)
    mesh_grpc.add_OperatorServiceServicer_to_server(_Operator(script), server)
    loading_grpc.add_LoadingServiceServicer_to_server(_Loading(script), server)
    health_pb2_grpc.add_HealthServicer_to_server(_Health(script), server)
    script.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield script
    script.stopped.set()
    script.report_may_come.set()
    server.stop(0).wait()


@pytest.fixture
def placed() -> Callable[[int], list[query_pb.PlacedLeg]]:
    """Makes that many legs, in order."""
    return lambda count: [placed_leg(number) for number in range(count)]
