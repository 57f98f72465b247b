"""What planners do to one schedule: edits of many rotations, so that every shard has its share.

Some edits are refused on purpose (a stale sequence), some are repeats of what was answered, some
reuse an id for another command: a checker that is to find mistakes needs all of them.
"""

import datetime as dt
import random
from collections import deque
from dataclasses import dataclass, field

from clients.values import new_leg
from flightmesh.api.schedule.v1 import commands_pb2 as commands
from flightmesh.api.shard.v1 import command_service_pb2 as service
from flightmesh.clock import SystemClock, SystemRandomness, new_command_id
from flightmesh.ids import airplane_id, derive, rotation_id, shard_of

ROTATIONS = 160
AIRPLANES = 20
DAY = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
_FIVE_MINUTES = 60_000  # how many the edits are spread over: 208 days
_CLOCK, _RANDOMNESS = SystemClock(), SystemRandomness()


def new_id() -> str:
    return new_command_id(_CLOCK, _RANDOMNESS)


@dataclass
class Edits:
    """The edits of one schedule.

    Attributes:
        schedule: its name.
        seed: of all choices.
        rotations: ids of the rotations that are edited.
        sequences: rotation → highest sequence that was told.
        told: requests that were answered, the newest at the end.
    """

    schedule: str
    seed: int
    rotations: list[str] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)
    told: deque[service.ExecuteRequest] = field(default_factory=lambda: deque(maxlen=500))

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.rotations = [rotation_id(self.schedule, f"line {n}") for n in range(ROTATIONS)]
        self._legs: dict[str, list[str]] = {rotation: [] for rotation in self.rotations}

    def shards(self, shard_count: int) -> set[int]:
        """The shards that the rotations lie in."""
        return {shard_of(rotation, shard_count) for rotation in self.rotations}

    def creations(self) -> list[service.ExecuteRequest]:
        """What makes the schedule's rotations and airplanes; the schedule itself comes first."""
        plan = self.request("")
        plan.create_schedule.SetInParent()
        requests = [plan]
        for number, rotation in enumerate(self.rotations):
            requests.append(request := self.request(rotation))
            request.create_rotation.name = f"line {number}"
        for number in range(AIRPLANES):
            registration = f"F-T{number:03}"
            requests.append(request := self.request(airplane_id(self.schedule, registration)))
            request.register_airplane.registration = registration
        return requests

    def next(self) -> service.ExecuteRequest:
        """One more edit; one in twelve was asked before."""
        choice = self.random.random()
        if self.told and choice < 0.07:
            return self.random.choice(self.told)
        if self.told and choice < 0.08:
            used = self.random.choice(self.told)
            request = self._edit(used.aggregate_id)
            request.command_id = used.command_id
            return request
        return self._edit(self.random.choice(self.rotations))

    def learn(self, request: service.ExecuteRequest, sequence: int) -> None:
        """Takes note of an acknowledged request."""
        rotation = request.aggregate_id
        self.sequences[rotation] = max(sequence, self.sequences.get(rotation, 0))
        if rotation not in self._legs:
            return
        if request.WhichOneof("command") == "add_leg":
            self._legs[rotation].append(request.add_leg.leg.leg_id)
        self.told.append(request)

    def request(self, aggregate_id: str) -> service.ExecuteRequest:
        """A request without its command."""
        view = service.EVENT_VIEW_FULL if self.random.random() < 0.3 else service.EVENT_VIEW_NONE
        return service.ExecuteRequest(
            schedule=self.schedule, aggregate_id=aggregate_id, command_id=new_id(), event_view=view
        )

    def _edit(self, rotation: str) -> service.ExecuteRequest:
        request = self.request(rotation)
        if self.random.random() < 0.1:
            # Stale now and then, since all edits go to the same rotations.
            request.expected_sequence = self.sequences.get(rotation, 1)
        legs = self._legs[rotation]
        start = DAY + dt.timedelta(minutes=5 * self.random.randrange(_FIVE_MINUTES))
        choice = self.random.random()
        if choice < 0.5 or not legs:
            request.add_leg.leg.CopyFrom(
                new_leg(
                    carrier="XX",
                    flight_number=self.random.randrange(1, 9999),
                    departure_airport="ORY",
                    arrival_airport=self.random.choice(("NCE", "TLS", "BOD")),
                    departure_time=start,
                    arrival_time=start + dt.timedelta(minutes=75),
                    leg_id=derive("leg", request.command_id),
                )
            )
        elif choice < 0.75:
            request.change_leg_times.leg_id = self.random.choice(legs)
            request.change_leg_times.departure_time.FromDatetime(start)
            request.change_leg_times.arrival_time.FromDatetime(start + dt.timedelta(minutes=70))
        elif choice < 0.9:
            request.remove_leg.leg_id = legs.pop(self.random.randrange(len(legs)))
        else:
            registration = f"F-T{self.random.randrange(AIRPLANES):03}"
            request.assign_rotation_to_airplane.CopyFrom(
                commands.AssignRotationToAirplane(
                    airplane_id=airplane_id(self.schedule, registration), registration=registration
                )
            )
        return request
