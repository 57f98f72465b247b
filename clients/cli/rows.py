"""What the command line shows of each thing: plain dictionaries, for JSON and for tables. Pure.

The keys are part of the command line's interface: others read them.
"""

import datetime as dt
import functools
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from flightmesh.api.coordinator.v1 import shard_map_service_pb2 as mesh
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.api.shard.v1.aggregate_service_pb2 import HistoryRecord

_DAY_S: Final = 86_400
_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()

LEG_COLUMNS: Final = (
    "carrier",
    "flight_number",
    "suffix",
    "day_of_origin",
    "departure_airport",
    "arrival_airport",
    "departure_utc",
    "arrival_utc",
    "aircraft_type",
    "rotation_id",
    "registration",
    "leg_id",
)
TOTALS: Final = (
    "continuity",
    "ground_time",
    "designator",
    "airplane_overlap",
    "aircraft_type",
    "unknown_airplane",
)


@functools.lru_cache(maxsize=4096)
def _date_text(day: int) -> str:
    return dt.date.fromordinal(_EPOCH_ORDINAL + day).isoformat()


def minute_text(instant: Timestamp) -> str:
    """An instant to the minute, for example `2005-06-14T23:50Z`."""
    day, second = divmod(instant.seconds, _DAY_S)
    return f"{_date_text(day)}T{second // 3600:02d}:{second // 60 % 60:02d}Z"


def instant_text(instant: Timestamp) -> str:
    """An instant to the millisecond, for example `2005-06-14T23:50:07.125Z`."""
    second = instant.seconds % 60
    return f"{minute_text(instant)[:-1]}:{second:02d}.{instant.nanos // 1_000_000:03d}Z"


def leg_row(placed: query.PlacedLeg) -> dict[str, Any]:
    """A leg with its place, keys as LEG_COLUMNS."""
    leg = placed.leg
    return {
        "carrier": leg.carrier,
        "flight_number": leg.flight_number,
        "suffix": leg.suffix,
        "day_of_origin": leg.day_of_origin,
        "departure_airport": leg.departure_airport,
        "arrival_airport": leg.arrival_airport,
        "departure_utc": minute_text(leg.departure_time),
        "arrival_utc": minute_text(leg.arrival_time),
        "aircraft_type": leg.aircraft_type,
        "rotation_id": placed.rotation_id,
        "registration": placed.registration,
        "leg_id": leg.leg_id,
    }


def flight_text(placed: query.PlacedLeg) -> str:
    """A leg in short, for example `XX946 2005-06-14 MRS-ORY`."""
    leg = placed.leg
    flight = f"{leg.carrier}{leg.flight_number}{leg.suffix}"
    return f"{flight} {leg.day_of_origin} {leg.departure_airport}-{leg.arrival_airport}"


def kind_text(kind: query.FindingKind) -> str:
    """A kind of finding as the command line names it, for example `ground_time`."""
    return str(query.FindingKind.Name(kind)).removeprefix("FINDING_KIND_").lower()


def totals_row(totals: query.FindingTotals) -> dict[str, int]:
    """Findings by kind."""
    return {name: getattr(totals, name) for name in TOTALS}


def finding_row(finding: query.Finding) -> dict[str, Any]:
    """A finding with its legs; minutes only where the kind has them."""
    row: dict[str, Any] = {
        "kind": kind_text(finding.kind),
        "message": finding.message,
        "airport": finding.airport,
        "registration": finding.registration,
        "airplane_id": finding.airplane_id,
        "rotation_ids": list(finding.rotation_ids),
        "reference": finding.reference,
        "legs": [leg_row(leg) for leg in finding.legs],
    }
    for name in ("ground_minutes", "required_minutes", "overlap_minutes"):
        if finding.HasField(name):
            row[name] = getattr(finding, name)
    return row


def finding_line(finding: query.Finding) -> dict[str, Any]:
    """A finding as a row of a table."""
    return {
        "kind": kind_text(finding.kind),
        "airplane": finding.registration,
        "airport": finding.airport,
        "legs": [flight_text(leg) for leg in finding.legs],
        "message": finding.message,
    }


def schedule_row(summary: query.ScheduleSummary) -> dict[str, Any]:
    """A schedule with its statistics."""
    return {
        "schedule": summary.schedule,
        "title": summary.title,
        "legs": summary.legs,
        "rotations": summary.rotations,
        "unassigned_rotations": summary.unassigned_rotations,
        "airplanes": summary.airplanes,
        "airports": summary.airports,
        "first_departure": _optional(summary, "first_departure"),
        "last_arrival": _optional(summary, "last_arrival"),
        "block_minutes": summary.block_minutes,
        "findings": totals_row(summary.findings),
    }


def rotation_row(rotation: query.RotationSummary) -> dict[str, Any]:
    """A rotation in short."""
    return {
        "rotation_id": rotation.rotation_id,
        "name": rotation.name,
        "registration": rotation.registration,
        "airplane_id": rotation.airplane_id,
        "legs": rotation.legs,
        "first_departure": _optional(rotation, "first_departure"),
        "last_arrival": _optional(rotation, "last_arrival"),
        "first_airport": rotation.first_airport,
        "last_airport": rotation.last_airport,
        "sequence": rotation.sequence,
    }


def airplane_row(airplane: query.AirplaneSummary) -> dict[str, Any]:
    """An airplane in short."""
    return {
        "registration": airplane.registration,
        "aircraft_type": airplane.aircraft_type,
        "minimum_ground_minutes": airplane.minimum_ground_minutes
        if airplane.HasField("minimum_ground_minutes")
        else None,
        "legs": airplane.legs,
        "rotations": len(airplane.rotation_ids),
        "registered": airplane.registered,
        "airplane_id": airplane.airplane_id,
        "sequence": airplane.sequence,
    }


def history_row(record: HistoryRecord) -> dict[str, Any]:
    """One command of a history with its events in full."""
    return {
        "sequence": record.sequence,
        "committed_at": instant_text(record.committed_at),
        "actor": record.metadata.actor,
        "source": record.metadata.source,
        "correlation_id": record.metadata.correlation_id,
        "causation_id": record.metadata.causation_id,
        "command_id": record.command_id,
        "position": record.position,
        "events": [
            {
                "sequence": event.sequence,
                "type": event.event.WhichOneof("event") or "",
                "event": MessageToDict(event.event, preserving_proto_field_name=True),
            }
            for event in record.events
        ],
        "refusal_reason": record.refusal_reason,
        "refusal_message": record.refusal_message,
    }


def history_line(record: HistoryRecord) -> dict[str, Any]:
    """One command of a history as a row of a table."""
    events = [(event.event.WhichOneof("event") or "").replace("_", " ") for event in record.events]
    refused = f"refused: {record.refusal_message}" if record.refusal_reason else ""
    return {
        "sequence": record.sequence,
        "committed_at": instant_text(record.committed_at),
        "actor": record.metadata.actor,
        "source": record.metadata.source,
        "what": refused or ", ".join(events) or "nothing changed",
    }


def shard_row(row: mesh.ShardAssignment) -> dict[str, Any]:
    """One shard's assignment, as REST tells it; `owner` and `node` are the same."""
    return {
        "shard": row.shard,
        "state": str(mesh.ShardState.Name(row.state)),
        "owner": row.node,
        "node": row.node,
        "address": row.address,
        "session": row.session,
        "epoch": row.epoch,
        "target_session": row.target_session,
        "last_sequence": row.last_sequence if row.HasField("last_sequence") else None,
    }


def node_row(node: mesh.Node) -> dict[str, Any]:
    """One process of the mesh, as REST tells it; `id` and `name` are the same."""
    return {
        "id": node.name,
        "name": node.name,
        "role": str(mesh.NodeRole.Name(node.role)),
        "address": node.address,
        "pid": node.pid,
        "session": node.session,
        "shards_owned": node.shards_owned,
        "leader": node.leader,
        "draining": node.draining,
        "position": node.position,
        "metrics_address": node.metrics_address,
        "grpc_address": node.grpc_address,
        "version": node.version,
    }


def _optional(message: query.ScheduleSummary | query.RotationSummary, name: str) -> str | None:
    # Both kinds of summary leave the instants out while there is no leg.
    if not message.HasField(name):
        return None
    return minute_text(getattr(message, name))
