"""Commands: every edit of a schedule, as one typed method each.

Invariant: a command is given its id before it is first sent, and every retry carries that id, so it
has one effect at most however often it is sent.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, final

from clients.positions import PositionKeeper
from clients.results import CommandResult
from clients.values import offset_minutes, timestamp
from flightmesh import ids
from flightmesh.api.common.v1.metadata_pb2 import Metadata
from flightmesh.api.schedule.v1 import commands_pb2 as commands
from flightmesh.api.schedule.v1.types_pb2 import FindingRules, Leg
from flightmesh.api.shard.v1 import command_service_pb2 as service
from flightmesh.errors import FlightmeshError
from flightmesh.rpc.errors import error_of


class CommandPath(Protocol):
    """Brings commands to the owners of their shards; `flightmesh.routing.CommandRouter` is one."""

    async def execute(
        self, request: service.ExecuteRequest, timeout_s: float
    ) -> service.ExecuteResponse:
        """Executes one command, trying again with the same id within timeout_s."""

    async def execute_many(
        self, requests: Sequence[service.ExecuteRequest], timeout_s: float
    ) -> Sequence[service.ExecuteResult]:
        """Executes commands; results in their order, those of one aggregate in this order."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What may be said of a command beside its content.

    Attributes:
        command_id: UUIDv7; one is made if empty. Sending an id again gives the first result again.
        expected_sequence: refused unless the aggregate stands there (0: does not exist yet).
        correlation_id: shared by everything that belongs to one piece of work.
        causation_id: command or event that caused this command.
        with_events: whether the result tells the events.
        timeout_s: deadline; the client's if absent.
    """

    command_id: str = ""
    expected_sequence: int | None = None
    correlation_id: str = ""
    causation_id: str = ""
    with_events: bool = True
    timeout_s: float | None = None


PLAIN = Envelope()


@final
class Commands:
    """The commands of a client.

    Args:
        path: the way to the shard owners.
        positions: told of every result's position.
        new_id: makes command ids.
        metadata: actor and source of every command.
        timeout_s: deadline of a command that names none.

    Every method raises a FlightmeshError: InvalidInput for a malformed value, Refused with its
    reason (for example LEG_OVERLAP), Unavailable when nobody could execute it in time; after
    Unavailable, sending the same command id again tells whether it took effect.
    """

    def __init__(
        self,
        path: CommandPath,
        positions: PositionKeeper,
        new_id: Callable[[], str],
        metadata: Metadata,
        timeout_s: float,
    ) -> None:
        self._path = path
        self._positions = positions
        self._new_id = new_id
        self._metadata = metadata
        self._timeout_s = timeout_s

    async def execute(
        self, request: service.ExecuteRequest, timeout_s: float | None = None
    ) -> CommandResult:
        """Executes a request made by hand; an absent id, actor or source is filled in."""
        self._complete(request)
        response = await self._path.execute(request, timeout_s or self._timeout_s)
        self._positions.saw(response.position)
        return CommandResult.of(response)

    async def execute_many(
        self, requests: Sequence[service.ExecuteRequest], timeout_s: float | None = None
    ) -> list[CommandResult | FlightmeshError]:
        """Executes many requests, each for itself; results and errors in their order."""
        for request in requests:
            self._complete(request)
        results = await self._path.execute_many(requests, timeout_s or self._timeout_s)
        return [self._outcome(result) for result in results]

    def request(
        self, schedule: str, aggregate_id: str, envelope: Envelope = PLAIN
    ) -> service.ExecuteRequest:
        """A request for `execute_many`, complete but for the command itself."""
        view = service.EVENT_VIEW_FULL if envelope.with_events else service.EVENT_VIEW_NONE
        request = service.ExecuteRequest(
            schedule=schedule,
            aggregate_id=aggregate_id,
            command_id=envelope.command_id,
            expected_sequence=envelope.expected_sequence,
            event_view=view,
        )
        request.metadata.correlation_id = envelope.correlation_id
        request.metadata.causation_id = envelope.causation_id
        self._complete(request)
        return request

    async def create_schedule(
        self,
        schedule: str,
        title: str = "",
        finding_rules: FindingRules | None = None,
        *,
        envelope: Envelope = PLAIN,
    ) -> CommandResult:
        """Creates a schedule; all checks are on unless finding_rules says otherwise."""
        command = commands.CreateSchedule(title=title, finding_rules=finding_rules)
        return await self._send(schedule, "", envelope, {"create_schedule": command})

    async def delete_schedule(self, schedule: str, *, envelope: Envelope = PLAIN) -> CommandResult:
        """Deletes a schedule with all it holds."""
        return await self._send(
            schedule, "", envelope, {"delete_schedule": commands.DeleteSchedule()}
        )

    async def change_finding_rules(
        self, schedule: str, finding_rules: FindingRules, *, envelope: Envelope = PLAIN
    ) -> CommandResult:
        """Switches the schedule's optional checks."""
        command = commands.ChangeFindingRules(finding_rules=finding_rules)
        return await self._send(schedule, "", envelope, {"change_finding_rules": command})

    async def create_rotation(
        self,
        schedule: str,
        name: str = "",
        *,
        rotation_id: str = "",
        envelope: Envelope = PLAIN,
    ) -> CommandResult:
        """Creates an empty rotation; the result tells its id if rotation_id is empty."""
        command = commands.CreateRotation(name=name)
        return await self._send(schedule, rotation_id, envelope, {"create_rotation": command})

    async def add_leg(
        self, schedule: str, rotation_id: str, leg: Leg, *, envelope: Envelope = PLAIN
    ) -> CommandResult:
        """Adds a leg; refused as LEG_OVERLAP if it overlaps another leg of the rotation."""
        command = commands.AddLeg(leg=leg)
        return await self._send(schedule, rotation_id, envelope, {"add_leg": command})

    async def add_legs(
        self, schedule: str, rotation_id: str, legs: Sequence[Leg], *, envelope: Envelope = PLAIN
    ) -> CommandResult:
        """Adds legs, all or none."""
        command = commands.AddLegs(legs=legs)
        return await self._send(schedule, rotation_id, envelope, {"add_legs": command})

    async def remove_leg(
        self, schedule: str, rotation_id: str, leg_id: str, *, envelope: Envelope = PLAIN
    ) -> CommandResult:
        """Takes a leg out of a rotation."""
        command = commands.RemoveLeg(leg_id=leg_id)
        return await self._send(schedule, rotation_id, envelope, {"remove_leg": command})

    async def change_leg_times(
        self,
        schedule: str,
        rotation_id: str,
        leg_id: str,
        departure_time: dt.datetime,
        arrival_time: dt.datetime,
        *,
        keep_offsets: bool = True,
        envelope: Envelope = PLAIN,
    ) -> CommandResult:
        """Moves a leg in time; its local offsets stay, or become those of the datetimes."""
        command = commands.ChangeLegTimes(
            leg_id=leg_id,
            departure_time=timestamp(departure_time, "departure_time"),
            arrival_time=timestamp(arrival_time, "arrival_time"),
        )
        if not keep_offsets:
            command.departure_utc_offset_minutes = offset_minutes(departure_time)
            command.arrival_utc_offset_minutes = offset_minutes(arrival_time)
        return await self._send(schedule, rotation_id, envelope, {"change_leg_times": command})

    async def remove_rotation(
        self, schedule: str, rotation_id: str, *, envelope: Envelope = PLAIN
    ) -> CommandResult:
        """Removes a rotation with its legs."""
        command = commands.RemoveRotation()
        return await self._send(schedule, rotation_id, envelope, {"remove_rotation": command})

    async def assign_rotation(
        self,
        schedule: str,
        rotation_id: str,
        *,
        registration: str = "",
        airplane_id: str = "",
        envelope: Envelope = PLAIN,
    ) -> CommandResult:
        """Assigns a rotation to an airplane, named by registration, id or both."""
        command = commands.AssignRotationToAirplane(
            airplane_id=airplane_id, registration=registration
        )
        return await self._send(
            schedule, rotation_id, envelope, {"assign_rotation_to_airplane": command}
        )

    async def unassign_rotation(
        self, schedule: str, rotation_id: str, *, envelope: Envelope = PLAIN
    ) -> CommandResult:
        """Ends a rotation's assignment."""
        command = commands.UnassignRotation()
        return await self._send(schedule, rotation_id, envelope, {"unassign_rotation": command})

    async def register_airplane(
        self,
        schedule: str,
        registration: str,
        aircraft_type: str = "",
        minimum_ground_minutes: int | None = None,
        *,
        airplane_id: str = "",
        envelope: Envelope = PLAIN,
    ) -> CommandResult:
        """Registers an airplane; its id is derived from the registration, as imports do."""
        command = commands.RegisterAirplane(
            registration=registration,
            aircraft_type=aircraft_type,
            minimum_ground_minutes=minimum_ground_minutes,
        )
        target = airplane_id or ids.airplane_id(schedule, registration)
        return await self._send(schedule, target, envelope, {"register_airplane": command})

    async def change_airplane(
        self,
        schedule: str,
        airplane_id: str,
        aircraft_type: str = "",
        minimum_ground_minutes: int | None = None,
        *,
        envelope: Envelope = PLAIN,
    ) -> CommandResult:
        """Replaces what is known of an airplane."""
        command = commands.ChangeAirplane(
            aircraft_type=aircraft_type, minimum_ground_minutes=minimum_ground_minutes
        )
        return await self._send(schedule, airplane_id, envelope, {"change_airplane": command})

    async def retire_airplane(
        self, schedule: str, airplane_id: str, *, envelope: Envelope = PLAIN
    ) -> CommandResult:
        """Takes an airplane out of the schedule; its rotations stay assigned and are reported."""
        command = commands.RetireAirplane()
        return await self._send(schedule, airplane_id, envelope, {"retire_airplane": command})

    async def define_airport(
        self,
        schedule: str,
        iata: str,
        minimum_ground_minutes: int | None = None,
        time_zone: str = "",
        *,
        envelope: Envelope = PLAIN,
    ) -> CommandResult:
        """States what is known of an airport, the first time or again."""
        command = commands.DefineAirport(
            iata=iata, minimum_ground_minutes=minimum_ground_minutes, time_zone=time_zone
        )
        return await self._send(schedule, "", envelope, {"define_airport": command})

    async def _send(
        self, schedule: str, aggregate_id: str, envelope: Envelope, command: Mapping[str, object]
    ) -> CommandResult:
        request = self.request(schedule, aggregate_id, envelope)
        for field, value in command.items():
            getattr(request, field).CopyFrom(value)
        return await self.execute(request, envelope.timeout_s)

    def _complete(self, request: service.ExecuteRequest) -> None:
        if not request.command_id:
            request.command_id = self._new_id()
        if not request.metadata.actor:
            request.metadata.actor = self._metadata.actor
        if not request.metadata.source:
            request.metadata.source = self._metadata.source

    def _outcome(self, result: service.ExecuteResult) -> CommandResult | FlightmeshError:
        if result.HasField("error"):
            return error_of(result.error)
        self._positions.saw(result.response.position)
        return CommandResult.of(result.response)
