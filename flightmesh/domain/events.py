"""Events: past tense, immutable. The class name is the stored type name; see flightmesh.codec."""

import msgspec

from flightmesh.domain.values import FindingRules, Leg, Minute
from flightmesh.ids import AggregateId, LegId


class ScheduleCreated(msgspec.Struct, frozen=True, gc=False):
    """A schedule began; `incarnation` counts the creations of its name."""

    schedule: str
    incarnation: int
    title: str
    finding_rules: FindingRules


class ScheduleDeleted(msgspec.Struct, frozen=True, gc=False):
    """A schedule ended, with all it held."""


class FindingRulesChanged(msgspec.Struct, frozen=True, gc=False):
    """A schedule's optional checks were switched."""

    finding_rules: FindingRules


class RotationCreated(msgspec.Struct, frozen=True, gc=False):
    """An empty rotation began."""

    schedule: str
    incarnation: int
    name: str


class LegAdded(msgspec.Struct, frozen=True, gc=False):
    """A leg joined the rotation."""

    leg: Leg


class LegRemoved(msgspec.Struct, frozen=True, gc=False):
    """A leg left the rotation."""

    leg_id: LegId


class LegTimesChanged(msgspec.Struct, frozen=True, gc=False):
    """A leg moved in time."""

    leg_id: LegId
    departure: Minute
    arrival: Minute
    departure_offset: int
    arrival_offset: int


class RotationRemoved(msgspec.Struct, frozen=True, gc=False):
    """The rotation ended, with its legs."""


class RotationAssignedToAirplane(msgspec.Struct, frozen=True, gc=False):
    """The rotation was given to an airplane."""

    airplane_id: AggregateId
    registration: str


class RotationUnassigned(msgspec.Struct, frozen=True, gc=False):
    """The rotation has no airplane any more."""


class AirplaneRegistered(msgspec.Struct, frozen=True, gc=False):
    """An airplane joined the schedule."""

    schedule: str
    incarnation: int
    registration: str
    aircraft_type: str
    minimum_ground_minutes: int | None


class AirplaneChanged(msgspec.Struct, frozen=True, gc=False):
    """What is known of the airplane changed."""

    aircraft_type: str
    minimum_ground_minutes: int | None


class AirplaneRetired(msgspec.Struct, frozen=True, gc=False):
    """The airplane left the schedule."""


class AirportDefined(msgspec.Struct, frozen=True, gc=False):
    """What is known of the airport was stated."""

    schedule: str
    incarnation: int
    iata: str
    minimum_ground_minutes: int | None
    time_zone: str


ScheduleEvent = ScheduleCreated | ScheduleDeleted | FindingRulesChanged
RotationEvent = (
    RotationCreated
    | LegAdded
    | LegRemoved
    | LegTimesChanged
    | RotationRemoved
    | RotationAssignedToAirplane
    | RotationUnassigned
)
AirplaneEvent = AirplaneRegistered | AirplaneChanged | AirplaneRetired
AirportEvent = AirportDefined
Event = ScheduleEvent | RotationEvent | AirplaneEvent | AirportEvent
