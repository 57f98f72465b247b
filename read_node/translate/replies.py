"""Model to reply messages."""

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.api.schedule.v1 import types_pb2
from flightmesh.domain.values import iso_minute
from flightmesh.ids import id_text
from read_node.airports import required_minutes
from read_node.finding_lists import Kind
from read_node.lanes import Airplane, Rotation
from read_node.legs import SLOT_BITS, SLOT_MASK, Route
from read_node.ordering import FoundAt, shown_kinds, total
from read_node.schedule_model import ScheduleModel
from read_node.translate.leg_writer import airplane_id_of, registration_of

_TOTALS = {kind: kind.name.lower() for kind in Kind}


def totals(model: ScheduleModel) -> pb.FindingTotals:
    """Numbers of findings, 0 for kinds that are off."""
    return pb.FindingTotals(**{_TOTALS[kind]: total(model, kind) for kind in shown_kinds(model)})


def finding(model: ScheduleModel, found: FoundAt) -> pb.Finding:
    """A finding with what it rests on, without its legs."""
    rotations = [found.rotation] if found.rotation else _rotations(model, found.slots)
    reply = pb.Finding(kind=int(found.kind))  # type: ignore[arg-type]
    reply.rotation_ids.extend(id_text(rotation.id) for rotation in dict.fromkeys(rotations))
    if found.kind is not Kind.DESIGNATOR:
        reply.airplane_id = airplane_id_of(rotations[0])
        reply.registration = registration_of(rotations[0])
    _EXPLAIN[found.kind](model, found, rotations[0], reply)
    return reply


def _rotations(model: ScheduleModel, slots: tuple[int, ...]) -> list[Rotation]:
    return [rotation for slot in slots if (rotation := model.legs.rotation[slot]) is not None]


def _label(model: ScheduleModel, slot: int) -> str:
    legs = model.legs
    carrier, number, suffix = legs.flights[legs.flight[slot]]
    return f"{carrier}{number}{suffix} of {legs.days[legs.day[slot]]}"


def _route(model: ScheduleModel, slot: int) -> Route:
    return model.legs.routes[model.legs.route[slot]]


def _continuity(model: ScheduleModel, found: FoundAt, _: Rotation, reply: pb.Finding) -> None:
    first, second = found.slots
    reply.airport = _route(model, first).arrival_airport
    reply.message = (
        f"{_label(model, first)} arrives at {reply.airport}, but {_label(model, second)} "
        f"departs from {_route(model, second).departure_airport}"
    )


def _ground_time(
    model: ScheduleModel, found: FoundAt, rotation: Rotation, reply: pb.Finding
) -> None:
    legs = model.legs
    first, second = found.slots
    airport = legs.arrives_at[legs.route[first]]
    airport_minimum = model.airports.minimums[airport]
    airplane = rotation.airplane
    airplane_minimum = airplane.minimum if airplane and airplane.minimum is not None else -1
    reply.airport = legs.airports[airport]
    reply.ground_minutes = legs.departure[second] - legs.arrival[first]
    reply.required_minutes = required_minutes(airport_minimum, airplane_minimum)
    reply.reference = (
        f"airport {reply.airport} {_stated(airport_minimum)}, airplane {_stated(airplane_minimum)}"
    )
    reply.message = (
        f"{reply.ground_minutes} min on the ground at {reply.airport} between "
        f"{_label(model, first)} and {_label(model, second)}, {reply.required_minutes} needed"
    )


def _stated(minutes: int) -> str:
    return f"{minutes} min" if minutes >= 0 else "default"


def _designator(model: ScheduleModel, found: FoundAt, _: Rotation, reply: pb.Finding) -> None:
    first = found.slots[0]
    reply.airport = _route(model, first).departure_airport
    reply.message = (
        f"{_label(model, first)} departs from {reply.airport} on {len(found.slots)} legs"
    )


def _overlap(model: ScheduleModel, found: FoundAt, _: Rotation, reply: pb.Finding) -> None:
    legs = model.legs
    first, second = found.slots
    ends = min(legs.arrival[first], legs.arrival[second])
    reply.overlap_minutes = ends - legs.departure[second]
    reply.message = (
        f"airplane {reply.registration or reply.airplane_id} is to fly {_label(model, first)} and "
        f"{_label(model, second)} at once, for {reply.overlap_minutes} min "
        f"from {iso_minute(legs.departure[second])}"
    )


def _aircraft_type(
    model: ScheduleModel, found: FoundAt, rotation: Rotation, reply: pb.Finding
) -> None:
    airplane = rotation.airplane
    assert airplane is not None
    slot = found.slots[0]
    planned = model.legs.equipments[model.legs.equipment[slot]].aircraft_type
    reply.reference = f"airplane {reply.registration} is a {airplane.aircraft_type}"
    reply.message = f"{_label(model, slot)} is planned with type {planned}, but {reply.reference}"


def _unknown_airplane(_: ScheduleModel, __: FoundAt, rotation: Rotation, reply: pb.Finding) -> None:
    reply.message = (
        f"rotation {rotation.name or reply.rotation_ids[0]} is assigned to airplane "
        f"{reply.registration or reply.airplane_id}, which does not exist"
    )


_EXPLAIN = {
    Kind.CONTINUITY: _continuity,
    Kind.GROUND_TIME: _ground_time,
    Kind.DESIGNATOR: _designator,
    Kind.AIRPLANE_OVERLAP: _overlap,
    Kind.AIRCRAFT_TYPE: _aircraft_type,
    Kind.UNKNOWN_AIRPLANE: _unknown_airplane,
}


def schedule_summary(model: ScheduleModel) -> pb.ScheduleSummary:
    """A schedule with its statistics."""
    rules = model.rules
    reply = pb.ScheduleSummary(
        schedule=model.name,
        title=model.title,
        rotations=len(model.rotations),
        legs=len(model.legs),
        airplanes=len(model.airplanes),
        airports=len(model.airports_shown()),
        findings=totals(model),
        finding_rules=types_pb2.FindingRules(
            airplane_overlap=rules.airplane_overlap,
            aircraft_type=rules.aircraft_type,
            unknown_airplane=rules.unknown_airplane,
        ),
        block_minutes=model.legs.block_minutes,
        unassigned_rotations=len(model.rotations) - model.assigned,
    )
    first, last = model.days.first_departure(), model.days.last_arrival()
    if first is not None and last is not None:
        reply.first_departure.seconds = first * 60
        reply.last_arrival.seconds = last * 60
    return reply


def rotation_summary(model: ScheduleModel, rotation: Rotation) -> pb.RotationSummary:
    """A rotation in short."""
    reply = pb.RotationSummary(
        rotation_id=id_text(rotation.id),
        name=rotation.name,
        airplane_id=airplane_id_of(rotation),
        registration=registration_of(rotation),
        legs=len(rotation.keys),
        sequence=rotation.sequence,
    )
    if rotation.keys:
        legs = model.legs
        first, last = rotation.keys[0] & SLOT_MASK, rotation.keys[-1] & SLOT_MASK
        reply.first_departure.seconds = (rotation.keys[0] >> SLOT_BITS) * 60
        reply.last_arrival.seconds = legs.arrival[last] * 60
        reply.first_airport = legs.routes[legs.route[first]].departure_airport
        reply.last_airport = legs.routes[legs.route[last]].arrival_airport
    return reply


def airplane_summary(airplane: Airplane) -> pb.AirplaneSummary:
    """An airplane."""
    return pb.AirplaneSummary(
        airplane_id=id_text(airplane.id),
        registration=airplane.shown_registration(),
        aircraft_type=airplane.aircraft_type,
        minimum_ground_minutes=airplane.minimum,
        rotation_ids=[id_text(rotation_id) for rotation_id in sorted(airplane.rotations)],
        legs=airplane.legs(),
        registered=airplane.registered,
        sequence=airplane.sequence,
    )


def airport_summary(
    model: ScheduleModel, iata: str, departures: int, arrivals: int
) -> pb.AirportSummary:
    """An airport with the number of its movements."""
    reply = pb.AirportSummary(iata=iata, departures=departures, arrivals=arrivals)
    definition = model.airports.definition(iata)
    if definition is not None:
        reply.airport_id = id_text(definition.airport_id)
        reply.time_zone = definition.time_zone
        if definition.minimum_ground_minutes is not None:
            reply.minimum_ground_minutes = definition.minimum_ground_minutes
    return reply
