"""Commands as REST are the commands that the gateway reads from it."""

from random import Random
from types import SimpleNamespace
from typing import Any

from flightmesh.api.shard.v1 import command_service_pb2 as pb
from flightmesh.clock.virtual import ManualClock
from flightmesh.errors import InvalidInput, Refused, RetryableError
from flightmesh.rpc.json_codec import encode_json
from gateway.problems import problem_of
from tests.simulation import rest
from tests.simulation.gateway import HttpAnswer, _Exchange, build_app
from tests.simulation.requests import Drawer


class _Commands:
    """Keeps what it is asked."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def execute(self, request: Any, timeout_s: float) -> pb.ExecuteResponse:
        self.taken.append(request)
        return pb.ExecuteResponse(aggregate_id=request.aggregate_id, sequence=7, position="1:2")


async def test_every_drawn_command_arrives_as_it_was_sent() -> None:
    commands, drawer = _Commands(), Drawer(Random(1), "client-1", {})
    channel = SimpleNamespace(unary_unary=lambda *_, **__: None)
    app = build_app(commands, None, channel, ManualClock(), "g")  # type: ignore[arg-type]
    kinds = set()
    for number in range(300):
        request = drawer.draw(f"01890000-0000-7000-8000-{number:012d}")
        drawer.legs.setdefault(request.aggregate_id, []).append(request.command_id)
        if number % 3 == 0:
            request.expected_sequence = number
        exchange = _Exchange((http := rest.command_request(request)).body)
        await app(http, exchange)
        assert exchange.answer is not None
        assert exchange.answer.status == 200, exchange.answer.body
        assert commands.taken.pop() == request
        kinds.add(request.WhichOneof("command"))
    assert len(kinds) == 13


def test_problems_are_read_as_the_errors_that_they_were() -> None:
    for error in (Refused("LEG_OVERLAP", "no"), RetryableError("later"), InvalidInput("a", "b")):
        problem = problem_of(error)
        read = rest.error_of_problem(HttpAnswer(problem.status, {}, problem.body("/v1")))
        assert isinstance(read, type(error))
        assert not isinstance(error, Refused) or read.reason == error.reason


def test_an_answer_is_read_as_it_was_given() -> None:
    answer = pb.ExecuteResponse(aggregate_id="a", sequence=7, position="1:2")
    assert rest.decode_json(encode_json(answer), pb.ExecuteResponse) == answer
