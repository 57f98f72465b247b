"""Stored entries and event payloads, read straight into the model.

This is the path of every replay, so payloads are not turned into domain values first.
"""

from typing import Any

from google.protobuf.message import DecodeError

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.api.schedule.v1 import events_pb2, types_pb2
from flightmesh.domain.values import FindingRules
from flightmesh.errors import CorruptData
from flightmesh.ids import id_bytes
from read_node.airports import AirportDefinition
from read_node.projection import Handler, StoredRecord
from read_node.schedule_model import ScheduleModel
from read_node.schedules import Scope
from read_node.translate.flat_events import FlatLegAdded, Minutes

FORMAT = 1

_minutes_of = Minutes()


def decode_entry(ledger: int, number: int, data: bytes) -> entry_pb2.Entry:
    """Reads a stored entry.

    Raises:
        CorruptData: the bytes are no entry, or another one than expected.
    """
    try:
        entry = entry_pb2.Entry.FromString(data)
    except DecodeError as error:
        raise CorruptData(f"entry {ledger}:{number} cannot be read: {error}") from error
    if (entry.format, entry.ledger, entry.number) != (FORMAT, ledger, number):
        raise CorruptData(
            f"entry {ledger}:{number} says it is {entry.ledger}:{entry.number} "
            f"of format {entry.format}"
        )
    return entry


def write_record(record: StoredRecord) -> bytes:
    """Bytes of a record of an entry."""
    assert isinstance(record, entry_pb2.Record)
    return record.SerializeToString()


def read_record(data: bytes) -> StoredRecord:
    """The record of such bytes; raises CorruptData."""
    try:
        return entry_pb2.Record.FromString(data)
    except DecodeError as error:
        raise CorruptData(f"a record cannot be read: {error}") from error


def _rules(message: types_pb2.FindingRules) -> FindingRules:
    return FindingRules(message.airplane_overlap, message.aircraft_type, message.unknown_airplane)


def _schedule_created(scope: Scope, _id: bytes, payload: bytes, _seq: int) -> ScheduleModel | None:
    event = events_pb2.ScheduleCreated.FromString(payload)
    return scope.create(event.incarnation, event.title, _rules(event.finding_rules))


def _schedule_deleted(scope: Scope, _id: bytes, payload: bytes, _seq: int) -> None:
    events_pb2.ScheduleDeleted.FromString(payload)
    scope.delete()


def _rules_changed(scope: Scope, _id: bytes, payload: bytes, _seq: int) -> ScheduleModel | None:
    event = events_pb2.FindingRulesChanged.FromString(payload)
    model = scope.current()
    if model is not None:
        model.rules = _rules(event.finding_rules)
    return model


def _rotation_created(scope: Scope, rid: bytes, payload: bytes, seq: int) -> ScheduleModel | None:
    event = events_pb2.RotationCreated.FromString(payload)
    model = scope.model_for(event.incarnation)
    if model is not None:
        if rid in model.rotations:
            raise CorruptData("a rotation begins that has not ended")
        model.create_rotation(rid, event.name).sequence = seq
    return model


def _leg_added(scope: Scope, rid: bytes, payload: bytes, seq: int) -> ScheduleModel | None:
    found = scope.rotation(rid)
    if found is None:
        return None
    model, rotation = found
    rotation.sequence = seq
    leg = FlatLegAdded.FromString(payload).leg
    model.add_leg(
        rotation,
        leg.leg_id,
        leg.day_of_origin,
        _minutes_of[leg.departure_time],
        _minutes_of[leg.arrival_time],
        (leg.carrier, leg.flight_number, leg.suffix),
        (
            leg.departure_airport,
            leg.arrival_airport,
            leg.departure_utc_offset_minutes,
            leg.arrival_utc_offset_minutes,
        ),
        (leg.aircraft_type, leg.service_type),
    )
    return model


def _leg_removed(scope: Scope, rid: bytes, payload: bytes, seq: int) -> ScheduleModel | None:
    found = scope.rotation(rid)
    if found is None:
        return None
    model, rotation = found
    rotation.sequence = seq
    model.remove_leg(rotation, events_pb2.LegRemoved.FromString(payload).leg_id)
    return model


def _leg_times_changed(scope: Scope, rid: bytes, payload: bytes, seq: int) -> ScheduleModel | None:
    found = scope.rotation(rid)
    if found is None:
        return None
    model, rotation = found
    rotation.sequence = seq
    event = events_pb2.LegTimesChanged.FromString(payload)
    model.change_leg_times(
        rotation,
        event.leg_id,
        event.departure_time.seconds // 60,
        event.arrival_time.seconds // 60,
        event.departure_utc_offset_minutes,
        event.arrival_utc_offset_minutes,
    )
    return model


def _rotation_removed(scope: Scope, rid: bytes, payload: bytes, _seq: int) -> ScheduleModel | None:
    events_pb2.RotationRemoved.FromString(payload)
    found = scope.rotation(rid)
    if found is None:
        return None
    model, rotation = found
    model.remove_rotation(rotation)
    return model


def _assigned(scope: Scope, rid: bytes, payload: bytes, seq: int) -> ScheduleModel | None:
    found = scope.rotation(rid)
    if found is None:
        return None
    model, rotation = found
    rotation.sequence = seq
    event = events_pb2.RotationAssignedToAirplane.FromString(payload)
    try:
        airplane_id = id_bytes(event.airplane_id)
    except ValueError as error:
        raise CorruptData(f"{event.airplane_id!r} is no id") from error
    model.assign(rotation, airplane_id, event.registration)
    return model


def _unassigned(scope: Scope, rid: bytes, payload: bytes, seq: int) -> ScheduleModel | None:
    events_pb2.RotationUnassigned.FromString(payload)
    found = scope.rotation(rid)
    if found is None:
        return None
    model, rotation = found
    rotation.sequence = seq
    model.unassign(rotation)
    return model


def _minutes(event: Any) -> int | None:
    present = event.HasField("minimum_ground_minutes")
    return event.minimum_ground_minutes if present else None


def _airplane_registered(
    scope: Scope, aid: bytes, payload: bytes, seq: int
) -> ScheduleModel | None:
    event = events_pb2.AirplaneRegistered.FromString(payload)
    model = scope.model_for(event.incarnation)
    if model is not None:
        minimum = _minutes(event)
        model.register_airplane(aid, event.registration, event.aircraft_type, minimum, seq)
    return model


def _airplane_changed(scope: Scope, aid: bytes, payload: bytes, seq: int) -> ScheduleModel | None:
    event = events_pb2.AirplaneChanged.FromString(payload)
    found = scope.airplane(aid)
    if found is None:
        return None
    model, airplane = found
    model.change_airplane(airplane, event.aircraft_type, _minutes(event), seq)
    return model


def _airplane_retired(scope: Scope, aid: bytes, payload: bytes, _seq: int) -> ScheduleModel | None:
    events_pb2.AirplaneRetired.FromString(payload)
    found = scope.airplane(aid)
    if found is None:
        return None
    model, airplane = found
    model.retire_airplane(airplane)
    return model


def _airport_defined(scope: Scope, aid: bytes, payload: bytes, seq: int) -> ScheduleModel | None:
    event = events_pb2.AirportDefined.FromString(payload)
    model = scope.model_for(event.incarnation)
    if model is not None:
        model.define_airport(
            AirportDefinition(aid, event.iata, _minutes(event), event.time_zone, seq)
        )
    return model


# What a handler raises when a payload is not what its type says.
UNREADABLE: tuple[type[Exception], ...] = (DecodeError,)

HANDLERS: dict[str, Handler] = {
    "ScheduleCreated": _schedule_created,
    "ScheduleDeleted": _schedule_deleted,
    "FindingRulesChanged": _rules_changed,
    "RotationCreated": _rotation_created,
    "LegAdded": _leg_added,
    "LegRemoved": _leg_removed,
    "LegTimesChanged": _leg_times_changed,
    "RotationRemoved": _rotation_removed,
    "RotationAssignedToAirplane": _assigned,
    "RotationUnassigned": _unassigned,
    "AirplaneRegistered": _airplane_registered,
    "AirplaneChanged": _airplane_changed,
    "AirplaneRetired": _airplane_retired,
    "AirportDefined": _airport_defined,
}
