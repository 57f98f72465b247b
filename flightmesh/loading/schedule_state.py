"""What a schedule holds, as loading and export see it. Values only."""

import msgspec

from flightmesh.domain.values import Leg
from flightmesh.ids import AggregateId, LegId


class StoredRotation(msgspec.Struct, frozen=True, gc=False):
    """A rotation of the schedule; `airplane_id` is None while it is not assigned."""

    name: str
    airplane_id: AggregateId | None = None


class StoredAirplane(msgspec.Struct, frozen=True, gc=False):
    """An airplane of the schedule."""

    registration: str
    aircraft_type: str = ""
    minimum_ground_minutes: int | None = None


class StoredAirport(msgspec.Struct, frozen=True, gc=False):
    """An airport of the schedule."""

    iata: str
    minimum_ground_minutes: int | None = None
    time_zone: str = ""


class ScheduleState(msgspec.Struct, frozen=True):
    """What a schedule holds now, without removed aggregates.

    Attributes:
        legs: each leg and its rotation, by leg id.
        rotations: by aggregate id.
        airplanes: by aggregate id.
        airports: by aggregate id.
    """

    legs: dict[LegId, tuple[Leg, AggregateId]] = {}
    rotations: dict[AggregateId, StoredRotation] = {}
    airplanes: dict[AggregateId, StoredAirplane] = {}
    airports: dict[AggregateId, StoredAirport] = {}
