"""Stories: events of aggregates as the journal stores them, and what they add up to by plain rules.

The oracle folds the same events with the domain's own `evolve` and computes every finding from
scratch, in the simplest way; it shares no code with the read node.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from flightmesh.api.journal.v1 import entry_pb2
from flightmesh.api.schedule.v1 import events_pb2, types_pb2
from flightmesh.domain.values import FindingRules, Leg, Minute
from flightmesh.ids import LegId, derive, id_bytes, shard_of
from read_node.ordering import findings_from, shown_kinds
from read_node.projection import Projection
from read_node.schedule_model import ScheduleModel
from read_node.translate.entries import HANDLERS, UNREADABLE

SHARDS = 8
ALL_ON = FindingRules()


def at(minute: int) -> Timestamp:
    return Timestamp(seconds=minute * 60)


def name_id(*parts: str) -> str:
    return derive("test", *parts)


def a_leg(
    name: str,
    departure: int,
    arrival: int,
    origin: str = "AAA",
    destination: str = "BBB",
    number: int = 1,
    day: str = "2026-01-01",
    aircraft_type: str = "",
) -> Leg:
    return Leg(
        LegId(name_id("leg", name)),
        "XX",
        number,
        "",
        day,
        origin,
        destination,
        Minute(departure),
        Minute(arrival),
        60,
        -120,
        aircraft_type,
        "J",
    )


def leg_message(leg: Leg) -> types_pb2.Leg:
    return types_pb2.Leg(
        leg_id=leg.leg_id,
        carrier=leg.carrier,
        flight_number=leg.flight_number,
        suffix=leg.suffix,
        day_of_origin=leg.day_of_origin,
        departure_airport=leg.departure_airport,
        arrival_airport=leg.arrival_airport,
        departure_time=at(leg.departure),
        arrival_time=at(leg.arrival),
        departure_utc_offset_minutes=leg.departure_offset,
        arrival_utc_offset_minutes=leg.arrival_offset,
        aircraft_type=leg.aircraft_type,
        service_type=leg.service_type,
    )


class Story:
    """Collects records by shard, with shard and aggregate sequences as an owner writes them."""

    def __init__(self, schedule: str = "s05") -> None:
        self.schedule = schedule
        self.shards: dict[int, list[entry_pb2.Record]] = defaultdict(list)
        self.sequence: dict[str, int] = defaultdict(int)
        self.incarnation = 0
        self.fresh: list[entry_pb2.Record] = []

    def record(self, aggregate_id: str, *events: Any) -> entry_pb2.Record:
        shard = shard_of(aggregate_id, SHARDS)
        log = self.shards[shard]
        last = log[-1] if log else None
        self.sequence[aggregate_id] += len(events)
        record = entry_pb2.Record(
            shard=shard,
            aggregate_id=id_bytes(aggregate_id),
            scope=self.schedule,
            first_shard_sequence=last.first_shard_sequence + len(last.events) if last else 1,
            aggregate_sequence=self.sequence[aggregate_id],
        )
        for event in events:
            name = type(event).__name__
            payload = event.SerializeToString()
            record.events.add(type=name, version=1, payload=payload)
        log.append(record)
        self.fresh.append(record)
        return record

    def create_schedule(self, rules: FindingRules = ALL_ON) -> None:
        self.incarnation += 1
        event = events_pb2.ScheduleCreated(
            schedule=self.schedule,
            incarnation=self.incarnation,
            title="A title",
            finding_rules=self._rules(rules),
        )
        self.record(name_id("schedule", self.schedule), event)

    def delete_schedule(self) -> None:
        self.record(name_id("schedule", self.schedule), events_pb2.ScheduleDeleted())

    def change_rules(self, rules: FindingRules) -> None:
        event = events_pb2.FindingRulesChanged(finding_rules=self._rules(rules))
        self.record(name_id("schedule", self.schedule), event)

    @staticmethod
    def _rules(rules: FindingRules) -> types_pb2.FindingRules:
        return types_pb2.FindingRules(
            airplane_overlap=rules.airplane_overlap,
            aircraft_type=rules.aircraft_type,
            unknown_airplane=rules.unknown_airplane,
        )

    def create_rotation(self, name: str, *legs: Leg, incarnation: int = 0) -> str:
        rotation = name_id("rotation", name)
        created = events_pb2.RotationCreated(
            schedule=self.schedule, incarnation=incarnation or self.incarnation, name=name
        )
        self.record(rotation, created)
        if legs:
            self.add_legs(rotation, *legs)
        return rotation

    def add_legs(self, rotation: str, *legs: Leg) -> None:
        self.record(rotation, *(events_pb2.LegAdded(leg=leg_message(leg)) for leg in legs))

    def remove_leg(self, rotation: str, leg_id: str) -> None:
        self.record(rotation, events_pb2.LegRemoved(leg_id=leg_id))

    def move_leg(self, rotation: str, leg_id: str, departure: int, arrival: int) -> None:
        event = events_pb2.LegTimesChanged(
            leg_id=leg_id, departure_time=at(departure), arrival_time=at(arrival)
        )
        self.record(rotation, event)

    def remove_rotation(self, rotation: str) -> None:
        self.record(rotation, events_pb2.RotationRemoved())

    def assign(self, rotation: str, airplane: str, registration: str = "") -> None:
        event = events_pb2.RotationAssignedToAirplane(
            airplane_id=airplane, registration=registration
        )
        self.record(rotation, event)

    def unassign(self, rotation: str) -> None:
        self.record(rotation, events_pb2.RotationUnassigned())

    def register(self, name: str, aircraft_type: str = "", minimum: int | None = None) -> str:
        airplane = name_id("airplane", name)
        event = events_pb2.AirplaneRegistered(
            schedule=self.schedule,
            incarnation=self.incarnation,
            registration=name,
            aircraft_type=aircraft_type,
            minimum_ground_minutes=minimum,
        )
        self.record(airplane, event)
        return airplane

    def change_airplane(self, name: str, aircraft_type: str, minimum: int | None) -> None:
        event = events_pb2.AirplaneChanged(
            aircraft_type=aircraft_type, minimum_ground_minutes=minimum
        )
        self.record(name_id("airplane", name), event)

    def retire(self, name: str) -> None:
        self.record(name_id("airplane", name), events_pb2.AirplaneRetired())

    def define_airport(self, iata: str, minimum: int | None, zone: str = "Etc/UTC") -> None:
        event = events_pb2.AirportDefined(
            schedule=self.schedule,
            incarnation=self.incarnation,
            iata=iata,
            minimum_ground_minutes=minimum,
            time_zone=zone,
        )
        self.record(name_id("airport", iata), event)

    def records(self, order: Iterable[int] = ()) -> Iterator[entry_pb2.Record]:
        """All records; `order` says from which shard each next one comes, as far as it goes."""
        logs = {shard: iter(log) for shard, log in sorted(self.shards.items())}
        for pick in order:
            if logs:
                shard = list(logs)[pick % len(logs)]
                record = next(logs[shard], None)
                if record is None:
                    del logs[shard]
                else:
                    yield record
        yield from itertools.chain.from_iterable(logs.values())


def new_projection() -> Projection:
    return Projection(HANDLERS, UNREADABLE)


def folded(story: Story, order: Iterable[int] = (), settle_each: bool = False) -> Projection:
    """A projection that has applied the whole story."""
    projection = new_projection()
    for record in story.records(order):
        projection.apply(record)
        if settle_each:
            projection.settle()
            for model in projection.schedules.current():
                kept_findings(model)  # puts the lists in order, which must not matter
    projection.settle()
    story.fresh.clear()
    assert not projection.quarantined
    return projection


def apply_fresh(projection: Projection, story: Story) -> None:
    """Applies what has been told since the story was folded or this was last called."""
    for record in story.fresh:
        projection.apply(record)
    story.fresh.clear()
    projection.settle()


Found = tuple[str, tuple[str, ...]]


def kept_findings(model: ScheduleModel) -> list[Found]:
    """What the read node keeps: kind and leg ids, or the rotation of an unknown airplane."""
    found: list[Found] = []
    for kind in shown_kinds(model):
        for each in findings_from(model, kind, None):
            if each.rotation is not None:
                found.append((kind.name, (each.rotation.id.hex(),)))
            else:
                found.append((kind.name, tuple(model.legs.leg_id[s] for s in each.slots)))
    return found


def plain_findings(story: Story) -> list[Found]:
    """What the rules say, computed from the final state alone."""
    state = _PlainState(story)
    found: list[Found] = []
    for lane_legs, airplane in state.lanes():
        _plain_pairs(state, lane_legs, airplane, found)
        _plain_overlaps(state, lane_legs, found)
        kind = airplane.aircraft_type if airplane else ""
        for _, leg in lane_legs:
            if state.rules.aircraft_type and kind and leg.aircraft_type not in ("", kind):
                found.append(("AIRCRAFT_TYPE", (leg.leg_id,)))
    by_designator = defaultdict(list)
    for _, leg in state.legs():
        by_designator[leg.designator].append(leg)
    for legs in by_designator.values():
        if len(legs) > 1:
            legs.sort(key=lambda leg: (leg.departure, leg.arrival, leg.leg_id))
            found.append(("DESIGNATOR", tuple(leg.leg_id for leg in legs)))
    for rotation_id, rotation in state.rotations.items():
        if state.rules.unknown_airplane and rotation.airplane not in ("", *state.airplanes):
            found.append(("UNKNOWN_AIRPLANE", (rotation_id.replace("-", ""),)))
    return found


def _plain_pairs(state: Any, legs: Sequence[Any], airplane: Any, found: list[Found]) -> None:
    for (_, first), (_, second) in itertools.pairwise(legs):
        pair = (first.leg_id, second.leg_id)
        if first.arrival_airport != second.departure_airport:
            found.append(("CONTINUITY", pair))
        known = [
            minutes
            for minutes in (
                state.airports.get(first.arrival_airport),
                airplane.minimum if airplane else None,
            )
            if minutes is not None
        ]
        if second.departure - first.arrival < (max(known) if known else 30):
            found.append(("GROUND_TIME", pair))


def _plain_overlaps(state: Any, legs: Sequence[Any], found: list[Found]) -> None:
    if not state.rules.airplane_overlap:
        return
    for (one, first), (other, second) in itertools.combinations(legs, 2):
        overlap = first.departure < second.arrival and second.departure < first.arrival
        if one != other and overlap:
            found.append(("AIRPLANE_OVERLAP", (first.leg_id, second.leg_id)))


class _PlainRotation:
    def __init__(self) -> None:
        self.legs: dict[str, Leg] = {}
        self.airplane = ""


class _PlainAirplane:
    def __init__(self, aircraft_type: str, minimum: int | None) -> None:
        self.aircraft_type = aircraft_type
        self.minimum = minimum


def _optional(message: Any) -> int | None:
    present = message.HasField("minimum_ground_minutes")
    return message.minimum_ground_minutes if present else None


class _PlainState:
    """Final state of the schedule's last incarnation, folded aggregate by aggregate."""

    def __init__(self, story: Story) -> None:
        self.rules = FindingRules()
        self.rotations: dict[str, _PlainRotation] = {}
        self.airplanes: dict[str, _PlainAirplane] = {}
        self.airports: dict[str, int | None] = {}
        incarnations: dict[bytes, int] = {}
        for record in story.records():
            for event in record.events:
                message = getattr(events_pb2, event.type).FromString(event.payload)
                if hasattr(message, "incarnation"):
                    incarnations[record.aggregate_id] = message.incarnation
                if incarnations[record.aggregate_id] == story.incarnation:
                    raw = record.aggregate_id.hex()
                    parts = (raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:])
                    self._apply("-".join(parts), event.type, message)

    def _apply(self, key: str, name: str, event: Any) -> None:
        match name:
            case "ScheduleCreated" | "FindingRulesChanged":
                rules = event.finding_rules
                self.rules = FindingRules(
                    rules.airplane_overlap, rules.aircraft_type, rules.unknown_airplane
                )
            case "RotationCreated":
                self.rotations[key] = _PlainRotation()
            case "RotationRemoved":
                del self.rotations[key]
            case "LegAdded":
                self.rotations[key].legs[event.leg.leg_id] = self._leg(event.leg)
            case "LegRemoved":
                del self.rotations[key].legs[event.leg_id]
            case "LegTimesChanged":
                moved = types_pb2.Leg()
                moved.CopyFrom(leg_message(self.rotations[key].legs[event.leg_id]))
                moved.departure_time.CopyFrom(event.departure_time)
                moved.arrival_time.CopyFrom(event.arrival_time)
                self.rotations[key].legs[event.leg_id] = self._leg(moved)
            case "RotationAssignedToAirplane":
                self.rotations[key].airplane = event.airplane_id
            case "RotationUnassigned":
                self.rotations[key].airplane = ""
            case "AirplaneRegistered" | "AirplaneChanged":
                self.airplanes[key] = _PlainAirplane(event.aircraft_type, _optional(event))
            case "AirplaneRetired":
                del self.airplanes[key]
            case "AirportDefined":
                self.airports[event.iata] = _optional(event)

    @staticmethod
    def _leg(message: types_pb2.Leg) -> Leg:
        return Leg(
            LegId(message.leg_id),
            message.carrier,
            message.flight_number,
            message.suffix,
            message.day_of_origin,
            message.departure_airport,
            message.arrival_airport,
            Minute(message.departure_time.seconds // 60),
            Minute(message.arrival_time.seconds // 60),
            message.departure_utc_offset_minutes,
            message.arrival_utc_offset_minutes,
            message.aircraft_type,
            message.service_type,
        )

    def legs(self) -> list[tuple[str, Leg]]:
        return [(key, leg) for key, r in self.rotations.items() for leg in r.legs.values()]

    def lanes(self) -> Iterator[tuple[list[tuple[str, Leg]], _PlainAirplane | None]]:
        lanes: dict[str, list[tuple[str, Leg]]] = defaultdict(list)
        for key, rotation in self.rotations.items():
            lanes[rotation.airplane or key] += [(key, leg) for leg in rotation.legs.values()]
        for key, legs in lanes.items():
            legs.sort(
                key=lambda each: (each[1].departure, each[1].arrival, each[1].leg_id, each[0])
            )
            yield legs, self.airplanes.get(key)
