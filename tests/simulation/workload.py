"""Clients that send commands until each has an answer, and note what they were told.

A command without an answer is sent again with the same id, by another way: through the client's own
router, by REST through the gateway, or straight to any shard node. Some are sent by several ways at
once, some again long after, some ids with another body. After some answers the read side is asked
with the answer's position.
"""

import asyncio
from random import Random
from typing import Any, NamedTuple

from flightmesh.api.read.v1 import query_service_pb2 as read_pb
from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.codec.commands import Request, address_of, derived_leg_id, envelope_of
from flightmesh.errors import FlightmeshError, InvalidInput, Refused, RetryableError
from flightmesh.eventsourcing import CommandEnvelope
from flightmesh.ids import uuid7
from flightmesh.rpc.errors import error_of
from flightmesh.testing.history import History
from tests.simulation import plan
from tests.simulation.mesh import Host, Mesh
from tests.simulation.requests import SCHEDULE, SHARED, Drawer, private_rotation
from tests.simulation.rest import RestClient

_PATIENCE_S = 4.0
Answer = pb.ExecuteResponse | FlightmeshError


class Read(NamedTuple):
    """An answer of the read node: legs of a rotation with their times, minutes since 1970."""

    rotation: str
    position: str
    legs: dict[str, tuple[int, int]]


class Workload:
    """All clients of a run.

    Args:
        mesh: the mesh.
        commands: how many commands they send together, repeats not counted.

    Attributes:
        history: what they asked and were told.
        envelopes: command id and body hash → the command.
        settled: requests with a final answer.
        reads: what the read node answered.
        unanswered: requests still without one.
    """

    def __init__(self, mesh: Mesh, commands: int) -> None:
        self.history = History()
        self.envelopes: dict[tuple[str, str], CommandEnvelope] = {}
        self.settled: list[Request] = []
        self.reads: list[Read] = []
        self.unanswered: dict[int, Request] = {}
        self.settling = 0
        self.known: dict[str, int] = {}
        self.mesh = mesh
        self._ids = mesh.bits("ids")
        self._each = commands // len(plan.CLIENTS)
        self.clients = [Client(self, mesh.hosts[name]) for name in plan.CLIENTS]

    def command_id(self) -> str:
        """A new id, of now."""
        return uuid7(self.mesh.clock.now_us() // 1000, self._ids.bits(74))

    async def run(self) -> None:
        """Sends all commands and waits for their answers."""
        first = self.clients[0]
        setup = Request(schedule=SCHEDULE, command_id=self.command_id())
        setup.create_schedule.title = "simulated"
        await first.settle(setup)
        rotations = [*SHARED, *(private_rotation(client.name) for client in self.clients)]
        for rotation in rotations:
            request = Request(
                schedule=SCHEDULE, command_id=self.command_id(), aggregate_id=rotation
            )
            request.create_rotation.name = "R"
            await first.settle(request)
        lasts_s = plan.ENDS_S - self.mesh.loop.time()
        async with asyncio.TaskGroup() as group:
            for client in self.clients:
                group.create_task(client.run(self._each, max(5.0, lasts_s)))


class Client:
    """One client, with a router of its own.

    Args:
        workload: what it belongs to.
        host: its process.
    """

    def __init__(self, workload: Workload, host: Host) -> None:
        self.name = host.name
        self._all = workload
        self._mesh = workload.mesh
        self._host = host
        self._random = Random(f"{workload.mesh.seed}/{host.name}")
        self._drawer = Drawer(self._random, self.name, workload.known)
        self._later: list[asyncio.Task[None]] = []
        self._rest = RestClient(self._mesh.network.channel(f"{plan.GATEWAY}:80"))

    @property
    def _routing(self) -> Any:
        routing = self._host.routing
        assert routing is not None
        return routing

    def _now_us(self) -> int:
        return self._mesh.clock.now_us()

    async def run(self, commands: int, lasts_s: float) -> None:
        """Sends that many commands over that time; returns when all are answered."""
        spawn = self._host.process.spawn
        pending = []
        sent = 0
        pause_s = lasts_s / commands
        while sent < commands:
            size = min(commands - sent, self._random.choice((1, 1, 1, 1, 2, 3, 5)))
            requests = [self._drawer.draw(self._all.command_id()) for _ in range(size)]
            sent += size
            pending.append(spawn(self._send(requests), "commands"))
            if self._random.random() < 0.02:
                pending.append(spawn(self._give_new_life(), "new life"))
            await asyncio.sleep(pause_s * size * self._random.uniform(0.3, 1.7))
        await asyncio.gather(*pending)
        while self._later:
            later, self._later = self._later, []
            await asyncio.gather(*later)

    async def _give_new_life(self) -> None:
        """Each command when the one before is answered, as a program does that loads anew."""
        for request in self._drawer.new_life(iter(self._all.command_id, None)):
            await self.settle(request)

    async def _send(self, requests: list[Request]) -> None:
        answered = await self._try_many(requests) if len(requests) > 1 else [False]
        for request, is_answered in zip(requests, answered, strict=True):
            # Some of those that have their answer are sent again at once.
            if is_answered and self._random.random() < 0.85:
                self._all.settled.append(request)
            else:
                await self.settle(request)
            await self._go_on(request)

    async def _go_on(self, request: Request) -> None:
        """What may follow an answered command."""
        chance = self._random.random()
        spawn = self._host.process.spawn
        if chance < 0.12:
            # Not after the others: a mesh without faults and commands shows nothing.
            left_s = plan.ENDS_S - self._mesh.loop.time()
            wait_s = self._random.random() * min(8.0, max(0.5, left_s))
            self._later.append(spawn(self._again(request, wait_s), "again"))
        elif chance < 0.17:
            other = self._drawer.other_body(request)
            self._later.append(spawn(self._again(other, 0.0), "reuse"))

    async def _again(self, request: Request, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        other = self._random.choice(self._all.clients)
        await other.settle(request)

    # --- one command --------------------------------------------------------------------------

    async def settle(self, request: Request) -> None:
        """Sends a command until it has its answer."""
        self._all.settling += 1
        key = self._all.settling
        self._all.unanswered[key] = request
        attempt = 0
        while not await self._attempt(request):
            attempt += 1
            await asyncio.sleep(self._random.uniform(0.02, 0.3))
        del self._all.unanswered[key]
        self._all.settled.append(request)

    async def _attempt(self, request: Request) -> bool:
        if self._random.random() < 0.1:
            ways = self._random.randint(2, 3)
            spawn = self._host.process.spawn
            tries = [spawn(self._try(request), "concurrent") for _ in range(ways)]
            return any(await asyncio.gather(*tries))
        return await self._try(request)

    def _note(self, request: Request) -> int:
        aggregate_id = address_of(request, self._all.command_id)
        envelope = envelope_of(request, aggregate_id)
        body = envelope.body_hash.hex()
        self._all.envelopes[envelope.command_id, body] = envelope
        return self._all.history.ask_command(
            self.name,
            self._now_us(),
            envelope.command_id,
            aggregate_id,
            body_hash=body,
            expected_sequence=envelope.expected_sequence,
        )

    async def _try(self, request: Request) -> bool:
        """One attempt by some way; whether it brought a final answer."""
        operation = self._note(request)
        sent = Request()
        sent.CopyFrom(request)
        timeout_s = self._random.uniform(0.3, _PATIENCE_S)
        try:
            way = self._random.random()
            if way < 0.35:
                answer: Answer = await self._routing.router.execute(sent, timeout_s)
            elif way < 0.65:
                answer = await self._rest.execute(sent, timeout_s)
                self._mesh.chronicle.count("gateway: command answered")
            else:
                name = self._random.choice((*plan.SHARD_NODES, plan.LATE_NODE))
                client = self._routing.client(f"{name}:1")
                (result,) = await client.execute_batch([sent], timeout_s)
                answer = _answer(result)
        except FlightmeshError as error:
            answer = error
        return await self._take(request, operation, answer)

    async def settle_all(self, requests: list[Request]) -> None:
        """Sends commands at once, and those that get no answer by themselves until they do."""
        answered = await self._try_many(requests)
        for request, is_answered in zip(requests, answered, strict=True):
            if not is_answered:
                await self.settle(request)

    async def _try_many(self, requests: list[Request]) -> list[bool]:
        """One attempt for many at once; which of them it brought a final answer."""
        operations = [self._note(request) for request in requests]
        copies = []
        for request in requests:
            copies.append(Request())
            copies[-1].CopyFrom(request)
        results = await self._routing.router.execute_many(copies, self._random.uniform(0.5, 3.0))
        return [
            await self._take(request, operation, _answer(result))
            for request, operation, result in zip(requests, operations, results, strict=True)
        ]

    async def _take(self, request: Request, operation: int, answer: Answer) -> bool:
        history, now_us = self._all.history, self._now_us()
        chronicle = self._mesh.chronicle
        if isinstance(answer, pb.ExecuteResponse):
            told = (
                None
                if request.event_view == 2
                else [e.SerializeToString().hex() for e in answer.events]
            )
            history.acknowledge(
                operation,
                now_us,
                sequence=answer.sequence,
                position=answer.position,
                events=None if request.event_view == pb.EVENT_VIEW_NONE else told,
            )
            chronicle.count("answer: acknowledged")
            self._learn(request, answer)
            if self._random.random() < 0.2:
                self._later.append(
                    self._host.process.spawn(self._ask(request, answer.position), "query")
                )
        elif isinstance(answer, RetryableError):
            history.lose(operation, now_us, str(answer))
            chronicle.count(f"answer: {answer.reason}")
            return False
        elif isinstance(answer, InvalidInput):
            history.turn_away(operation, now_us, str(answer))
            chronicle.fail(self.name, f"malformed: {answer}")
        else:
            history.refuse(operation, now_us, answer.reason)
            chronicle.count(f"answer: {answer.reason}")
            if not isinstance(answer, Refused) or answer.reason in ("INTERNAL", "CORRUPT_DATA"):
                chronicle.fail(self.name, f"answer {answer.reason}: {answer}")
        if chronicle.tells:
            kind = request.WhichOneof("command")
            said = answer.position if isinstance(answer, pb.ExecuteResponse) else answer.reason
            chronicle.tell(self.name, f"{request.command_id[-6:]} {kind}: {said}")
        return True

    def _learn(self, request: Request, answer: pb.ExecuteResponse) -> None:
        aggregate_id = request.aggregate_id
        known = self._all.known
        if aggregate_id:
            known[aggregate_id] = max(known.get(aggregate_id, 0), answer.sequence)
        if request.WhichOneof("command") == "add_leg":
            leg_id = derived_leg_id(request.command_id, 0)
            self._drawer.legs.setdefault(aggregate_id, []).append(leg_id)

    # --- queries ------------------------------------------------------------------------------

    async def _ask(self, request: Request, position: str) -> None:
        """Asks the read side for a rotation as of an answer's position, or later."""
        rotation = request.aggregate_id
        if rotation not in SHARED:
            rotation = private_rotation(self.name)
        query = read_pb.ListLegsRequest(
            schedule=SCHEDULE, rotation_id=rotation, min_position=position, page_size=1000
        )
        history = self._all.history
        operation = history.ask_query(self.name, self._now_us(), "legs", position, SCHEDULE)
        try:
            reply, told = await self._list_legs(query)
        except FlightmeshError as error:
            history.lose(operation, self._now_us(), str(error))
            return
        self._mesh.chronicle.count("query: answered")
        history.answer(operation, self._now_us(), told)
        shown = {
            placed.leg.leg_id: (
                placed.leg.departure_time.seconds // 60,
                placed.leg.arrival_time.seconds // 60,
            )
            for placed in reply.legs
        }
        self._all.reads.append(Read(rotation, told, shown))

    async def _list_legs(
        self, query: read_pb.ListLegsRequest
    ) -> tuple[read_pb.ListLegsResponse, str]:
        """Straight from the read node, or by REST."""
        if self._random.random() < 0.5:
            answer = await self._rest.list_legs(query, 5.0)
            self._mesh.chronicle.count("gateway: query answered")
            return answer
        client = self._routing.client(f"{plan.READ_NODE}:1")
        asked = read_pb.QueryBatchRequest(queries=[read_pb.Query(list_legs=query)])
        (result,) = await client.query_batch(asked, 5.0)
        if result.HasField("error"):
            raise error_of(result.error)
        return read_pb.ListLegsResponse.FromString(result.reply), result.position


def _answer(result: pb.ExecuteResult) -> Answer:
    return result.response if result.HasField("response") else error_of(result.error)
