"""The real HTTP server over loopback, on a fake mesh."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from flightmesh.clock import SystemClock, SystemRandomness
from flightmesh.errors import ConfigurationError, Refused, Unavailable
from gateway.bootstrap import Gateway, build_gateway
from gateway.config import GatewayConfig
from tests.unit.gateway.fake_backend import COMMAND, ROTATION, FakeBackend

ROTATIONS = "/v1/schedules/s1/rotations"
LIMIT = 1 << 20


def gateway_on(backend: FakeBackend, **settings: Any) -> Gateway:
    settings.setdefault("port", 0)
    return build_gateway(
        GatewayConfig(**settings), backend, clock=SystemClock(), randomness=SystemRandomness()
    )


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
async def gateway(backend: FakeBackend) -> AsyncIterator[Gateway]:
    made = gateway_on(backend, header_timeout_s=1.0, body_timeout_s=0.5)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{gateway.address}") as made:
        yield made


async def raw(gateway: Gateway, data: bytes, timeout_s: float = 5.0) -> bytes:
    """What the server sends until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        writer.write(data)
        async with asyncio.timeout(timeout_s):
            return await reader.read()
    finally:
        writer.close()


async def test_a_command_goes_through(client: httpx.AsyncClient, backend: FakeBackend) -> None:
    answer = await client.post(
        f"{ROTATIONS}/{ROTATION}:addLeg",
        json={"leg": {"carrier": "XX", "departure_time": "2005-06-14T09:00:00Z"}},
        headers={"Idempotency-Key": COMMAND, "If-Match": '"4"'},
    )
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"5"'
    assert answer.headers["flightmesh-position"] == "7:1"
    assert answer.headers["content-type"] == "application/json"
    ((_, request, _),) = backend.asked
    assert (request.command_id, request.expected_sequence) == (COMMAND, 4)
    assert request.add_leg.leg.departure_time.seconds == 1118739600


async def test_a_verb_may_be_percent_encoded(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{ROTATIONS}/{ROTATION}%3Aunassign")
    assert answer.status_code == 200


async def test_a_query_goes_through(client: httpx.AsyncClient, backend: FakeBackend) -> None:
    answer = await client.get(
        "/v1/schedules/s1/findings",
        params={"kind": ["continuity", "ground_time"], "from": "2005-06-14T09:00:00+02:00"},
        headers={"Flightmesh-Position": "7:1"},
    )
    assert answer.json() == {"from": "the read node"}
    ((_, query, _),) = backend.asked
    assert list(query.list_findings.kind) == [1, 2]
    assert query.list_findings.min_position == "7:1"


async def test_a_refusal_is_a_problem(client: httpx.AsyncClient, backend: FakeBackend) -> None:
    def overlap() -> None:
        raise Refused("LEG_OVERLAP", "the leg overlaps another", {"leg_id": "x"})

    backend.before = overlap
    answer = await client.post(f"{ROTATIONS}/{ROTATION}:addLeg", json={"leg": {}})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/leg-overlap"
    page = await client.get(answer.json()["type"])
    assert page.status_code == 200


async def test_what_is_unavailable_says_when_to_retry(
    client: httpx.AsyncClient, backend: FakeBackend
) -> None:
    def fail() -> None:
        raise Unavailable("not now")

    backend.before = fail
    answer = await client.get("/v1/schedules")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[" * 100_000,
        b'{"leg":' * 100_000,
        b'{"leg":' + b"[" * 1000 + b"]" * 1000 + b"}",
        b"\xff",
        b'{"leg": 1, "leg": {}}',
    ],
)
async def test_malformed_json_is_a_problem(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post(f"{ROTATIONS}/{ROTATION}:addLeg", content=body)
    assert (answer.status_code, answer.json()["reason"]) == (400, "INVALID_INPUT")


async def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_read(
    client: httpx.AsyncClient, backend: FakeBackend
) -> None:
    frame = len(b'{"name":""}')
    full = b'{"name":"' + b"a" * (LIMIT - frame) + b'"}'
    assert (await client.post(ROTATIONS, content=full)).status_code == 200
    assert len(backend.asked[0][1].create_rotation.name) == LIMIT - frame
    answer = await client.post(ROTATIONS, content=full + b" ")
    assert (answer.status_code, answer.json()["reason"]) == (413, "TOO_LARGE")


async def test_a_large_body_of_unknown_length_is_refused(gateway: Gateway) -> None:
    head = (
        f"POST {ROTATIONS} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        "Connection: close\r\n\r\n"
    )
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = await raw(gateway, head.encode() + piece * 17 + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_slow_body_is_given_up(gateway: Gateway) -> None:
    head = f"POST {ROTATIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
    assert (await raw(gateway, head.encode() + b"{")).startswith(b"HTTP/1.1 408 ")


async def test_half_a_head_and_a_silent_connection_are_closed(gateway: Gateway) -> None:
    assert await raw(gateway, b"GET / HTTP/1.1\r\nHost:") == b""
    assert await raw(gateway, b"") == b""


async def test_large_headers_and_paths_are_refused(gateway: Gateway) -> None:
    large = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"a" * 200_000 + b"\r\n\r\n"
    assert (await raw(gateway, large)).startswith(b"HTTP/1.1 431 ")
    path = b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert (await raw(gateway, path)).startswith(b"HTTP/1.1 414 ")


@pytest.mark.parametrize("path", ["/v1/schedules/%zz", "/v1/schedules/%ff", "/v1/schedules/a%00"])
async def test_a_badly_encoded_path_is_refused(gateway: Gateway, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert (await raw(gateway, head.encode())).startswith(b"HTTP/1.1 400 ")


async def test_unknown_routes_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    unknown = await client.get("/v1/nothing")
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "ROUTE_NOT_FOUND")
    wrong = await client.patch(f"{ROTATIONS}/{ROTATION}")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "DELETE, GET, HEAD")
    head = await client.head("/v1/schedules")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/openapi.json", "application/vnd.oai.openapi+json;version=3.1"),
        ("/healthz", "text/plain; charset=utf-8"),
        ("/readyz", "text/plain; charset=utf-8"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/assets/style.css", "text/css; charset=utf-8"),
    ],
)
async def test_pages_are_served(client: httpx.AsyncClient, path: str, content_type: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == content_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["server"] == "flightmesh"


async def test_a_caller_that_goes_away_does_no_harm(
    gateway: Gateway, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(
        f"POST {ROTATIONS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{{".encode()
    )
    await writer.drain()
    writer.close()
    assert (await client.get("/healthz")).status_code == 200
    assert not caplog.records


async def test_many_connections_are_answered_at_once(
    gateway: Gateway, backend: FakeBackend
) -> None:
    everybody = asyncio.Barrier(60)
    backend.before = everybody.wait
    limits = httpx.Limits(max_connections=60)
    async with httpx.AsyncClient(base_url=f"http://{gateway.address}", limits=limits) as many:
        answers = await asyncio.gather(*[many.get("/v1/schedules") for _ in range(60)])
    assert {answer.status_code for answer in answers} == {200}


async def test_stopping_lets_requests_under_way_end_and_takes_no_more(
    backend: FakeBackend,
) -> None:
    gateway = gateway_on(backend)
    await gateway.start()
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        arrived.set()
        await go_on.wait()

    backend.before = wait
    async with httpx.AsyncClient(base_url=f"http://{gateway.address}") as client:
        async with asyncio.TaskGroup() as tasks:
            request = tasks.create_task(client.get("/v1/schedules"))
            await arrived.wait()
            stopping = tasks.create_task(gateway.stop())
            await asyncio.sleep(0)
            assert not stopping.done()
            go_on.set()
        assert request.result().status_code == 200
        with pytest.raises(httpx.TransportError):
            await client.get("/healthz")


async def test_a_port_that_is_taken_is_an_error_at_start(
    gateway: Gateway, backend: FakeBackend
) -> None:
    with pytest.raises(ConfigurationError, match="cannot listen"):
        await gateway_on(backend, port=gateway.port).start()
    other = socket.create_server(("127.0.0.1", 0))
    with other, pytest.raises(ConfigurationError, match="cannot listen"):
        await gateway_on(backend, port=other.getsockname()[1]).start()


async def test_the_port_can_be_used_again_after_a_stop(backend: FakeBackend) -> None:
    first = gateway_on(backend)
    await first.start()
    port = first.port
    async with httpx.AsyncClient(base_url=f"http://{first.address}") as client:
        assert (await client.get("/healthz")).status_code == 200
        await first.stop()
    second = gateway_on(backend, port=port)
    await second.start()
    async with httpx.AsyncClient(base_url=f"http://{second.address}") as client:
        assert (await client.get("/healthz")).status_code == 200
    await second.stop()
