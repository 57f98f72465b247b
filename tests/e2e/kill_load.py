"""Planners who edit one schedule through the Python client while the mesh is killed under them.

All they ask and are told goes into one history. What they were not told they ask again after the
restart, with the same command id.
"""

import asyncio
import datetime as dt
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from clients.aio import FlightmeshClient
from clients.commands import Envelope
from clients.config import ClientConfig
from clients.values import new_leg
from flightmesh.api.schedule.v1 import commands_pb2 as commands
from flightmesh.api.shard.v1.command_service_pb2 import EVENT_VIEW_FULL, ExecuteRequest
from flightmesh.codec.commands import address_of, envelope_of
from flightmesh.codec.legs import leg_of
from flightmesh.domain.commands import AddLeg
from flightmesh.errors import FlightmeshError, InvalidInput, Refused
from flightmesh.ids import CommandId, airplane_id, rotation_id
from flightmesh.testing.history import History
from flightmesh.verification.legs import leg_text

SCHEDULE = "killed"
ROTATIONS = 40
WORKERS = 12
DAY = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
# What a status without details becomes: nobody said what happened to the command.
UNTOLD = {"DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNKNOWN", "CANCELLED"}


def now_us() -> int:
    return time.monotonic_ns() // 1_000


@dataclass
class KillLoad:
    """The planners of one run over all its rounds.

    Attributes:
        seed: of all choices.
        history: what happened.
        untold: requests whose outcome nobody knows.
        told: requests that were answered, to be repeated now and then.
        legs: rotation → ids of legs that were added to it.
        sequences: rotation → sequence as last told.
    """

    seed: int
    history: History = field(default_factory=History)
    untold: dict[str, ExecuteRequest] = field(default_factory=dict)
    told: list[ExecuteRequest] = field(default_factory=list)
    legs: dict[str, list[str]] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    acknowledged: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.rotations = [rotation_id(SCHEDULE, f"line {n}") for n in range(ROTATIONS)]

    async def prepare(self, server: str) -> None:
        """Creates the schedule and its rotations, and asks again for what was left open."""
        async with self.client(server) as client:
            if not self.sequences:
                request = client.commands.request(SCHEDULE, "")
                request.create_schedule.SetInParent()
                await self.send(client, "prepare", request)
                for number, rotation in enumerate(self.rotations):
                    request = client.commands.request(SCHEDULE, rotation)
                    request.create_rotation.name = f"line {number}"
                    await self.send(client, "prepare", request)
            for request in list(self.untold.values()):
                await self.send(client, "again", request)

    async def run_until(self, server: str, acknowledgements: int, kill: Callable[[], None]) -> None:
        """Edits until so many more commands have been acknowledged, then kills in the middle."""
        enough = self.acknowledged + acknowledgements

        async def body() -> None:
            while self.acknowledged < enough:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await asyncio.sleep(self.random.random() * 0.03)
            kill()

        await self.work_while(server, body)

    async def work_while(self, server: str, body: Callable[[], Awaitable[None]]) -> None:
        """Edits while `body` runs; what is under way at its end has no outcome."""
        async with self.client(server) as client:
            running = asyncio.ensure_future(body())
            workers = [
                asyncio.create_task(self.work(client, f"planner-{n}")) for n in range(WORKERS)
            ]
            everyone = [running, *workers]
            try:
                # A worker never ends by itself: one that does has failed.
                await asyncio.wait(everyone, return_when=asyncio.FIRST_COMPLETED)
                for each in everyone:
                    if each.done():
                        each.result()
            finally:
                for each in everyone:
                    each.cancel()
                await asyncio.gather(*everyone, return_exceptions=True)

    def client(self, server: str) -> FlightmeshClient:
        return FlightmeshClient(ClientConfig((server,), timeout_s=20.0, actor="planner"))

    async def work(self, client: FlightmeshClient, name: str) -> None:
        while True:
            choice = self.random.random()
            if choice < 0.08 and self.told:
                await self.send(client, name, self.random.choice(self.told))
            elif choice < 0.10 and self.told:
                await self.reuse_id(client, name, self.random.choice(self.told))
            elif choice < 0.12:
                await self.read(client, name)
            else:
                await self.send(client, name, self.edit(client))

    # --- commands ---------------------------------------------------------------------------

    def edit(self, client: FlightmeshClient) -> ExecuteRequest:
        rotation = self.random.choice(self.rotations)
        expected = None
        if self.random.random() < 0.2:
            # Often stale, since all planners work on the same few rotations.
            expected = self.sequences.get(rotation, 1)
        envelope = Envelope(expected_sequence=expected, with_events=self.random.random() < 0.5)
        request = client.commands.request(SCHEDULE, rotation, envelope)
        legs = self.legs.setdefault(rotation, [])
        choice = self.random.random()
        # Three weeks for some twenty legs of a rotation: enough of them overlap.
        start = DAY + dt.timedelta(minutes=5 * self.random.randrange(6_000))
        if choice < 0.6 or not legs:
            leg = new_leg(
                carrier="XX",
                flight_number=self.random.randrange(1, 9999),
                departure_airport="ORY",
                arrival_airport=self.random.choice(("NCE", "TLS", "BOD")),
                departure_time=start,
                arrival_time=start + dt.timedelta(minutes=75),
            )
            request.add_leg.leg.CopyFrom(leg)
        elif choice < 0.75:
            request.change_leg_times.leg_id = self.random.choice(legs)
            request.change_leg_times.departure_time.FromDatetime(start)
            request.change_leg_times.arrival_time.FromDatetime(start + dt.timedelta(minutes=70))
        elif choice < 0.85:
            request.remove_leg.leg_id = self.random.choice(legs)
        else:
            registration = f"F-K{self.random.randrange(10)}"
            request.assign_rotation_to_airplane.CopyFrom(
                commands.AssignRotationToAirplane(
                    airplane_id=airplane_id(SCHEDULE, registration), registration=registration
                )
            )
        return request

    async def reuse_id(self, client: FlightmeshClient, name: str, used: ExecuteRequest) -> None:
        """Sends another command to the same aggregate under an id that was used."""
        request = self.edit(client)
        request.command_id, request.aggregate_id = used.command_id, used.aggregate_id
        await self.send(client, name, request, again=False)

    async def send(
        self, client: FlightmeshClient, name: str, request: ExecuteRequest, *, again: bool = True
    ) -> None:
        """Sends a command and notes what came; what is not told is sent again some time."""
        aggregate = address_of(request, lambda: CommandId(request.command_id))
        command = envelope_of(request, aggregate)
        asked = self.history.ask_command(
            name,
            now_us(),
            request.command_id,
            aggregate,
            body_hash=command.body_hash,
            expected_sequence=command.expected_sequence,
        )
        if again:
            self.untold[request.command_id] = request
        try:
            result = await client.commands.execute(request)
        except InvalidInput as error:
            self.history.turn_away(asked, now_us(), str(error))
        except Refused as error:
            if error.reason in UNTOLD:
                self.history.lose(asked, now_us(), error.reason)
                return
            self.history.refuse(asked, now_us(), error.reason)
        except FlightmeshError as error:
            self.history.lose(asked, now_us(), error.reason)
            return
        else:
            events = [event.SerializeToString(deterministic=True).hex() for event in result.events]
            is_full = request.event_view == EVENT_VIEW_FULL
            self.history.acknowledge(
                asked,
                now_us(),
                sequence=result.sequence,
                position=result.position,
                events=events if is_full else None,
            )
            self.acknowledged += 1
            self.sequences[aggregate] = result.sequence
            if isinstance(command.command, AddLeg):
                self.legs.setdefault(aggregate, []).append(command.command.leg.leg_id)
            self.told.append(request)
            del self.told[:-500]
        self.untold.pop(request.command_id, None)

    # --- queries ----------------------------------------------------------------------------

    async def read(self, client: FlightmeshClient, name: str) -> None:
        """One page: does the answer cover what this client has seen?"""
        floor = client.position
        asked = self.history.ask_query(name, now_us(), "legs", floor, SCHEDULE)
        try:
            page = await anext(client.queries.leg_pages(SCHEDULE, limit=1, min_position=floor))
        except FlightmeshError as error:
            self.history.lose(asked, now_us(), error.reason)
            return
        self.history.answer(asked, now_us(), page.position)

    async def read_all(self, server: str) -> None:
        """All legs, when nobody edits any more: they must be the fold of the ledgers."""
        self.history.stop_faults(now_us())
        async with self.client(server) as client:
            for request in list(self.untold.values()):
                await self.send(client, "last", request)
            floor = client.position
            asked = self.history.ask_query("last", now_us(), "legs", floor, SCHEDULE)
            rows, position = {}, ""
            async for page in client.queries.leg_pages(SCHEDULE, min_position=floor):
                position = page.position
                for placed in page.legs:
                    leg = leg_of(placed.leg)
                    rows[leg.leg_id] = leg_text(leg, placed.rotation_id, placed.airplane_id)
            self.history.answer(asked, now_us(), position, rows)
