import asyncio
from collections.abc import AsyncIterator, Iterable

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from flightmesh.errors import ConfigurationError
from flightmesh.runtime.metrics_server import METRICS_TYPE, MetricsServer

HOST = "127.0.0.1"


class Switch:
    def __init__(self) -> None:
        self.ready = False

    def __call__(self) -> bool:
        return self.ready


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("size", "A size.", registry=registry).set(7)
    return registry


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
async def server(registry: CollectorRegistry, switch: Switch) -> AsyncIterator[MetricsServer]:
    server = MetricsServer(HOST, 0, registry, switch)
    await server.start()
    yield server
    await server.stop()


async def ask(server: MetricsServer, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.request(method, f"http://{server.address}{path}")


async def raw(server: MetricsServer, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(sent)
    answer = await reader.read()
    writer.close()
    return answer


async def test_metrics_are_told_in_the_text_format(server: MetricsServer) -> None:
    answer = await ask(server, "/metrics?name=x")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == METRICS_TYPE
    (family,) = text_string_to_metric_families(answer.text)
    assert (family.name, family.samples[0].value) == ("size", 7.0)


async def test_alive_and_ready_are_told_apart(server: MetricsServer, switch: Switch) -> None:
    assert (await ask(server, "/healthz")).status_code == 200
    waiting = await ask(server, "/readyz")
    assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "1")
    switch.ready = True
    assert (await ask(server, "/readyz")).text == "ready\n"


async def test_a_free_port_is_told(server: MetricsServer) -> None:
    assert server.port > 0
    assert server.address == f"{HOST}:{server.port}"


async def test_a_port_that_is_taken_is_named(
    server: MetricsServer, registry: CollectorRegistry
) -> None:
    second = MetricsServer(HOST, server.port, registry, lambda: True)
    with pytest.raises(ConfigurationError, match=rf"{server.address}.*FLIGHTMESH_METRICS_PORT"):
        await second.start()
    await second.stop()


async def test_the_port_is_free_again_after_the_stop(registry: CollectorRegistry) -> None:
    first = MetricsServer(HOST, 0, registry, lambda: True)
    await first.start()
    await first.stop()
    await first.stop()
    second = MetricsServer(HOST, first.port, registry, lambda: True)
    await second.start()
    assert (await ask(second, "/healthz")).status_code == 200
    await second.stop()


async def test_a_stop_does_not_wait_for_a_caller_that_says_nothing(
    registry: CollectorRegistry,
) -> None:
    server = MetricsServer(HOST, 0, registry, lambda: True)
    await server.start()
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(b"GET /metrics HTTP/1.1\r\n")
    await ask(server, "/healthz")
    await server.stop()
    assert await reader.read() == b""
    writer.close()


async def test_a_head_request_gets_no_body(server: MetricsServer) -> None:
    answer = await raw(server, b"HEAD /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: 0" not in head
    assert body == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /else HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"what is this\r\n\r\n", b"400"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nx: " + b"a" * 40_000 + b"\r\n\r\n", b"431"),
    ],
)
async def test_what_is_not_a_request_for_it_is_refused(
    server: MetricsServer, sent: bytes, status: bytes
) -> None:
    assert (await raw(server, sent)).startswith(b"HTTP/1.1 " + status)


class Broken:
    def collect(self) -> Iterable[Metric]:
        raise RuntimeError("a fault")


async def test_a_fault_in_one_count_leaves_the_health_check_alone(
    server: MetricsServer, registry: CollectorRegistry
) -> None:
    registry.register(Broken())
    assert (await ask(server, "/metrics")).status_code == 500
    assert (await ask(server, "/healthz")).status_code == 200
