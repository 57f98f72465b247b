"""Model to reply messages."""

from google.protobuf.timestamp_pb2 import Timestamp

from flightmesh.api.read.v1 import query_service_pb2 as pb
from flightmesh.api.schedule.v1 import types_pb2
from flightmesh.domain.values import iso_minute
from flightmesh.ids import id_text
from read_node.airports import required_minutes
from read_node.finding_lists import Kind
from read_node.lanes import Airplane, Rotation
from read_node.legs import SLOT_BITS, SLOT_MASK
from read_node.ordering import FoundAt, shown_kinds, total
from read_node.schedule_model import ScheduleModel

_TOTALS = {kind: kind.name.lower() for kind in Kind}


def timestamp(minute: int) -> Timestamp:
    """A minute as a protobuf timestamp."""
    return Timestamp(seconds=minute * 60)


def registration_of(rotation: Rotation) -> str:
    """Registration of the rotation's airplane; as assigned while the airplane does not exist."""
    airplane = rotation.airplane
    return airplane.registration if airplane and airplane.registered else rotation.registration


def airplane_id_of(rotation: Rotation) -> str:
    """Id of the rotation's airplane, empty if it has none."""
    return id_text(rotation.airplane.id) if rotation.airplane else ""


def placed_leg(model: ScheduleModel, slot: int) -> pb.PlacedLeg:
    """A leg with its place."""
    legs = model.legs
    flight = legs.flights[legs.flight[slot]]
    route = legs.routes[legs.route[slot]]
    equipment = legs.equipments[legs.equipment[slot]]
    rotation = legs.rotation[slot]
    assert rotation is not None
    return pb.PlacedLeg(
        leg=types_pb2.Leg(
            leg_id=legs.leg_id[slot],
            carrier=flight.carrier,
            flight_number=flight.flight_number,
            suffix=flight.suffix,
            day_of_origin=legs.days[legs.day[slot]],
            departure_airport=route.departure_airport,
            arrival_airport=route.arrival_airport,
            departure_time=timestamp(legs.departure[slot]),
            arrival_time=timestamp(legs.arrival[slot]),
            departure_utc_offset_minutes=route.departure_offset,
            arrival_utc_offset_minutes=route.arrival_offset,
            aircraft_type=equipment.aircraft_type,
            service_type=equipment.service_type,
        ),
        rotation_id=id_text(rotation.id),
        airplane_id=airplane_id_of(rotation),
        registration=registration_of(rotation),
    )


def totals(model: ScheduleModel) -> pb.FindingTotals:
    """Numbers of findings, 0 for kinds that are off."""
    return pb.FindingTotals(**{_TOTALS[kind]: total(model, kind) for kind in shown_kinds(model)})


def finding(model: ScheduleModel, found: FoundAt) -> pb.Finding:
    """A finding with what it rests on."""
    legs = [placed_leg(model, slot) for slot in found.slots]
    reply = pb.Finding(kind=int(found.kind), legs=legs)  # type: ignore[arg-type]
    if found.rotation is not None:
        reply.rotation_ids.append(id_text(found.rotation.id))
    else:
        reply.rotation_ids.extend(dict.fromkeys(leg.rotation_id for leg in legs))
    rotation = found.rotation or model.legs.rotation[found.slots[0]]
    assert rotation is not None
    if found.kind is not Kind.DESIGNATOR:
        reply.airplane_id = airplane_id_of(rotation)
        reply.registration = registration_of(rotation)
    _EXPLAIN[found.kind](model, found, rotation, reply)
    return reply


def _label(leg: pb.PlacedLeg) -> str:
    flight = leg.leg
    return f"{flight.carrier}{flight.flight_number}{flight.suffix} of {flight.day_of_origin}"


def _continuity(_: ScheduleModel, __: FoundAt, ___: Rotation, reply: pb.Finding) -> None:
    first, second = reply.legs
    reply.airport = first.leg.arrival_airport
    reply.message = (
        f"{_label(first)} arrives at {first.leg.arrival_airport}, "
        f"but {_label(second)} departs from {second.leg.departure_airport}"
    )


def _ground_time(
    model: ScheduleModel, found: FoundAt, rotation: Rotation, reply: pb.Finding
) -> None:
    legs = model.legs
    first, second = found.slots
    airport = legs.arrives_at[legs.route[first]]
    airport_minimum = model.airports.minimums[airport]
    airplane = rotation.airplane
    known = airplane is not None and airplane.minimum is not None
    airplane_minimum = airplane.minimum if airplane and airplane.minimum is not None else -1
    reply.airport = legs.airports[airport]
    reply.ground_minutes = legs.departure[second] - legs.arrival[first]
    reply.required_minutes = required_minutes(airport_minimum, airplane_minimum)
    stated = f"{airport_minimum} min" if airport_minimum >= 0 else "default"
    reply.reference = (
        f"airport {reply.airport} {stated}, "
        f"airplane {f'{airplane_minimum} min' if known else 'default'}"
    )
    reply.message = (
        f"{reply.ground_minutes} min on the ground at {reply.airport} between "
        f"{_label(reply.legs[0])} and {_label(reply.legs[1])}, {reply.required_minutes} needed"
    )


def _designator(_: ScheduleModel, __: FoundAt, ___: Rotation, reply: pb.Finding) -> None:
    leg = reply.legs[0].leg
    reply.airport = leg.departure_airport
    reply.message = f"{_label(reply.legs[0])} departs from {leg.departure_airport} on " + (
        f"{len(reply.legs)} legs"
    )


def _overlap(model: ScheduleModel, found: FoundAt, _: Rotation, reply: pb.Finding) -> None:
    legs = model.legs
    first, second = found.slots
    ends = min(legs.arrival[first], legs.arrival[second])
    reply.overlap_minutes = ends - legs.departure[second]
    reply.message = (
        f"airplane {reply.registration or reply.airplane_id} is to fly {_label(reply.legs[0])} and "
        f"{_label(reply.legs[1])} at once, for {reply.overlap_minutes} min "
        f"from {iso_minute(legs.departure[second])}"
    )


def _aircraft_type(_: ScheduleModel, __: FoundAt, rotation: Rotation, reply: pb.Finding) -> None:
    airplane = rotation.airplane
    assert airplane is not None
    reply.reference = f"airplane {reply.registration} is a {airplane.aircraft_type}"
    reply.message = (
        f"{_label(reply.legs[0])} is planned with type {reply.legs[0].leg.aircraft_type}, "
        f"but airplane {reply.registration} is a {airplane.aircraft_type}"
    )


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
