import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from flightmesh import errors
from flightmesh.clock import SystemClock
from flightmesh.ids import schedule_aggregate_id
from gateway.app import GatewayApp
from gateway.bindings import Binding, all_bindings
from gateway.bootstrap import Gateway, build_gateway
from gateway.config import GatewayConfig
from tests.unit.gateway.fake_backend import COMMAND, ROTATION, FakeBackend

ROTATIONS = "/v1/schedules/s1/rotations"


class CountingRandomness:
    def bits(self, count: int) -> int:
        return 7


@dataclass
class FakeScope:
    method: str
    path: str
    query_string: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class FakeExchange:
    """Gives a body in pieces, and keeps the answer."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def __call__(self) -> bytes:
        return b"".join(self.pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, dict(headers), body

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.response_bytes(status, headers, b"")

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


def gateway_on(backend: FakeBackend, **settings: Any) -> Gateway:
    return build_gateway(
        GatewayConfig(**settings), backend, clock=SystemClock(), randomness=CountingRandomness()
    )


@pytest.fixture
def app(backend: FakeBackend) -> GatewayApp:
    return gateway_on(backend, max_body_bytes=1000).app


async def send(
    app: GatewayApp,
    method: str,
    path: str,
    body: bytes = b"",
    query: str = "",
    **headers: str,
) -> FakeExchange:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        named.setdefault("content-length", str(len(body)))
    exchange = FakeExchange(body)
    await app(FakeScope(method, path, query, named), exchange)
    return exchange


def example_path(binding: Binding) -> str:
    texts = {"schedule": "s1", "aggregate_id": ROTATION, "shard": "7", "node": "n1"}
    parts = list(binding.template.segments)
    for variable in binding.template.variables:
        parts[variable.start] = texts[variable.field]
    verb = f":{binding.template.verb}" if binding.template.verb else ""
    return "/" + "/".join(parts) + verb


@pytest.mark.parametrize("binding", all_bindings(), ids=lambda binding: binding.operation)
async def test_every_binding_reaches_its_service(
    binding: Binding, app: GatewayApp, backend: FakeBackend
) -> None:
    answer = await send(app, binding.http_method, example_path(binding))
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    ((what, message, timeout_s),) = backend.asked
    assert timeout_s == 10.0
    service = binding.method.containing_service.name
    if service == "CommandService":
        assert message.WhichOneof("command") == binding.body
        assert message.schedule == "s1"
    elif service == "QueryService":
        assert binding.method.input_type == getattr(message, what).DESCRIPTOR
    elif service == "AggregateService":
        owner = ROTATION if "aggregate_id" in str(binding.template) else schedule_aggregate_id("s1")
        assert what == f"{binding.method.name} {owner}"
    else:
        assert what == binding.rpc


async def test_a_command_answers_its_result_with_etag_and_position(app: GatewayApp) -> None:
    path = f"{ROTATIONS}/{ROTATION}:addLeg"
    answer = await send(app, "POST", path, b'{"leg": {}}', idempotency_key=COMMAND)
    assert answer.headers["etag"] == '"5"'
    assert answer.headers["flightmesh-position"] == "7:1"
    assert answer.document["sequence"] == "5"
    assert answer.document["command_id"] == COMMAND


async def test_a_read_nodes_bytes_are_passed_on_unread(app: GatewayApp) -> None:
    answer = await send(app, "GET", "/v1/schedules/s1/findings")
    assert answer.body == b'{"from":"the read node"}'
    assert answer.headers["flightmesh-position"] == "7:2"


@pytest.mark.parametrize("path", ["/v1", "/v2/schedules", "/v1/schedules/", ROTATIONS + "/"])
async def test_an_unknown_path_is_a_problem(app: GatewayApp, path: str) -> None:
    answer = await send(app, "GET", path)
    assert answer.status == 404
    assert answer.document["reason"] == "ROUTE_NOT_FOUND"


async def test_a_method_that_is_not_possible_is_told_the_possible_ones(app: GatewayApp) -> None:
    answer = await send(app, "PUT", f"{ROTATIONS}/{ROTATION}")
    assert answer.status == 405
    assert answer.headers["allow"] == "DELETE, GET, HEAD"
    page = await send(app, "POST", "/healthz")
    assert (page.status, page.headers["allow"]) == (405, "GET, HEAD")


async def test_head_answers_as_get_without_the_body(app: GatewayApp) -> None:
    got = await send(app, "GET", "/v1/schedules")
    head = await send(app, "HEAD", "/v1/schedules")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(got.body))


async def test_a_failed_if_match_is_412_and_a_failed_parameter_409(
    app: GatewayApp, backend: FakeBackend
) -> None:
    def mismatch() -> None:
        raise errors.Refused("SEQUENCE_MISMATCH", "it is at 3", {"sequence": "3"})

    backend.before = mismatch
    path = f"{ROTATIONS}/{ROTATION}"
    assert (await send(app, "DELETE", path, if_match='"2"')).status == 412
    assert (await send(app, "DELETE", path, query="expected_sequence=2")).status == 409


async def test_an_aggregate_id_without_a_shard_is_refused_here(
    app: GatewayApp, backend: FakeBackend
) -> None:
    for method, path in (("DELETE", f"{ROTATIONS}/r1"), ("GET", f"{ROTATIONS}/r1")):
        answer = await send(app, method, path)
        assert answer.status == 400
        assert answer.document["errors"][0]["field"] == "aggregate_id"
    assert not backend.asked


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-type": "application/merge-patch+json"}, 200),
        ({"content-encoding": "gzip"}, 415),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"host": "plan.example:8080", "origin": "http://elsewhere.example"}, 403),
        ({"host": "plan.example:8080", "origin": "null"}, 403),
        ({"host": "plan.example:8080", "origin": "http://plan.example:8080"}, 200),
        # A proxy may have another name for this server; the browser knows.
        (
            {"host": "inside:1", "origin": "https://plan.example", "sec-fetch-site": "same-origin"},
            200,
        ),
        ({"request-timeout": "0"}, 400),
        ({"request-timeout": "soon"}, 400),
        ({"request-timeout": "inf"}, 400),
        ({"content-length": "1001"}, 413),
        ({"content-length": str(10**30)}, 413),
    ],
)
async def test_headers_are_held_to_what_is_served(
    backend: FakeBackend, headers: dict[str, str], status: int
) -> None:
    app = gateway_on(backend, max_body_bytes=1000, host_names=("plan.example", "inside")).app
    answer = await send(app, "POST", ROTATIONS, b'{"name": "L1"}', **headers)
    assert answer.status == status


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({}, "localhost", 200),
        ({}, "LocalHost.:8080", 200),
        ({}, "plan.localhost:8080", 200),
        ({}, "127.0.0.1:8080", 200),
        ({}, "10.1.2.3", 200),
        ({}, "[::1]:8080", 200),
        ({}, None, 200),
        ({}, "elsewhere.example:8080", 421),
        ({}, "localhost.elsewhere.example", 421),
        ({}, "127.0.0.1.elsewhere.example", 421),
        ({}, "", 421),
        ({"host": "::1"}, "elsewhere.example", 421),
        ({"host": "localhost"}, "elsewhere.example", 421),
        ({"host_names": ("plan.example",)}, "Plan.Example:443", 200),
        ({"host_names": ("plan.example",)}, "localhost:8080", 200),
        ({"host_names": ("plan.example",)}, "elsewhere.example", 421),
        ({"host_names": ("*",)}, "elsewhere.example", 200),
        # Whoever listens for others has names that are not known here.
        ({"host": "0.0.0.0"}, "elsewhere.example", 200),
        ({"host": "0.0.0.0", "host_names": ("plan.example",)}, "elsewhere.example", 421),
    ],
)
@pytest.mark.parametrize("path", ["/", "/v1/schedules/s1"])
async def test_pages_that_pointed_their_own_name_here_are_refused(
    backend: FakeBackend, settings: dict[str, Any], host: str | None, status: int, path: str
) -> None:
    """DNS rebinding: to the browser such a page is of this server."""
    app = gateway_on(backend, **settings).app
    await send(app, "GET", path, host="localhost")
    backend.asked.clear()
    answer = await send(app, "GET", path, **({} if host is None else {"host": host}))
    assert answer.status == status
    if status == 421:
        assert answer.document["reason"] == "HOST_NOT_KNOWN"
        assert "host_names" in answer.document["detail"]
        assert not backend.asked


async def test_a_body_of_unknown_length_is_read_up_to_the_limit(
    app: GatewayApp, backend: FakeBackend
) -> None:
    scope = FakeScope("POST", ROTATIONS, headers={"transfer-encoding": "chunked"})
    small = FakeExchange(b'{"name":', b'"L1"}')
    await app(scope, small)
    assert (small.status, backend.asked[0][1].create_rotation.name) == (200, "L1")
    large = FakeExchange(*[b" " * 100] * 11)
    await app(scope, large)
    assert (large.status, large.document["reason"]) == (413, "TOO_LARGE")


async def test_a_body_that_does_not_arrive_is_given_up(backend: FakeBackend) -> None:
    class Silent(FakeExchange):
        async def __call__(self) -> bytes:
            await asyncio.Event().wait()
            return b""

    exchange = Silent()
    app = gateway_on(backend, body_timeout_s=0.001).app
    await app(FakeScope("POST", ROTATIONS, headers={"content-length": "5"}), exchange)
    assert (exchange.status, exchange.document["reason"]) == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize("path", ["/v1/schedules/%zz", "/v1/\ufffd", "/v1/schedules/a\x00b"])
async def test_a_badly_encoded_path_is_refused(app: GatewayApp, path: str) -> None:
    assert (await send(app, "GET", path)).status == 400


async def test_a_long_path_or_query_string_is_refused(app: GatewayApp) -> None:
    assert (await send(app, "GET", "/v1/" + "a" * 5000)).status == 414
    assert (await send(app, "GET", "/v1/schedules", query="a" * 5000)).status == 414


async def test_the_caller_may_shorten_and_lengthen_the_deadline_within_bounds(
    app: GatewayApp, backend: FakeBackend
) -> None:
    for text in ("0.5", "30", "9999"):
        await send(app, "GET", "/v1/schedules", request_timeout=text)
    assert [timeout_s for _, _, timeout_s in backend.asked] == [0.5, 30.0, 60.0]


async def test_more_requests_than_the_limit_are_refused_with_a_time_to_retry(
    backend: FakeBackend,
) -> None:
    app = gateway_on(backend, max_concurrent_requests=1).app
    answered = asyncio.Event()
    backend.before = answered.wait
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(send(app, "GET", "/v1/schedules"))
        await asyncio.sleep(0)
        second = await send(app, "GET", "/v1/schedules")
        healthy = await send(app, "GET", "/healthz")
        answered.set()
    assert (second.status, second.headers["retry-after"]) == (503, "1")
    assert (first.result().status, healthy.status) == (200, 200)


async def test_an_unexpected_error_is_logged_with_the_requests_id(
    app: GatewayApp, backend: FakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("secret")

    backend.before = fail
    answer = await send(app, "GET", "/v1/schedules", x_request_id="caller-1")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert answer.headers["x-request-id"] == "caller-1"
    (record,) = caplog.records
    assert record.fields == {"request_id": "caller-1"}  # type: ignore[attr-defined]


async def test_every_answer_has_a_request_id(app: GatewayApp) -> None:
    ids = [(await send(app, "GET", path)).headers["x-request-id"] for path in ("/", "/x", "/y")]
    assert len(set(ids)) == 3
    odd = await send(app, "GET", "/", x_request_id="a\nb")
    assert odd.headers["x-request-id"] not in ("a\nb", *ids)


async def test_a_lost_connection_is_passed_on(backend: FakeBackend) -> None:
    def lose() -> None:
        raise ConnectionResetError

    app = gateway_on(backend).app
    app._connection_errors = (ConnectionResetError,)
    backend.before = lose
    with pytest.raises(ConnectionResetError):
        await send(app, "GET", "/v1/schedules")


async def test_requests_are_counted_by_operation_and_status(
    app: GatewayApp, backend: FakeBackend
) -> None:
    await send(app, "GET", "/v1/schedules")
    await send(app, "GET", "/v1/schedules", query="x=1")
    text = (await send(app, "GET", "/metrics")).body.decode()
    name = "flightmesh_gateway_requests_total"
    assert f'{name}{{node="gateway",operation="listSchedules",status="200"}} 1' in text
    assert f'{name}{{node="gateway",operation="listSchedules",status="400"}} 1' in text
    assert 'flightmesh_gateway_requests_under_way{node="gateway"} 0' in text
