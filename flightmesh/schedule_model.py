"""Flight scheduling as the event-sourcing core sees it: domain and codec put together. Pure."""

import functools
from collections.abc import Callable
from typing import Any, final

from flightmesh.codec.events import EventCodec
from flightmesh.codec.states import decode_state, encode_state
from flightmesh.domain import airplane, airport, rotation, schedule
from flightmesh.domain.airplane import AirplaneState
from flightmesh.domain.airport import AirportState
from flightmesh.domain.commands import (
    AddLeg,
    AddLegs,
    CreateRotation,
    CreateSchedule,
    DefineAirport,
    RegisterAirplane,
)
from flightmesh.domain.events import Event
from flightmesh.domain.refusal import Refusal
from flightmesh.domain.rotation import RotationState
from flightmesh.domain.schedule import ScheduleState
from flightmesh.eventsourcing import Accepted, EncodedEvent, Rejection
from flightmesh.ids import AggregateId, schedule_aggregate_id

_INITIAL: dict[str, Callable[[], Any]] = {
    "schedule": ScheduleState,
    "rotation": RotationState,
    "airplane": AirplaneState,
    "airport": AirportState,
}
_EVOLVE: dict[str, Callable[[Any, Any], Any]] = {
    "schedule": schedule.evolve,
    "rotation": rotation.evolve,
    "airplane": airplane.evolve,
    "airport": airport.evolve,
}
_DECIDE: dict[str, Callable[[Any, Any, ScheduleState], Any]] = {
    "rotation": rotation.decide,
    "airplane": airplane.decide,
    "airport": airport.decide,
}
_BEGINNINGS = (CreateRotation, RegisterAirplane, DefineAirport)


@final
class ScheduleModel:
    """A `DomainModel`: schedules with their rotations, airplanes and airports.

    Args:
        known_airport: whether reference data hold an IATA code; unknown ones are warned of.
        codec: how events are stored.
    """

    def __init__(
        self,
        known_airport: Callable[[str], bool] = lambda _: True,
        codec: EventCodec | None = None,
    ) -> None:
        self._known_airport = known_airport
        self._codec = codec or EventCodec()

    def initial(self, aggregate_type: str) -> Any:
        """State of an aggregate that never existed."""
        return _INITIAL[aggregate_type]()

    def scope_aggregate(self, scope: str) -> AggregateId | None:
        """The Schedule aggregate of that name."""
        return _schedule_id(scope)

    def begins(self, command: Any) -> bool:
        """Whether the command may make a rotation, an airplane or an airport."""
        return isinstance(command, _BEGINNINGS)

    def is_ahead(self, state: Any, scope_state: Any) -> bool:
        """Whether the aggregate belongs to a later incarnation than the schedule's state."""
        return bool(state.incarnation > scope_state.incarnation)

    def reopens(self, state: Any, command: Any) -> bool:
        """Whether the command creates a deleted schedule again."""
        return isinstance(command, CreateSchedule) and bool(state.incarnation) and not state.exists

    def decide(
        self, aggregate_type: str, state: Any, command: Any, scope: str, scope_state: Any
    ) -> Accepted | Rejection:
        """What the command does; see flightmesh.domain."""
        if aggregate_type == "schedule":
            verdict = schedule.decide(state, command)
        else:
            verdict = schedule.missing(scope_state, scope) or _DECIDE[aggregate_type](
                state, command, scope_state
            )
        if isinstance(verdict, Refusal):
            return Rejection(verdict.reason, verdict.message, dict(verdict.details))
        return Accepted(verdict, self._warnings(command) if verdict else ())

    def _warnings(self, command: Any) -> tuple[str, ...]:
        if isinstance(command, AddLeg):
            leg = command.leg
            known = self._known_airport
            if known(leg.departure_airport) and known(leg.arrival_airport):
                return ()
            codes = {leg.departure_airport, leg.arrival_airport}
        elif isinstance(command, AddLegs):
            codes = {leg.departure_airport for leg in command.legs}
            codes |= {leg.arrival_airport for leg in command.legs}
        elif isinstance(command, DefineAirport):
            codes = {command.iata}
        else:
            return ()
        return tuple(
            f"UNKNOWN_AIRPORT: {code} is not in the reference data"
            for code in sorted(codes)
            if not self._known_airport(code)
        )

    def evolve(self, aggregate_type: str, state: Any, event: Any) -> Any:
        """The state after the event; may change the given one in place."""
        return _EVOLVE[aggregate_type](state, event)

    def encode_event(self, event: Any) -> EncodedEvent:
        """The event as stored."""
        return self._codec.encode(event)

    def decode_event(self, encoded: EncodedEvent) -> Event:
        """The event in its newest version; raises UnknownEventType or CorruptData."""
        return self._codec.decode(encoded)

    def encode_state(self, aggregate_type: str, state: Any) -> bytes:
        """The state for a snapshot."""
        assert isinstance(state, type(_INITIAL[aggregate_type]()))
        return encode_state(state)

    def decode_state(self, aggregate_type: str, data: bytes) -> Any:
        """A state of its own from a snapshot; raises CorruptData."""
        return decode_state(aggregate_type, data)


_schedule_id = functools.lru_cache(maxsize=4_096)(schedule_aggregate_id)
