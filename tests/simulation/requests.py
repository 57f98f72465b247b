"""Commands drawn by chance: on few aggregates, so that they meet."""

from collections.abc import Iterator
from random import Random
from typing import Any

from flightmesh.codec.commands import Request
from flightmesh.ids import airplane_id, rotation_id

SCHEDULE = "sim"
# A schedule that is deleted and created again, time and again.
BRIEF = "brief"
_BRIEF_ROTATIONS = tuple(rotation_id(BRIEF, f"R{number}") for number in range(2))
SHARED = tuple(rotation_id(SCHEDULE, f"R{number}") for number in range(6))
_AIRPORTS = ("MRS", "CDG", "ORY", "NCE", "XXQ")
_DAY_S = 1_118_707_200
_AIRPLANES = tuple(f"F-SIM{letter}" for letter in "ABC")


def private_rotation(client: str) -> str:
    """The rotation that only this client changes."""
    return rotation_id(SCHEDULE, client)


class Drawer:
    """Draws the commands of one client.

    Args:
        random: its chances.
        client: its name.
        known: aggregate → last sequence that any client was told; shared.
    """

    def __init__(self, random: Random, client: str, known: dict[str, int]) -> None:
        self._random = random
        self._client = client
        self._known = known
        self.legs: dict[str, list[str]] = {}

    def draw(self, command_id: str) -> Request:
        """A command."""
        random = self._random
        request = Request(schedule=SCHEDULE, command_id=command_id)
        kind = random.choices(
            (self._add, self._change, self._remove, self._assign, self._airplane, self._airport,
             self._rotation, self._new_rotation, self._rules, self._brief),
            (46, 12, 10, 10, 7, 5, 4, 4, 2, 6),
        )[0]  # fmt: skip
        kind(request)
        if random.random() < 0.25 and request.aggregate_id in self._known:
            request.expected_sequence = max(
                0, self._known[request.aggregate_id] + random.choice((0, 0, 0, -1, 1))
            )
        request.event_view = random.choice((0, 1, 2, 2))
        return request

    def other_body(self, request: Request) -> Request:
        """The same command id with another body."""
        other = Request()
        other.CopyFrom(request)
        if other.WhichOneof("command") == "add_leg":
            other.add_leg.leg.flight_number += 1
        else:
            other.expected_sequence = 10_000
        return other

    def _target(self) -> str:
        if self._random.random() < 0.2:
            return private_rotation(self._client)
        return self._random.choice(SHARED)

    def _leg_times(self, message: Any) -> None:
        start = _DAY_S + self._random.randrange(0, 200) * 1800
        message.departure_time.seconds = start
        message.arrival_time.seconds = start + 1500

    def _add(self, request: Request) -> None:
        self._add_to(request, self._target())

    def _add_to(self, request: Request, rotation: str) -> None:
        request.aggregate_id = rotation
        leg = request.add_leg.leg
        leg.carrier, leg.flight_number = "XX", self._random.randrange(1, 999)
        leg.day_of_origin = "2005-06-14"
        leg.departure_airport, leg.arrival_airport = self._random.sample(_AIRPORTS, 2)
        self._leg_times(leg)

    def _known_leg(self, rotation: str) -> str:
        legs = self.legs.get(rotation) or [rotation]  # none: an id that is not there
        return self._random.choice(legs)

    def _change(self, request: Request) -> None:
        request.aggregate_id = self._target()
        request.change_leg_times.leg_id = self._known_leg(request.aggregate_id)
        self._leg_times(request.change_leg_times)

    def _remove(self, request: Request) -> None:
        request.aggregate_id = self._random.choice(SHARED)
        request.remove_leg.leg_id = self._known_leg(request.aggregate_id)

    def _assign(self, request: Request) -> None:
        request.aggregate_id = self._target()
        if self._random.random() < 0.3:
            request.unassign_rotation.SetInParent()
            return
        registration = self._random.choice(_AIRPLANES)
        request.assign_rotation_to_airplane.airplane_id = airplane_id(SCHEDULE, registration)
        request.assign_rotation_to_airplane.registration = registration

    def _airplane(self, request: Request) -> None:
        registration = self._random.choice(_AIRPLANES)
        request.aggregate_id = airplane_id(SCHEDULE, registration)
        if self._random.random() < 0.5:
            request.register_airplane.registration = registration
        else:
            request.change_airplane.aircraft_type = self._random.choice(("320", "738", "E90"))

    def _airport(self, request: Request) -> None:
        request.define_airport.iata = self._random.choice(_AIRPORTS)
        request.define_airport.minimum_ground_minutes = self._random.randrange(20, 60)

    def _rotation(self, request: Request) -> None:
        request.aggregate_id = self._random.choice(SHARED)
        if self._random.random() < 0.2:
            request.remove_rotation.SetInParent()
        else:
            request.create_rotation.name = "again"

    def _new_rotation(self, request: Request) -> None:
        request.create_rotation.name = f"of {self._client}"

    def _brief(self, request: Request) -> None:
        """Something for the schedule that comes and goes."""
        request.schedule = BRIEF
        chance = self._random.random()
        if chance < 0.2:
            request.create_schedule.title = "again"
        elif chance < 0.35:
            request.delete_schedule.SetInParent()
        elif chance < 0.7:
            request.aggregate_id = self._random.choice(_BRIEF_ROTATIONS)
            request.create_rotation.name = "of one life"
        else:
            self._add_to(request, self._random.choice(_BRIEF_ROTATIONS))

    def new_life(self, command_ids: Iterator[str]) -> Iterator[Request]:
        """Commands that end and begin the brief schedule, and what comes right before and after."""
        begin = [(rotation, "create_rotation") for rotation in _BRIEF_ROTATIONS]
        turn = [("", "delete_schedule"), ("", "create_schedule")]
        for aggregate_id, kind in (*begin, *turn, *begin):
            request = Request(
                schedule=BRIEF, command_id=next(command_ids), aggregate_id=aggregate_id
            )
            getattr(request, kind).SetInParent()
            yield request

    def _rules(self, request: Request) -> None:
        request.change_finding_rules.finding_rules.airplane_overlap = self._random.random() < 0.5
