"""Domain events as stored: type name (the class's), version of the payload, protobuf payload.

A changed shape gets a new version here and an upcaster that turns the payload of the version before
into it, so `decode` reads every version ever stored (SPEC D7). A type or version that is not in the
tables is an error, never skipped.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, final

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from flightmesh.api.schedule.v1 import events_pb2
from flightmesh.codec.legs import leg_of, rules_message, rules_of, write_leg
from flightmesh.domain import events
from flightmesh.domain.events import Event
from flightmesh.domain.values import Minute
from flightmesh.errors import CorruptData, UnknownEventType
from flightmesh.eventsourcing import EncodedEvent
from flightmesh.ids import AggregateId, LegId

Upcaster = Callable[[bytes], bytes]


def message_of(event: Event) -> Message:
    """The event as its message of flightmesh.api.schedule.v1."""
    return _TO_MESSAGE[type(event)](event)


def event_of(message: Message) -> Event:
    """The event of a message; undoes `message_of`."""
    return _FROM_MESSAGE[type(message)](message)


@final
class EventCodec:
    """Encodes and decodes events.

    Args:
        versions: newest version of each type that has more than version 1.
        upcasters: (type, version) → what turns a payload of it into one of the version after.
    """

    def __init__(
        self,
        versions: Mapping[str, int] | None = None,
        upcasters: Mapping[tuple[str, int], Upcaster] | None = None,
    ) -> None:
        self._versions = dict(versions or {})
        self._upcasters = dict(upcasters or {})

    def encode(self, event: Event) -> EncodedEvent:
        """The event as stored, in its newest version."""
        name = type(event).__name__
        return EncodedEvent(
            name, self._versions.get(name, 1), message_of(event).SerializeToString()
        )

    def decode(self, encoded: EncodedEvent) -> Event:
        """The event in its newest version.

        Raises:
            UnknownEventType: type or version is not known to this program.
            CorruptData: the payload cannot be read.
        """
        return event_of(self.decode_message(encoded))

    def decode_message(self, encoded: EncodedEvent) -> Message:
        """The event as a message in its newest version; raises as `decode` does."""
        payload = self.newest_payload(encoded)
        try:
            return _MESSAGES[encoded.type].FromString(payload)
        except DecodeError as error:
            raise CorruptData(f"payload of a {encoded.type} cannot be read: {error}") from error

    def newest_payload(self, encoded: EncodedEvent) -> bytes:
        """The payload in its newest version; raises UnknownEventType."""
        newest = self._versions.get(encoded.type, 1)
        version, payload = encoded.version, encoded.payload
        if encoded.type not in _MESSAGES or not 1 <= version <= newest:
            raise UnknownEventType(encoded.type, version)
        while version < newest:
            payload = self._upcasters[encoded.type, version](payload)
            version += 1
        return payload


def _airplane_fields(event: events.AirplaneRegistered | events.AirplaneChanged) -> dict[str, Any]:
    return {
        "aircraft_type": event.aircraft_type,
        "minimum_ground_minutes": event.minimum_ground_minutes,
    }


def _minutes(message: Any) -> int | None:
    present = message.HasField("minimum_ground_minutes")
    return message.minimum_ground_minutes if present else None


def _leg_added(event: events.LegAdded) -> events_pb2.LegAdded:
    message = events_pb2.LegAdded()
    write_leg(message.leg, event.leg)
    return message


_TO_MESSAGE: Final[dict[type, Callable[[Any], Message]]] = {
    events.ScheduleCreated: lambda e: events_pb2.ScheduleCreated(
        schedule=e.schedule,
        incarnation=e.incarnation,
        title=e.title,
        finding_rules=rules_message(e.finding_rules),
    ),
    events.ScheduleDeleted: lambda _: events_pb2.ScheduleDeleted(),
    events.FindingRulesChanged: lambda e: events_pb2.FindingRulesChanged(
        finding_rules=rules_message(e.finding_rules)
    ),
    events.RotationCreated: lambda e: events_pb2.RotationCreated(
        schedule=e.schedule, incarnation=e.incarnation, name=e.name
    ),
    events.LegAdded: _leg_added,
    events.LegRemoved: lambda e: events_pb2.LegRemoved(leg_id=e.leg_id),
    events.LegTimesChanged: lambda e: events_pb2.LegTimesChanged(
        leg_id=e.leg_id,
        departure_time=Timestamp(seconds=e.departure * 60),
        arrival_time=Timestamp(seconds=e.arrival * 60),
        departure_utc_offset_minutes=e.departure_offset,
        arrival_utc_offset_minutes=e.arrival_offset,
    ),
    events.RotationRemoved: lambda _: events_pb2.RotationRemoved(),
    events.RotationAssignedToAirplane: lambda e: events_pb2.RotationAssignedToAirplane(
        airplane_id=e.airplane_id, registration=e.registration
    ),
    events.RotationUnassigned: lambda _: events_pb2.RotationUnassigned(),
    events.AirplaneRegistered: lambda e: events_pb2.AirplaneRegistered(
        schedule=e.schedule,
        incarnation=e.incarnation,
        registration=e.registration,
        **_airplane_fields(e),
    ),
    events.AirplaneChanged: lambda e: events_pb2.AirplaneChanged(**_airplane_fields(e)),
    events.AirplaneRetired: lambda _: events_pb2.AirplaneRetired(),
    events.AirportDefined: lambda e: events_pb2.AirportDefined(
        schedule=e.schedule,
        incarnation=e.incarnation,
        iata=e.iata,
        minimum_ground_minutes=e.minimum_ground_minutes,
        time_zone=e.time_zone,
    ),
}
_FROM_MESSAGE: Final[dict[type, Callable[[Any], Event]]] = {
    events_pb2.ScheduleCreated: lambda m: events.ScheduleCreated(
        m.schedule, m.incarnation, m.title, rules_of(m.finding_rules)
    ),
    events_pb2.ScheduleDeleted: lambda _: events.ScheduleDeleted(),
    events_pb2.FindingRulesChanged: lambda m: events.FindingRulesChanged(rules_of(m.finding_rules)),
    events_pb2.RotationCreated: lambda m: events.RotationCreated(m.schedule, m.incarnation, m.name),
    events_pb2.LegAdded: lambda m: events.LegAdded(leg_of(m.leg)),
    events_pb2.LegRemoved: lambda m: events.LegRemoved(LegId(m.leg_id)),
    events_pb2.LegTimesChanged: lambda m: events.LegTimesChanged(
        LegId(m.leg_id),
        Minute(m.departure_time.seconds // 60),
        Minute(m.arrival_time.seconds // 60),
        m.departure_utc_offset_minutes,
        m.arrival_utc_offset_minutes,
    ),
    events_pb2.RotationRemoved: lambda _: events.RotationRemoved(),
    events_pb2.RotationAssignedToAirplane: lambda m: events.RotationAssignedToAirplane(
        AggregateId(m.airplane_id), m.registration
    ),
    events_pb2.RotationUnassigned: lambda _: events.RotationUnassigned(),
    events_pb2.AirplaneRegistered: lambda m: events.AirplaneRegistered(
        m.schedule, m.incarnation, m.registration, m.aircraft_type, _minutes(m)
    ),
    events_pb2.AirplaneChanged: lambda m: events.AirplaneChanged(m.aircraft_type, _minutes(m)),
    events_pb2.AirplaneRetired: lambda _: events.AirplaneRetired(),
    events_pb2.AirportDefined: lambda m: events.AirportDefined(
        m.schedule, m.incarnation, m.iata, _minutes(m), m.time_zone
    ),
}
_MESSAGES: Final[dict[str, type[Message]]] = {
    message_type.__name__: message_type for message_type in _FROM_MESSAGE
}
