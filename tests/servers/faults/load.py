"""A constant load on a mesh: so many commands and queries a second, whatever becomes of them.

The load is open: the next request is sent when its time has come, not when the last is answered.
So a mesh that stands still for five seconds owes five seconds' worth of answers afterwards. A load
that itself was kept waiting leaves out what it cannot make up for, and says so.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from clients.aio import FlightmeshClient
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.api.shard.v1.command_service_pb2 import ExecuteRequest
from flightmesh.codec.legs import leg_of
from flightmesh.errors import FlightmeshError
from flightmesh.position import Position
from flightmesh.verification.legs import leg_text
from tests.servers.faults.edits import Edits
from tests.servers.faults.pace import Pace
from tests.servers.faults.record import Record, now_us
from tests.servers.faults.ways import DEADLINE_S, LibraryWay, RestWay, StreamWay, Way

# Commands each second, and as many queries, where the machine bears it (`bearable_rate`).
PER_S: Final = 300
# A test's own limit for what must come some time: generous, since no test measures time.
PATIENCE_S: Final = 180.0
_TICK_S: Final = 0.01
# Commands asked again at once, once all is over: after many faults tens of thousands are open.
_ASKED_AT_ONCE: Final = 64
_PAGE: Final = 10
_KINDS: Final = {
    "continuity": query.FINDING_KIND_CONTINUITY,
    "ground_time": query.FINDING_KIND_GROUND_TIME,
    "designator": query.FINDING_KIND_DESIGNATOR,
}


@dataclass(frozen=True)
class Addresses:
    """Where a mesh is asked.

    Attributes:
        grpc: gRPC host:port of the gateways.
        http: HTTP host:port of the gateways.
        read_nodes: gRPC host:port of every read node.
    """

    grpc: tuple[str, ...]
    http: tuple[str, ...]
    read_nodes: tuple[str, ...]


class PacedLoad:
    """Planners who edit one schedule and look at it, at a constant rate.

    Args:
        addresses: of the mesh.
        schedule: of this load alone.
        seed: of what is asked.
        per_s: commands each second, and as many queries.
        deadline_s: of each request.

    Attributes:
        edits: what they ask.
        record: what they were told.
        patience_s: how long is waited for what must come some time.
    """

    def __init__(
        self,
        addresses: Addresses,
        schedule: str,
        seed: int,
        per_s: int,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.edits = Edits(schedule, seed)
        self.record = Record()
        self.patience_s = PATIENCE_S
        self._addresses = addresses
        self._per_s = per_s
        self._library = LibraryWay(addresses.grpc, deadline_s)
        self._rest = RestWay(addresses.http, deadline_s)
        self._stream = StreamWay(addresses.grpc, deadline_s)
        # In the proportion of their requests.
        self._ways: list[Way] = [self._library] * 3 + [self._rest, self._stream]
        self._rest_floor = ""
        self._paces: list[asyncio.Task[None]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    # --- the life of a load -----------------------------------------------------------------

    async def prepare(self) -> None:
        """Creates the schedule, its rotations and airplanes."""
        plan, *others = self.edits.creations()
        await self._send(self._library, plan)
        await asyncio.gather(*(self._send(self._library, request) for request in others))
        assert not self.record.failures, self.record.failures[:3]

    def start(self) -> None:
        """Begins to send."""
        self._paces = [
            asyncio.ensure_future(self._keep_pace(self._next_command)),
            asyncio.ensure_future(self._keep_pace(self._next_query)),
        ]

    async def go_on(self, seconds: float) -> None:
        """Lets the load run for so long."""
        done, _ = await asyncio.wait(self._paces, timeout=seconds, return_when="FIRST_COMPLETED")
        for pace in done:
            pace.result()

    async def until_all_rotations_answer(self) -> None:
        """Waits until each rotation has acknowledged a command from now on: all shards serve."""
        mark = now_us()
        answered: set[str] = set()

        async def look() -> None:
            while len(answered) < len(self.edits.rotations):
                await self.go_on(0.05)
                last = self.record.last_us
                answered.update(r for r in self.edits.rotations if last.get(r, 0) > mark)

        try:
            await asyncio.wait_for(look(), self.patience_s)
        except TimeoutError:
            silent = len(self.edits.rotations) - len(answered)
            raise AssertionError(f"{silent} rotations answer no more after the fault") from None

    async def stop(self) -> None:
        """Ends the sending, and waits for the outcome of all that is under way."""
        for pace in self._paces:
            pace.cancel()
        await asyncio.gather(*self._paces, return_exceptions=True)
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=DEADLINE_S + self.patience_s)
            assert not late, f"{len(late)} requests outlived their deadline"

    async def settle(self) -> None:
        """Nothing is broken any more: asks again for what was left open, and reads everything.

        Every command must get its outcome now; every read node must have it all.
        """
        self.record.history.stop_faults(now_us())
        before = len(self.record.failures)
        at_once = asyncio.Semaphore(_ASKED_AT_ONCE)

        async def ask_again(request: ExecuteRequest) -> None:
            async with at_once:
                await self._send(self._library, request)

        await asyncio.gather(*(ask_again(each) for each in list(self.record.untold.values())))
        open_still = self.record.failures[before:]
        assert not open_still, f"{len(open_still)} commands stay open: {open_still[0]}"
        position = Position.parse(self._library.client.position)
        floor = position.merged(Position.parse(self._rest_floor)).token()
        for address in self._addresses.read_nodes:
            async with FlightmeshClient(address) as client:
                await self._read_all(client, address, floor)

    async def close(self) -> None:
        for pace in self._paces:
            pace.cancel()
        await self._library.close()
        await self._rest.close()
        await self._stream.close()

    # --- the pace ---------------------------------------------------------------------------

    async def _keep_pace(self, request: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        pace = Pace(self._per_s, loop.time())
        while True:
            due, left_out = pace.due(loop.time())
            self.record.left_out += left_out
            for _ in range(due):
                self._launch(request())
            slept_us = now_us()
            await asyncio.sleep(_TICK_S)
            self.record.stalled_us = max(self.record.stalled_us, now_us() - slept_us)

    def _launch(self, request: Awaitable[None]) -> None:
        task = asyncio.ensure_future(request)
        self._under_way.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Future[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.record.wrong.append(f"the load itself failed: {error!r}")

    # --- commands ---------------------------------------------------------------------------

    async def _next_command(self) -> None:
        way = self.edits.random.choice(self._ways)
        await self._send(way, self.edits.next())

    async def _send(self, way: Way, request: ExecuteRequest) -> None:
        operation = self.record.ask(way.name, request)
        try:
            result = await way.execute(request)
        except FlightmeshError as error:
            self.record.fail(way.name, operation, request, error)
            return
        self.record.acknowledge(operation, request, result)
        self.edits.learn(request, result.sequence)
        if way is self._rest:
            self._saw_by_rest(result.position)
        else:
            self._library.client.saw(result.position)

    def _saw_by_rest(self, position: str) -> None:
        seen = Position.parse(self._rest_floor).merged(Position.parse(position))
        self._rest_floor = seen.token()

    # --- queries ----------------------------------------------------------------------------

    async def _next_query(self) -> None:
        choice = self.edits.random.random()
        rotation = self.edits.random.choice(self.edits.rotations)
        kind = self.edits.random.choice(list(_KINDS))
        if choice < 0.35:
            await self._ask_findings(kind)
        elif choice < 0.60:
            await self._ask_legs(rotation)
        elif choice < 0.75:
            await self._ask_rotation(rotation)
        elif choice < 0.90:
            await self._ask_by_rest(f"findings?kind={kind}&page_size={_PAGE}")
        else:
            await self._ask_by_rest(f"legs?rotation_id={rotation}&page_size={_PAGE}")

    async def _ask_findings(self, kind: str) -> None:
        client, schedule = self._library.client, self.edits.schedule
        floor = client.position
        operation = self.record.ask_query("library query", "findings", floor, schedule)
        pages = client.queries.finding_pages(
            schedule, kinds=[_KINDS[kind]], limit=_PAGE, min_position=floor
        )
        try:
            page = await anext(pages)
        except FlightmeshError as error:
            self.record.fail_query("library query", operation, error)
            return
        finally:
            await pages.aclose()  # type: ignore[attr-defined]
        if len(page.findings) != min(_PAGE, getattr(page.totals, kind)):
            self.record.wrong.append(f"{len(page.findings)} findings where {page.totals} were told")
        self.record.answer(operation, page.position)

    async def _ask_legs(self, rotation: str) -> None:
        client, schedule = self._library.client, self.edits.schedule
        floor = client.position
        operation = self.record.ask_query("library query", "legs", floor, schedule)
        pages = client.queries.leg_pages(
            schedule, rotation_id=rotation, limit=_PAGE, min_position=floor
        )
        try:
            page = await anext(pages)
        except FlightmeshError as error:
            self.record.fail_query("library query", operation, error)
            return
        finally:
            await pages.aclose()  # type: ignore[attr-defined]
        self.record.answer(operation, page.position)

    async def _ask_rotation(self, rotation: str) -> None:
        """The owner's own answer must show what was acknowledged before it was asked."""
        told = self.edits.sequences.get(rotation, 0)
        operation = self.record.ask_query("owner query", "rotation", "", self.edits.schedule)
        try:
            state = await self._library.client.aggregates.rotation(self.edits.schedule, rotation)
        except FlightmeshError as error:
            self.record.fail_query("owner query", operation, error)
            return
        if state.sequence < told:
            self.record.wrong.append(
                f"rotation {rotation} shown at sequence {state.sequence} after {told} was told"
            )
        self.record.answer(operation, "")

    async def _ask_by_rest(self, what: str) -> None:
        schedule, floor = self.edits.schedule, self._rest_floor
        operation = self.record.ask_query("rest query", what, floor, schedule)
        try:
            path = f"/v1/schedules/{schedule}/{what}&min_position={floor}"
            answer = await self._rest.ask("GET", path)
        except FlightmeshError as error:
            self.record.fail_query("rest query", operation, error)
            return
        self._saw_by_rest(answer["position"])
        self.record.answer(operation, answer["position"])

    async def _read_all(self, client: FlightmeshClient, name: str, floor: str) -> None:
        """All legs, as the fold of the ledgers has them."""
        operation = self.record.ask_query(name, "all legs", floor, self.edits.schedule)
        rows, position = dict[str, str](), ""
        async for page in client.queries.leg_pages(self.edits.schedule, min_position=floor):
            position = page.position
            for placed in page.legs:
                leg = leg_of(placed.leg)
                rows[leg.leg_id] = leg_text(leg, placed.rotation_id, placed.airplane_id)
        self.record.answer(operation, position, rows)
