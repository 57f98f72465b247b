"""Load by REST: commands and queries over keep-alive connections, one per caller."""

import functools
from collections.abc import Mapping
from typing import Any, Final, final

import orjson

from clients.load.http_connection import HttpConnection, HttpReply, open_http
from clients.load.measurement import Measurement, Recorder, WrongReply
from clients.load.replies import CHECKS
from clients.load.scenario import ScenarioCommand, Step, steps
from clients.load.shape import LoadShape, run_callers
from flightmesh.api.read.v1 import query_service_pb2 as query
from flightmesh.api.schedule.v1 import commands_pb2 as commands
from flightmesh.clock import Clock, Randomness, new_command_id
from flightmesh.domain.values import iso_minute

_PATHS: Final[Mapping[str, str]] = {
    "create_rotation": "rotations?aggregate_id={id}",
    "add_leg": "rotations/{id}:addLeg",
    "register_airplane": "airplanes?aggregate_id={id}",
    "assign_rotation_to_airplane": "rotations/{id}:assign",
}


@final
class RestLoad:
    """Generators over connections to one gateway, or spread over several.

    Args:
        address: host:port of the gateway; several with commas.
        clock: for latencies and ids.
        randomness: for ids.
    """

    def __init__(self, address: str, clock: Clock, randomness: Randomness) -> None:
        self._addresses = address.split(",")
        self._clock = clock
        self._randomness = randomness

    async def commands(self, shape: LoadShape) -> Measurement:
        """The write scenario, one POST per command."""
        run = f"{self._randomness.bits(48):012x}"
        connections = await self._connect(shape)
        recorder = Recorder(self._clock, shape.operations, shape.seconds)

        async def user(number: int) -> None:
            connection = connections[number]
            for step in steps(shape.schedule, f"{run}-{number}", shape.legs):
                if not recorder.take():
                    return
                sent_at = recorder.now
                request = self._command(shape.schedule, step)
                check_command(await connection.request(request), step)
                recorder.answered(sent_at)

        await self._run(shape, recorder, user, connections)
        return recorder.result("rest_commands", shape.callers)

    async def queries(self, shape: LoadShape) -> Measurement:
        """An even mix of the thesis's three checks, one GET each."""
        connections = await self._connect(shape)
        recorder = Recorder(self._clock, shape.operations, shape.seconds)
        requests = [self._get(findings_path(shape, kind)) for kind in CHECKS]
        known: dict[int, bytes] = {}

        async def caller(number: int) -> None:
            connection, turn = connections[number], number
            while recorder.take():
                sent_at, check = recorder.now, turn % len(requests)
                reply = await connection.request(requests[check])
                # A body equal to one that was checked is right; keeps the generator cheap.
                if reply.status != 200 or known.get(check) != reply.body:
                    check_page(reply, shape, CHECKS[check])
                    known[check] = reply.body
                recorder.answered(sent_at)
                turn += 1

        await self._run(shape, recorder, caller, connections)
        return recorder.result("rest_queries", shape.callers)

    async def _connect(self, shape: LoadShape) -> list[HttpConnection]:
        count = len(self._addresses)
        return [
            await open_http(self._addresses[number % count], shape.timeout_s)
            for number in range(shape.callers)
        ]

    async def _run(
        self, shape: LoadShape, recorder: Recorder, caller: Any, connections: list[HttpConnection]
    ) -> None:
        try:
            await run_callers(shape, recorder, caller)
        finally:
            for connection in connections:
                connection.close()

    def _command(self, schedule: str, step: Step) -> bytes:
        path = _PATHS[step.field].format(id=step.aggregate_id)
        body = orjson.dumps(body_of(step.command))
        command_id = new_command_id(self._clock, self._randomness)
        head = (
            f"POST /v1/schedules/{schedule}/{path} HTTP/1.1\r\nHost: {self._addresses[0]}\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: {command_id}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _get(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: {self._addresses[0]}\r\n\r\n".encode()


def findings_path(shape: LoadShape, kind: query.FindingKind) -> str:
    """Path and query of one check."""
    name = query.FindingKind.Name(kind)
    return f"/v1/schedules/{shape.schedule}/findings?kind={name}&page_size={shape.page_size}"


def body_of(command: ScenarioCommand) -> dict[str, Any]:
    """The command's JSON, as REST takes it."""
    match command:
        case commands.AddLeg():
            leg = command.leg
            return {
                "leg": {
                    "leg_id": leg.leg_id,
                    "carrier": leg.carrier,
                    "flight_number": leg.flight_number,
                    "day_of_origin": leg.day_of_origin,
                    "departure_airport": leg.departure_airport,
                    "arrival_airport": leg.arrival_airport,
                    "departure_time": _instant(leg.departure_time.seconds),
                    "arrival_time": _instant(leg.arrival_time.seconds),
                    "aircraft_type": leg.aircraft_type,
                    "service_type": leg.service_type,
                }
            }
        case commands.CreateRotation():
            return {"name": command.name}
        case commands.RegisterAirplane():
            return {"registration": command.registration, "aircraft_type": command.aircraft_type}
        case _:
            return {"airplane_id": command.airplane_id, "registration": command.registration}


def check_command(reply: HttpReply, step: Step) -> None:
    """Raises WrongReply unless the reply is what the step must give."""
    body = _body(reply)
    right = (
        int(body.get("sequence", 0)) == step.sequence
        and body.get("aggregate_id") == step.aggregate_id
        and len(body.get("events", ())) == 1
        and body.get("position")
    )
    if not right:
        raise WrongReply(f"{step.field}: {reply.body[:200]!r}")


def check_page(reply: HttpReply, shape: LoadShape, kind: query.FindingKind) -> None:
    """Raises WrongReply unless the page holds what its totals promise."""
    body = _body(reply)
    name = str(query.FindingKind.Name(kind)).removeprefix("FINDING_KIND_").lower()
    expected = min(shape.page_size, int(body["totals"][name]))
    if len(body["findings"]) != expected or not body["position"]:
        raise WrongReply(f"{len(body['findings'])} findings of kind {name}, not {expected}")


def _body(reply: HttpReply) -> dict[str, Any]:
    if reply.status != 200:
        raise WrongReply(f"status {reply.status}: {reply.body[:200]!r}")
    body: dict[str, Any] = orjson.loads(reply.body)
    return body


@functools.lru_cache(maxsize=16_384)
def _instant(seconds: int) -> str:
    return iso_minute(seconds // 60)[:-1] + ":00Z"
